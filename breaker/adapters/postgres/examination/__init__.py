"""What `breaker doctor` examines in the database: written by daemons as they go, and read by whoever asks."""
