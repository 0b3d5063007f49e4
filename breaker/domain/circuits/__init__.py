"""What is decided about accounts and sending domains."""
