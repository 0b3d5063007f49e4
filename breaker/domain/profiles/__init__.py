"""Which detectors apply to whom, and who may be stopped automatically."""
