"""What Breaker, the platform and others would have done, given outcomes that were recorded."""
