"""What an operation costs: two named sets of constants, in picojoules."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Constants:
    """Picojoules of one operation."""

    mac: float
    sop: float
    source: str

    def energy(self, macs: float, sops: float) -> float:
        """Return millijoules."""
        return (macs * self.mac + sops * self.sop) * 1e-9


CONSTANTS = {
    "45 nm": Constants(4.6, 0.9, "M. Horowitz, ISSCC 2014: 32-bit float multiply-add, and add"),
    "fitted": Constants(
        1.67, 0.38, "fitted to the three rows of table 2 of C. Liang et al., AAAI-25"
    ),
}
