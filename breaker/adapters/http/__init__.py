"""Breaker's own HTTP: the webhook listener and the admin listener."""
