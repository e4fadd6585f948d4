"""How a torch model takes its input: as the user says, as its neurons ask for, or found by trying.

Tried on zeros, with axes of different lengths: reading follows every axis, so that a wrong way is
refused there; the probe runs the model the way that was found.
"""

from __future__ import annotations

from dataclasses import replace

from ..value import Unsupported
from .layers import Layer
from .models import CALLS, Source, read


def find_call(source: Source, call: str | None) -> tuple[Source, Layer]:
    """Read a model, and find how it is called where that is not given.

    Args:
        source: with the call that its neurons ask for. call: as the user gave it, or None.

    Returns
    -------
        The source as it is called, and the layer of its output.

    Raises
    ------
        Unsupported, ValueError: of the way in which most of the model could be read.
    """
    ways = [call] if call else [source.call, *(c for c in CALLS if c != source.call)]
    failed: list[tuple[int, int, Source, Exception]] = []
    for way in ways:
        tried = replace(source, call=way, leaves={})
        try:
            last = read(tried)
        except (Unsupported, ValueError) as error:
            seen = tried.recorder
            failed.append((sum(seen.called.values()), len(seen.seen), tried, error))
            continue
        if way == "once" and source.enter.coding != "direct":
            raise _repeats(source.timesteps)
        return tried, last
    # the way in which most was read comes first; of equal ones the first that was tried stays so
    failed.sort(key=lambda attempt: attempt[:2], reverse=True)
    for *_, tried, error in failed:
        steps = _own_steps(tried, error)
        if steps is None:
            continue
        if tried.call == "once" and source.enter.coding != "direct":
            raise _repeats(steps)
        raise ValueError(
            f"the model makes {steps} timesteps by itself: give timesteps={steps}, not "
            f"{source.timesteps}"
        )
    raise failed[0][-1]


def _repeats(steps: int) -> ValueError:
    return ValueError(
        f"the model takes one tensor and presents it to itself at {steps} timesteps: give "
        f"coding='direct' and timesteps={steps}, with input_bits and input_unit of its values"
    )


def _own_steps(source: Source, error: Exception) -> int | None:
    """Return the timesteps that a model makes whatever it is given, if it reads with as many."""
    steps = max(source.recorder.called.values(), default=getattr(error, "steps", 0))
    if steps < 2 or steps == source.timesteps:
        return None
    try:
        read(replace(source, timesteps=steps, leaves={}))
    except (Unsupported, ValueError):
        return None
    return steps
