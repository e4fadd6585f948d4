"""How many values were compared, and how many of them differ."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Count:
    """One cell of the agreement matrix: neuron-values compared and how many differ.

    ``compared`` is None where one side does not give the values: "not compared", never OK.
    """

    compared: int | None
    mismatches: int = 0

    def __str__(self) -> str:
        return "not compared" if self.compared is None else f"{self.mismatches} / {self.compared:,}"
