"""Choices: what is asked of a plan, one number or one answer per population."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mapping.value import integer

from .streams import Blocks

#: Outputs and inputs of a core a cycle unless told.
PE, SIMD = 8, 32
#: Outputs a cycle from which on weights are held as prefix parities.
CODED = 3
#: One number for all, one per population, or some of them by name.
Choice = int | Sequence[int] | Mapping[str, int] | None


def chosen(value: Choice, names: Sequence[str], default: int, what: str) -> list[int]:
    """Return one number per population.

    Raises
    ------
        TypeError, ValueError: not positive, not one per population, or an unknown name.
    """
    if value is None:
        value = {}
    if isinstance(value, Mapping):
        unknown = [name for name in value if name not in names]
        if unknown:
            known = ", ".join(map(repr, names))
            raise ValueError(f"{what} is given for {unknown[0]!r}; the populations are {known}")
        given = [value.get(name, default) for name in names]
    elif isinstance(value, int) or not hasattr(value, "__len__"):
        given = [value] * len(names)
    else:
        given = list(value)
    if len(given) != len(names):
        raise ValueError(
            f"{what} must be one number or {len(names)} (one per population), not {len(given)}"
        )
    return [integer(number, what, 1, 4096) for number in given]


def skipped(value: bool | Sequence[str], names: Sequence[str], blocks: Blocks) -> list[bool]:
    """Return for each population whether it skips zero words.

    Raises
    ------
        TypeError, ValueError: neither a truth nor names, an unknown name, or blocks that are long.
    """
    if isinstance(value, bool):
        mine = [value] * len(names)
    elif isinstance(value, str) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"skip_zeros must be true, false or names of populations, not {value!r}")
    else:
        unknown = [name for name in value if name not in names]
        if unknown:
            known = ", ".join(map(repr, names))
            raise ValueError(f"skip_zeros is given for {unknown[0]!r}; the populations are {known}")
        mine = [name in value for name in names]
    if any(mine) and blocks.block > 1:
        raise ValueError(
            "zero words are skipped timestep by timestep: skip_zeros needs a block of 1, not "
            f"{blocks.block}"
        )
    return mine
