"""What raises suspicion, and how rarely for nothing."""
