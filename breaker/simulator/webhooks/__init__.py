"""Notifications: what they say, where they go, how they are signed and tried again."""
