"""What ``plan`` and ``verilog`` do with their options: a form, as given or as chosen."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .arguments import parallelism

if TYPE_CHECKING:
    from hdl.choose import Form
    from mapping import Network


def form(
    network: Network, pe: list[str] | None, simd: list[str] | None, lanes: list[str] | None,
    block: int | None, parallel: int, target_fps: float | None, clock: float | None,
    cells: int | None, ram: int | None, classes: bool, stop: bool,
    skip_zeros: bool | Sequence[str] = False,
) -> Form:  # fmt: skip
    """Return the form that options ask for; chosen where they name a rate or a size.

    Raises
    ------
        Unsupported: a node that is not emitted as RTL. ValueError: anything else, one sentence.
    """
    from hdl.choose import Budget, Form, choose
    from hdl.plan import plan

    named = {
        "pe": parallelism(pe, "--pe"),
        "simd": parallelism(simd, "--simd"),
        "lanes": parallelism(lanes, "--lanes"),
        "block": block,
        "parallel": parallel,
        "skip_zeros": skip_zeros,
        "classes": classes,
        "stop": stop,
    }
    mhz = positive(clock, "--clock")
    rate = positive(target_fps, "--target-fps")
    cycles = None
    if rate is not None:
        if mhz is None:
            raise ValueError("--target-fps needs --clock MHZ: cycles a sample follow from both")
        cycles = math.floor(mhz * 1e6 / rate)
        if cycles < 1:
            raise ValueError(f"--target-fps {rate:g} at {mhz:g} MHz leaves no cycle a sample")
    if cycles is None and cells is None and ram is None:
        return Form(plan(network, **named), named)
    return choose(network, Budget(cycles, cells, ram), **named)


def holding(loadable: bool, also: list[Path] | None, classes: bool, stop: bool) -> dict[str, Any]:
    """Return what makes a design loadable, of the options that ask for it.

    Raises
    ------
        ValueError: ``--also`` without ``--loadable``, or no network.
    """
    from .. import files

    if also and not loadable:
        raise ValueError("--also names networks that are loaded: it needs --loadable")
    if not loadable:
        return {}
    if classes or stop:
        raise ValueError("--loadable does not go with --classes or --stop yet: leave one out")
    return {"loadable": True, "others": tuple(files.network(path) for path in also or ())}


def positive(value: float | None, option: str) -> float | None:
    """Return a value that is above 0 and finite, or None.

    Raises
    ------
        ValueError: it is not.
    """
    if value is not None and not (math.isfinite(value) and value > 0):
        raise ValueError(f"{option} must be above 0, not {value:g}")
    return value
