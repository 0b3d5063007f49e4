"""The platform and fleets, simulated; nothing in flows or domain knows it."""
