"""`python -m breaker`: the same as the command `breaker`."""

from __future__ import annotations

from breaker.cli.main import main

if __name__ == "__main__":
    main()
