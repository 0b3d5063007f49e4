"""What is counted of an account: rolling windows, and what detectors remember."""
