"""The simulator's own surface, below `/simulator/`: what a person or a test does to the simulated world."""
