"""The platform: its API, its notifications, its signatures."""
