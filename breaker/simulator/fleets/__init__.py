"""Fleets of agents' mailboxes: who writes to whom, how much, what goes wrong with whom, and the truth about it."""
