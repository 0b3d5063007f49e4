"""How early and how rarely the detectors act, measured on traces of our own making: `python -m tests.detection`."""
