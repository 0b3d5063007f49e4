"""How an account comes back by evidence."""
