"""Choose PE, SIMD and lanes: the smallest form of a wanted rate, or the fastest that fits.

At a given pace each population takes the cheapest way (``ways``) that keeps it, so that one which
does not limit the rate gives back what it does not need; at last single steps of parallelism are
taken away while none is missed. The rate is that of the plan: where connections back form a circle
that is slower than its cores, the cores are chosen faster until the circle keeps the pace.

Cells are an estimate (``cells``); cycles and memory bits are those of the plan, exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mapping import Network
from mapping.value import integer

from .cells import cells, population_cells
from .choices import Choice, chosen
from .listing import CIRCLE, busy, limits
from .plan import plan
from .planned import Plan
from .stores import memory_bits
from .ways import MOST, Ways, divisors, shares

#: What a bit of memory is worth in cells, tried one after the other where memory is short.
WORTH = (0.0, 1e-4, 1e-3, 1e-2, 1e-1, 1.0, 1e3)
NAMES = ("PE", "SIMD", "lanes")


class Unreachable(ValueError):
    """No form reaches the rate, or fits; the sentence names what stands in the way."""


@dataclass(frozen=True)
class Budget:
    """What a form must keep: cycles of a sample, estimated cells, bits of memory; None: any."""

    cycles: int | None = None
    cells: int | None = None
    ram: int | None = None

    def __post_init__(self) -> None:
        for name in ("cycles", "cells", "ram"):
            value = getattr(self, name)
            if value is not None:
                object.__setattr__(self, name, integer(value, name, 1, 1 << 62))


@dataclass(frozen=True)
class Form:
    """A plan, and the options of ``hdl.plan.plan`` and of ``hdl.verilog.emit`` that make it."""

    plan: Plan
    options: dict[str, Any]


def choose(
    network: Network, budget: Budget, pe: Choice = None, simd: Choice = None,
    lanes: Choice = None, block: int | None = None, parallel: int = 1, classes: bool = False,
    stop: bool = False, skip_zeros: bool | Sequence[str] = False,
) -> Form:  # fmt: skip
    """Return the form that is chosen.

    With ``budget.cycles`` it is the one of fewest estimated cells that takes at most so many cycles
    a sample. Without, it is the fastest that keeps the rest of the budget.

    Args:
        pe, simd, lanes: kept as given: a number for all, one per population, or by name.
        block, parallel, classes, stop, skip_zeros: see ``hdl.plan.plan``. What is not read of
            zeros is extra: the rate is kept whatever the data.

    Raises
    ------
        Unreachable: nothing keeps the budget. Unsupported, ValueError: as of ``hdl.plan.plan``.
    """
    names = [p.name for p in network.populations]
    given: dict[str, dict[str, int]] = {}
    for what, value in zip(NAMES, (pe, simd, lanes), strict=True):
        kept = value if isinstance(value, Mapping) else () if value is None else names
        numbers = dict(zip(names, chosen(value, names, 1, what), strict=True))
        given[what] = {name: numbers[name] for name in names if name in kept}
    fixed = {
        "block": block, "parallel": parallel, "classes": classes, "stop": stop,
        "skip_zeros": skip_zeros,
    }  # fmt: skip
    search = _Search(network, budget, given, fixed)
    return search.fastest() if budget.cycles is None else search.smallest(budget.cycles)


class _Search:
    """The forms of one network."""

    def __init__(
        self, network: Network, budget: Budget, given: dict[str, dict[str, int]],
        fixed: dict[str, Any],
    ) -> None:  # fmt: skip
        self.network, self.budget, self.given, self.fixed = network, budget, given, fixed
        # The slowest form says at once whether what is given, the block and the delays fit.
        least = {p.name: 1 for p in network.populations}
        slow = {what: {**least, **given[what]} for what in NAMES}
        for name, lanes in given["lanes"].items():  # they need a PE that they divide
            slow["PE"][name] = given["PE"].get(name, lanes)
        self.slowest = self.form(slow)
        self.ways = Ways(self.slowest.plan, given)

    def form(self, numbers: dict[str, dict[str, int]]) -> Form:
        """Return the form of PE, SIMD and lanes by name."""
        options = {
            "pe": numbers["PE"], "simd": numbers["SIMD"], "lanes": numbers["lanes"], **self.fixed
        }  # fmt: skip
        return Form(plan(self.network, **options), options)

    def at(self, pace: int, worth: float = 0.0) -> Form | None:
        """Return the form of the cheapest ways that take at most ``pace`` cycles, or None."""
        taken = self.ways.cheapest(pace, worth)
        if taken is None:
            return None
        names = [p.name for p in self.network.populations]
        numbers = {
            "PE": {n: w.pe for n, w in zip(names, taken, strict=True)},
            "SIMD": {n: w.simd for n, w in zip(names, taken, strict=True)},
            "lanes": {n: w.lanes for n, w in zip(names, taken, strict=True)},
        }
        return self.form({what: {**numbers[what], **self.given[what]} for what in NAMES})

    def small(self, made: Plan) -> bool:
        """Whether a plan keeps the budget of cells and memory."""
        most = self.budget
        if most.cells is not None and cells(made) > most.cells:
            return False
        return most.ram is None or memory_bits(made) <= most.ram

    def fitting(self, pace: int) -> Form | None:
        """Return the cheapest form of a pace that keeps the budget of cells and memory, or None."""
        for worth in WORTH if self.budget.ram is not None else WORTH[:1]:
            made = self.at(pace, worth)
            if made is not None and self.small(made.plan):
                return made
        return None

    def smallest(self, cycles: int) -> Form:
        """Return the cheapest form that takes at most so many cycles a sample."""

        def quick(made: Form | None) -> bool:
            return made is not None and made.plan.timing.cycles <= cycles

        if not quick(self.at(self.ways.least)):  # in a circle not only the pace of cores counts
            made = self.fullest()
            if not quick(made):
                raise Unreachable(self._why_slow(made.plan, cycles))
            made = self.trimmed(made, cycles)
            if not self.small(made.plan):
                raise Unreachable(self._why_large(made.plan, f"a sample in {cycles:,} cycles"))
            return made
        pace = cycles
        if not quick(self.at(pace)):
            pace = _last(self.ways.least, cycles, lambda n: quick(self.at(n)))
        made = self.fitting(pace)
        if made is None or not quick(made):
            raise Unreachable(self._why_large(self.at(pace).plan, f"a sample in {cycles:,} cycles"))
        return self.trimmed(made, cycles)

    def fullest(self) -> Form:
        """Return the form with everything in parallel that is not given."""
        sizes = {p.name: p.neurons for p in self.slowest.plan.populations}
        pe = {n: min(self.given["PE"].get(n, size), size) for n, size in sizes.items()}
        numbers = {
            "PE": pe,
            "SIMD": dict.fromkeys(sizes, MOST),
            "lanes": {n: math.gcd(pe[n], size) for n, size in sizes.items()},
        }
        return self.form({what: {**numbers[what], **self.given[what]} for what in NAMES})

    def fastest(self) -> Form:
        """Return the fastest form that keeps the budget of cells and memory."""
        low, high = self.ways.least, self.ways.most
        if self.fitting(high) is None:
            raise Unreachable(self._why_large(self.at(high).plan, "the smallest form"))
        made = self.fitting(_first(low, high, lambda n: self.fitting(n) is not None))
        return self.trimmed(made, made.plan.timing.cycles)

    def trimmed(self, made: Form, cycles: int) -> Form:
        """Take a step of parallelism away while that makes a form smaller and fast enough.

        Ways know nothing of what the SIMD of a connection is rounded up to, and nothing of circles.
        """
        while True:
            fewer = [
                less
                for less in self.steps(made)
                if less.plan.timing.cycles <= cycles
                and (self.small(less.plan) or not self.small(made.plan))
            ]  # fmt: skip
            if not fewer:
                return made
            made = min(fewer, key=lambda form: cells(form.plan))

    def steps(self, made: Form) -> Iterator[Form]:
        """Yield the forms with one number of one population a step less, which are smaller."""
        numbers = dict(zip(NAMES, (made.options[n] for n in ("pe", "simd", "lanes")), strict=True))
        for k, p in enumerate(made.plan.populations):
            lanes = numbers["lanes"][p.name]
            sources = [c.placing.elements for c in p.connections if c.source >= 0]
            if k == self.ways.leader:
                sources = [made.plan.enter.elements]
            steps = {
                "PE": {-(-n // lanes) * lanes for n in shares(p.neurons)},
                "SIMD": {n for size in sources for n in shares(size)},
                "lanes": {n for n in divisors(p.neurons) if numbers["PE"][p.name] % n == 0},
            }
            for what, values in steps.items():
                if p.name in self.given[what]:
                    continue
                for less in sorted((n for n in values if n < numbers[what][p.name]), reverse=True):
                    form = self.form({**numbers, what: {**numbers[what], p.name: less}})
                    if cells(form.plan) < cells(made.plan):  # else it was rounded up again
                        yield form
                        break

    def _why_slow(self, made: Plan, cycles: int) -> str:
        """Say who keeps the fastest form from being fast enough."""
        text = f"{cycles:,} cycles a sample cannot be reached: "
        if limits(made) == [CIRCLE]:
            back = [repr(p.name) for p in made.populations if any(c.back for c in p.connections)]
            return text + (
                f"the circle of connections back into {', '.join(back)} takes "
                f"{made.timing.cycles:,} with everything in parallel"
            )
        p = max(made.populations, key=lambda p: busy(made, p))
        if busy(made, p) <= cycles:
            return text + f"the beats of the input take {made.timing.cycles:,}; more SIMD is needed"
        kept = [f"{what} {n[p.name]}" for what, n in self.given.items() if p.name in n]
        how = f"{' and '.join(kept)} as given" if kept else "everything in parallel"
        return text + f"population {p.name!r} takes {busy(made, p):,} with {how}"

    def _why_large(self, made: Plan, what: str) -> str:
        """Say what is too large."""
        most, takes, bits = self.budget, cells(made), memory_bits(made)
        if most.cells is not None and takes > most.cells:
            p = max(made.populations, key=population_cells)
            return (
                f"{what} needs an estimated {takes:,} cells, and {most.cells:,} are given; "
                f"population {p.name!r} takes most of them, {population_cells(p):,}"
            )
        p, rom = max(
            ((p, c.rom[0] * c.rom[1]) for p in made.populations for c in p.connections),
            key=lambda pair: pair[1],
        )
        return (
            f"{what} needs {bits:,} bits of memory, and {most.ram:,} are given; the weights of "
            f"population {p.name!r} take most of them, {rom:,}"
        )


def _first(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the least n at which something holds that holds from there on up to ``high``."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return high


def _last(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the largest n at which something holds that holds from ``low`` up to there."""
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low
