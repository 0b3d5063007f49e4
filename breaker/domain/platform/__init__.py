"""What is wanted of the platform, what it does by itself, and how both drift apart."""
