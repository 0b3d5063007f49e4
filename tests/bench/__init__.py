"""How fast, and how large: `python -m tests.bench` measures ratios within one run and prints a table and JSON."""
