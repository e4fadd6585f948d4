"""Threads over blocks of samples; each has an arena of its own, and numba's pool is not used.

So the threads of torch, OpenMP and numba in the same process are left as they are.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mapping import Network
from mapping.coding import check

from . import fields as f
from .block import blocks
from .lanes import WIDTH
from .layout import Layout, layout
from .plan import Plan, Windows, fits, plan

#: Word operations of one call of the kernel: a tenth of a second, so that Ctrl-C is heard.
CALL = 200_000_000
#: Bytes that the arenas of all threads may take, unless told otherwise.
MEMORY = 1 << 30

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Recorded:
    """What was asked for: population name to (samples, T, *shape)."""

    spikes: dict[str, np.ndarray]
    v: dict[str, np.ndarray]


def processors() -> int:
    """Return how many threads run at once."""
    try:
        return max(1, len(os.sched_getaffinity(0)))
    except AttributeError:  # not Linux
        return os.cpu_count() or 1


@functools.cache
def counts_32_bits() -> bool:
    """Whether this machine counts the ones of 32-bit lanes in one instruction."""
    import llvmlite.binding as llvm

    there = bool(llvm.get_host_cpu_features().get("avx512vpopcntdq"))
    return there and "NUMBA_CPU_NAME" not in os.environ


def run(
    network: Network, inputs: np.ndarray, spikes: set[str], v: set[str], kinds: Windows,
    threads: int, memory: int = MEMORY, progress: Progress | None = None,
) -> Recorded:  # fmt: skip
    """Run a batch and record what is asked for.

    Args:
        inputs: as of ``sim.run``; not looked through yet.
        spikes, v: names of the populations whose spikes, and membranes, are recorded.
        kinds: what is computed of each op.
        memory: bytes that all arenas may take; fewer threads run where they do not fit.
        progress: called with (samples done, samples in all).

    Raises
    ------
        TypeError, ValueError: bad inputs, or an arena larger than the memory.
    """
    given = _admit(network, inputs)
    samples, coding = len(given), network.input.coding
    narrow = counts_32_bits() and samples > WIDTH // 64 and fits(network)
    made = plan(network, kinds, 32 if narrow else 64)
    lanes = WIDTH // made.width
    steps = given.shape[1] if coding == "steps" else network.timesteps
    place = layout(made, coding, steps, lanes)
    place.enter[f.I_BYTES] = given.itemsize
    size = place.size * made.width // 8
    if size > memory:
        raise ValueError(
            f"{lanes} samples of {steps} timesteps take {size:,} bytes, more than the {memory:,} "
            "of 'memory': give it more, or run fewer timesteps"
        )
    threads = max(1, min(threads, memory // size))
    recorded, v_out, spikes_out = _record(network, place, samples, spikes, v)
    flat = given.reshape(-1).view(np.uint8)

    def some(arena: np.ndarray, first: int, last: int) -> bool:
        return blocks(
            flat, place.enter, place.populations, place.edges, made.stages, made.moves,
            made.windows, made.weights, made.constants, arena, place.scratch, lanes, made.width,
            steps, samples, first, last, v_out, spikes_out,
        )  # fmt: skip

    each = max(1, CALL // max(1, work(made, steps)))
    wrong = _share(some, made, place.size, -(-samples // lanes), each, threads, samples, lanes,
                   progress)  # fmt: skip
    if wrong:
        check(network.input, inputs, network.timesteps)  # raises, and says what is wrong
        raise AssertionError("the kernel saw an input that is too large, and nobody else does")
    for name in recorded.v:  # the same at every timestep
        if recorded.v[name].shape[1] != steps:
            recorded.v[name] = np.repeat(recorded.v[name], steps, axis=1)
    return recorded


def _admit(network: Network, inputs: np.ndarray) -> np.ndarray:
    """Check all but the values of bytes, which the kernel does as it packs them."""
    array = np.asarray(inputs)
    shape, coding = network.input.shape, network.input.coding
    lead = 2 if coding == "steps" else 1
    if (
        array.dtype in (np.uint8, np.bool_)
        and array.flags.c_contiguous
        and array.ndim == lead + len(shape)
        and array.shape[lead:] == shape
        and len(array)
        and (coding != "steps" or 1 <= array.shape[1] <= network.timesteps)
    ):
        return array
    return check(network.input, array, network.timesteps)


def work(made: Plan, steps: int) -> int:
    """Return about how many word operations one block of samples takes."""
    total = 1
    for pop in made.populations:
        spots = int(pop[f.ROWS] * pop[f.COLS])
        for edge in made.edges[pop[f.FIRST_EDGE] : pop[f.FIRST_EDGE] + pop[f.EDGES]]:
            taps = 1 if edge[f.MOVES] > 0 else int(edge[f.K_ROWS] * edge[f.K_COLS])
            words = (
                max(1, int(edge[f.WINDOW])) * int(edge[f.S_PLANES]) * max(1, int(edge[f.W_BITS]))
            )
            total += spots * int(pop[f.CHANNELS]) * (taps * words + 8) * steps
    return total


def _record(
    network: Network, place: Layout, samples: int, spikes: set[str], v: set[str]
) -> tuple[Recorded, np.ndarray, np.ndarray]:
    """Make room for what is recorded, and write where into the tables."""
    sizes: dict[int, int] = {f.SPIKES_RECORD: 0, f.V_RECORD: 0}
    views: list[tuple[int, str, int, tuple[int, ...]]] = []
    for row, p in zip(place.populations, network.populations, strict=True):
        for column, names in ((f.SPIKES_RECORD, spikes), (f.V_RECORD, v)):
            if p.name in names:
                own = place.steps if column == f.SPIKES_RECORD else int(row[f.STEPS])
                shape = (samples, own, *network.shapes[p.name])
                row[column] = sizes[column]
                views.append((column, p.name, sizes[column], shape))
                sizes[column] += int(np.prod(shape))
    whole: dict[int, np.ndarray] = {
        f.SPIKES_RECORD: np.empty(sizes[f.SPIKES_RECORD] or 1, np.bool_),
        f.V_RECORD: np.empty(sizes[f.V_RECORD] or 1, np.int64),
    }
    found: dict[int, dict[str, np.ndarray]] = {f.SPIKES_RECORD: {}, f.V_RECORD: {}}
    for column, name, at, shape in views:
        found[column][name] = whole[column][at : at + int(np.prod(shape))].reshape(shape)
    return (
        Recorded(found[f.SPIKES_RECORD], found[f.V_RECORD]),
        whole[f.V_RECORD],
        whole[f.SPIKES_RECORD],
    )


def _share(
    some: Callable[[np.ndarray, int, int], bool], made: Plan, size: int, count: int, each: int,
    threads: int, samples: int, lanes: int, progress: Progress | None,
) -> bool:  # fmt: skip
    """Let threads take ``each`` blocks at a time; return whether an input was too large."""
    threads = min(threads, count)
    each = min(each, -(-count // threads))
    starts = iter(range(0, count, each))
    lock, done, wrong = threading.Lock(), 0, False
    problems: list[BaseException] = []

    def take() -> None:
        nonlocal done, wrong
        arena = np.empty(size, made.weights.dtype)
        try:
            while not problems:
                with lock:
                    first = next(starts, None)
                if first is None:
                    return
                last = min(count, first + each)
                bad = some(arena, first, last)
                with lock:
                    wrong |= bad
                    done += min(samples, last * lanes) - first * lanes
                    if progress is not None:
                        progress(done, samples)
        except BaseException as error:  # raised again where the others are waited for
            problems.append(error)

    others: list[Any] = [threading.Thread(target=take) for _ in range(threads - 1)]
    for other in others:
        other.start()
    take()
    for other in others:
        other.join()
    if problems:
        raise problems[0]
    return wrong
