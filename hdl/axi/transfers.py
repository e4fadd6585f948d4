"""Transfers: how beats of any width come in TDATA of whole bytes.

A beat takes ``count`` transfers, its low bits in the first one; it always begins with a transfer,
and what TDATA holds above its bits is 0 on the way out and not looked at on the way in.
"""

from __future__ import annotations

from dataclasses import dataclass

from mapping.value import integer

from ..planned import Plan

#: Bytes of TDATA at most: unless told otherwise, and as AXI4-Stream recommends.
USUAL, MOST = 64, 128


@dataclass(frozen=True)
class Transfers:
    """How beats of ``bits`` come in TDATA of ``size`` bytes."""

    bits: int
    size: int

    @property
    def width(self) -> int:
        """Bits of TDATA."""
        return 8 * self.size

    @property
    def count(self) -> int:
        """Transfers of a beat."""
        return -(-self.bits // self.width)


def transfers(bits: int, size: int | None = None) -> Transfers:
    """Return how beats come.

    Args:
        bits: of a beat. size: bytes of TDATA; None: the power of two that holds a beat, 64 at most.

    Raises
    ------
        ValueError: size is no power of two of 1 to 128.
    """
    if size is None:
        whole = -(-bits // 8)
        return Transfers(bits, min(USUAL, 1 << (whole - 1).bit_length()))
    size = integer(size, "bytes of TDATA")
    if not 1 <= size <= MOST or size & (size - 1):
        raise ValueError(f"bytes of TDATA must be a power of two of 1 to {MOST}, not {size}")
    return Transfers(bits, size)


@dataclass(frozen=True)
class Field:
    """A part of an answer: ``bits`` of the core's port, in whole bytes from ``at`` on."""

    name: str
    bits: int
    at: int
    signed: bool

    @property
    def size(self) -> int:
        """Its bytes."""
        return -(-self.bits // 8)


def fields(ports: dict[str, int]) -> tuple[Field, ...]:
    """Return the fields of an answer with these ports, each in whole bytes."""
    made: list[Field] = []
    for name, bits in ports.items():
        at = made[-1].at + made[-1].size if made else 0
        made.append(Field(name, bits, at, name == "score"))
    return tuple(made)


def entering(plan: Plan, size: int | None = None) -> Transfers:
    """Return how input beats come."""
    return transfers(plan.enter.beat_bits, size)


def leaving(plan: Plan, size: int | None = None) -> Transfers:
    """Return how beats of the output, or answers, go."""
    if plan.answer is None:
        return transfers(plan.leaves.beat_bits, size)
    last = fields(plan.answer.ports)[-1]
    return transfers(8 * (last.at + last.size), size)
