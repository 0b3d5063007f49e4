"""The formulas that detectors and error rates are made of."""
