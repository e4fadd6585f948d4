"""Which backends the command line offers: those that have a row, read when they are asked for."""

from __future__ import annotations


def backends(incomplete: str) -> list[str]:
    """Complete a backend's name, the last of several with commas."""
    from sim.backends.rows import BACKENDS

    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in BACKENDS if name.startswith(last)]
