"""The outside world, one folder per outside thing."""
