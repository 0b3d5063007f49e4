"""What the simulated platform knows, apart from how it is asked: no HTTP in here."""
