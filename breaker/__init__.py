"""Breaker: the circuit breaker for fleets of AI agents' mailboxes."""

__version__ = "0.1.0"
