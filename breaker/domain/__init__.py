"""The pure core: outcomes, windows, detectors, profile, circuit, commands.

No I/O, no clock, no randomness, nothing but the standard library. Time is an argument.
"""
