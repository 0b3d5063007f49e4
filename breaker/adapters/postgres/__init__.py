"""PostgreSQL: the ledger, the circuits, the outbox, and an embedded server for trials."""
