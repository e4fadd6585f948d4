"""Choose PE, SIMD and lanes: the smallest form of a wanted rate, or the fastest that fits.

At a given pace each population takes the cheapest way (``ways``) that keeps it, so that one which
does not limit the rate gives back what it does not need; at last single steps of parallelism are
taken away while none is missed. The rate is that of the plan: where connections back form a circle
that is slower than its cores, the cores are chosen faster until the circle keeps the pace.

Forms are compared as drafts, without a schedule: where nothing goes back, the slowest core sets the
rate. Only in a circle, and where memory is limited, which buffers are a part of, a schedule is made
of each.

Cells are an estimate (``cells``); cycles and memory bits are those of the plan, exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mapping import Network
from mapping.value import integer

from .allowed import MOST
from .cells import cells, population_cells
from .choices import Choice, chosen
from .listing import CIRCLE, busy, input_beats, limits
from .plan import drafted, scheduled
from .planned import Plan
from .stores import memory_bits
from .ways import Ways

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
    made = search.fastest() if budget.cycles is None else search.smallest(budget.cycles)
    return replace(made, plan=scheduled(made.plan))


class _Search:
    """The forms of one network; their plans are drafts."""

    def __init__(
        self, network: Network, budget: Budget, given: dict[str, dict[str, int]],
        fixed: dict[str, Any],
    ) -> None:  # fmt: skip
        self.network, self.budget, self.given, self.fixed = network, budget, given, fixed
        self.circle = False
        # The slowest form says at once whether what is given, the block and the delays fit.
        least = {p.name: 1 for p in network.populations}
        slow = {what: {**least, **given[what]} for what in NAMES}
        for name, lanes in given["lanes"].items():  # they need a PE that they divide
            slow["PE"][name] = given["PE"].get(name, lanes)
        self.slowest = self.form(slow)
        self.circle = any(c.back for p in self.slowest.plan.populations for c in p.connections)
        self.ways = Ways(self.slowest.plan, given)

    def form(self, numbers: dict[str, dict[str, int]]) -> Form:
        """Return the form of PE, SIMD and lanes by name."""
        options = {
            "pe": numbers["PE"], "simd": numbers["SIMD"], "lanes": numbers["lanes"], **self.fixed
        }  # fmt: skip
        return Form(drafted(self.network, **options), options)

    def cycles(self, made: Plan) -> int:
        """Return the cycles of a sample of a draft."""
        if self.circle:
            return scheduled(made).timing.cycles
        return max(input_beats(made), *(busy(made, p) for p in made.populations))

    def at(self, pace: int, worth: float = 0.0) -> Form | None:
        """Return the form of the cheapest ways that take at most ``pace`` cycles, or None."""
        numbers = self.ways.cheapest(pace, worth)
        if numbers is None:
            return None
        return self.form({what: {**numbers[what], **self.given[what]} for what in NAMES})

    def small(self, made: Plan) -> bool:
        """Whether a plan keeps the budget of cells and memory."""
        most = self.budget
        if most.cells is not None and cells(made) > most.cells:
            return False
        # A draft's buffers are as small as can be.
        return most.ram is None or (
            memory_bits(made) <= most.ram and memory_bits(scheduled(made)) <= most.ram
        )

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
            return made is not None and self.cycles(made.plan) <= cycles

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
        allowed = self.ways.allowed
        lanes, pe = {}, {}
        for k, name in enumerate(allowed.names):
            size = allowed.limits[k] or allowed.channels(k)
            pe[name] = min(self.given["PE"].get(name, size), size)
            fits = [n for n in allowed.lanes(k) if allowed.limits[k] or pe[name] % n == 0]
            lanes[name] = fits[-1]
        numbers = {"PE": pe, "SIMD": dict.fromkeys(pe, MOST), "lanes": lanes}
        return self.form({what: {**numbers[what], **self.given[what]} for what in NAMES})

    def fastest(self) -> Form:
        """Return the fastest form that keeps the budget of cells and memory."""
        low, high = self.ways.least, self.ways.most
        if self.fitting(high) is None:
            raise Unreachable(self._why_large(self.at(high).plan, "the smallest form"))
        made = self.fitting(_first(low, high, lambda n: self.fitting(n) is not None))
        return self.trimmed(made, self.cycles(made.plan))

    def trimmed(self, made: Form, cycles: int) -> Form:
        """Take a step of parallelism away while that makes a form smaller and fast enough.

        Ways know nothing of what the SIMD of a connection is rounded up to, and nothing of circles.
        """
        fits = self.small(made.plan)
        while True:
            fewer = sorted(self.steps(made), key=lambda form: cells(form.plan))
            less = next((x for x in fewer if self.keeps(x.plan, cycles, fits)), None)
            if less is None:
                return made
            made = less

    def keeps(self, made: Plan, cycles: int, fits: bool) -> bool:
        """Whether a draft is fast enough, and small enough where it must be."""
        return self.cycles(made) <= cycles and (not fits or self.small(made))

    def steps(self, made: Form) -> Iterator[Form]:
        """Yield the forms with one number of one population a step less, which are smaller."""
        numbers = dict(zip(NAMES, (made.options[n] for n in ("pe", "simd", "lanes")), strict=True))
        allowed, here = self.ways.allowed, cells(made.plan)
        for k, name in enumerate(allowed.names):
            steps = {
                "PE": allowed.pes(k, numbers["lanes"][name]),
                "SIMD": self.ways.words if k == self.ways.leader else allowed.simds(k),
                "lanes": allowed.lanes(k),
            }
            for what, values in steps.items():
                if name in self.given[what]:
                    continue
                for less in sorted((n for n in values if n < numbers[what][name]), reverse=True):
                    try:
                        form = self.form({**numbers, what: {**numbers[what], name: less}})
                    except ValueError:  # lanes that do not divide PE
                        continue
                    if cells(form.plan) < here:  # else it was rounded up again
                        yield form
                        break

    def _why_slow(self, made: Plan, cycles: int) -> str:
        """Say who keeps the fastest form from being fast enough."""
        text = f"{cycles:,} cycles a sample cannot be reached: "
        made = scheduled(made)
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
