"""Malformed input: the error bits are those of the rules, and the next whole sample is exact.

What must come of any beats is said by ``hdl/testbench/protocol.py``, which knows nothing of the
hardware: how many blocks go on, and which errors are raised.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from ..engines.cxxrtl import BURSTS, Simulation
from ..tools import ProtocolError
from . import beats

#: Per cent of cycles in which streams stall.
STALLS = (0, 30, 80, BURSTS)
#: Malformed inputs of one check: as many as take so many cycles, within these.
CYCLES, LEAST, MOST = 200_000, 4, 100


def check(
    x: np.ndarray, ran: dict[str, list[tuple[np.ndarray, np.ndarray]]], device: Simulation,
    manifest: dict[str, Any], seed: int, count: int | None = None,
) -> tuple[Counter[str], Counter[str]]:  # fmt: skip
    """Send malformed inputs, each followed by a whole sample.

    Args:
        x: (samples, T, *shape), all timesteps of the network. ran: what whole ones came to, by
            population spikes and membranes, (T, neurons).
        count: of malformed inputs; by their length if None.

    Returns
    -------
        How often each kind was sent, and each error raised.

    Raises
    ------
        ProtocolError: something else came than the rules say.
    """
    rng = random.Random(seed)
    samples = [beats.input_beats(one[None], manifest) for one in x]
    if count is None:
        count = min(MOST, max(LEAST, CYCLES // (3 * int(manifest["cycles_per_sample"]))))
    kinds: Counter[str] = Counter()
    errors: Counter[str] = Counter()
    for _ in range(count):
        sent, raised = _attempt(rng, device, samples, ran, manifest)
        kinds.update(sent)
        errors.update(raised or {"none"})
    return kinds, errors


def _attempt(
    rng: random.Random, device: Simulation, samples: Sequence[tuple[np.ndarray, np.ndarray]],
    ran: dict[str, list[tuple[np.ndarray, np.ndarray]]], manifest: dict[str, Any],
) -> tuple[list[str], set[str]]:  # fmt: skip
    from hdl.testbench import malformed, protocol

    enter, output = manifest["input"], manifest["output"]
    size, first = int(enter["beats_per_block"]), int(enter["beats_of_first_block"])
    block, steps_first = int(manifest["block"]), int(manifest["block_first"])
    steps = int(manifest["timesteps"])
    blocks = 1 if enter["constant"] else -(-steps // block)
    ends = [first - 1 + k * size for k in range(blocks)]

    def whole(sample: int) -> list[protocol.Beat]:
        return [
            protocol.Beat(k, bool(f & beats.FIRST), bool(f & beats.LAST), sample, k)
            for k, f in enumerate(samples[sample][1])
        ]

    sent: list[protocol.Beat] = []
    kinds = []
    for _ in range(rng.randrange(1, 4)):
        kind = rng.choice(malformed.KINDS)
        mistake = kind(rng, whole(rng.randrange(len(samples))), ends)
        if mistake is not None:
            kinds.append(kind.__name__)
            sent += mistake
    last, at = rng.randrange(len(samples)), len(sent)
    sent += whole(last)
    reset = rng.randrange(1, at) if at > 1 and rng.random() < 0.3 else 0
    kinds += ["a reset"] * (reset > 0)
    rules = protocol.Rules(size, first, blocks)
    for beat in sent[reset:]:
        rules.take(beat)
    flags = np.array([b.first * beats.FIRST | b.last * beats.LAST for b in sent], np.uint8)
    flags[reset] |= beats.RESET * (reset > 0)
    lengths = [steps_first + (r.blocks - 1) * block for r in rules.runs if r.blocks]
    if enter["constant"]:
        lengths = [steps for _ in lengths]
    sizes = {p["name"]: int(p["neurons"]) for p in manifest["populations"]}

    def many(stream: dict[str, Any], neurons: int) -> int:
        return sum(len(beats.rows(stream, neurons, t, manifest)) for t in lengths)

    want = {p["trace"]: many(p, sizes[p["name"]]) for p in manifest["populations"]}
    want["o"] = many(output, sizes[output["population"]])
    data = np.stack([samples[b.sample][0][b.data] for b in sent])
    stalls = rng.choice(STALLS), rng.choice(STALLS)
    streams = device.run(data, flags, want, rng.getrandbits(31), stalls)
    what = f"after malformed input ({', '.join(kinds) or 'none'})"
    raised = {n for k, n in enumerate(manifest["errors"]) if streams.error >> k & 1}
    if raised != rules.errors:
        raise ProtocolError(f"{what} the error bits are {_told(raised)}, not {_told(rules.errors)}")
    for p in manifest["populations"]:
        count = len(beats.rows(p, sizes[p["name"]], steps, manifest))
        ports = {name: found[-count:] for name, found in streams.taps[p["trace"]].items()}
        ((spikes, v),) = beats.neurons(ports, p, [steps], manifest)
        for name, got, right in zip(
            ("spikes", "v"), (spikes, v), ran[p["name"]][last], strict=True
        ):
            if (got != right).any():
                raise ProtocolError(f"{what} {name} of {p['name']!r} differ in the next sample")
    return kinds, raised


def _told(errors: set[str]) -> str:
    return ", ".join(sorted(errors)) or "none"
