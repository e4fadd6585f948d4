"""Mutants of the emitted Verilog: what ``verify`` kills, what is proved equal, what is left."""

from .running import mutate

__all__ = ["mutate"]
