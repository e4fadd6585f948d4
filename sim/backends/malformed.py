"""Malformed input: the error bits are those of the rules, and the next whole sample is exact.

What must come of any beats is said by ``hdl/testbench/protocol.py``, which knows nothing of the
hardware: how many blocks go on, and which errors are raised. A design that stops runs some of these
blocks, its trace says how many, and every answer must be what its trace says.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from mapping import Network

from ..engines.cxxrtl import BURSTS, Simulation, Streams
from ..tools import ProtocolError
from . import answers, beats
from .decoded import Ran, read_out, reads, stops, wanted

#: Per cent of cycles in which streams stall.
STALLS = (0, 30, 80, BURSTS)
#: Malformed inputs of one check: as many as take so many cycles, within these.
CYCLES, LEAST, MOST = 200_000, 4, 100


def check(
    network: Network, x: np.ndarray, ran: Ran, device: Simulation, manifest: dict[str, Any],
    seed: int, count: int | None = None,
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
        sent, raised = _attempt(rng, network, device, samples, ran, manifest)
        kinds.update(sent)
        errors.update(raised or {"none"})
    return kinds, errors


def _attempt(
    rng: random.Random, network: Network, device: Simulation,
    samples: Sequence[tuple[np.ndarray, np.ndarray]], ran: Ran, manifest: dict[str, Any],
) -> tuple[list[str], set[str]]:  # fmt: skip
    from hdl.testbench import malformed, protocol

    enter = manifest["input"]
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
    rules = protocol.Rules(size, first, blocks, enter["fills"])
    for beat in sent[reset:]:
        rules.take(beat)
    flags = np.array([b.first * beats.FIRST | b.last * beats.LAST for b in sent], np.uint8)
    flags[reset] |= beats.RESET * (reset > 0)
    lengths = [steps_first + (r.blocks - 1) * block for r in rules.runs if r.blocks]
    if enter["constant"]:
        lengths = [steps for _ in lengths]
    want = wanted(lengths, manifest)
    ended = [r.ended for r in rules.runs if r.blocks]
    if reads(manifest):  # without a last block no answer, but of a sample that stops
        want["o"] = None if stops(manifest) else sum(ended)
    data = np.stack([samples[b.sample][0][b.data] for b in sent])
    stalls = rng.choice(STALLS), rng.choice(STALLS)
    streams = device.run(data, flags, want, rng.getrandbits(31), stalls)
    what = f"after malformed input ({', '.join(kinds) or 'none'})"
    raised = {n for k, n in enumerate(manifest["errors"]) if streams.error >> k & 1}
    if raised != rules.errors:
        raise ProtocolError(f"{what} the error bits are {_told(raised)}, not {_told(rules.errors)}")
    if reads(manifest):
        lengths = _answered(streams, network, lengths, ended, manifest)
    for p in manifest["populations"]:
        count = len(beats.rows(p, int(p["neurons"]), lengths[-1], manifest))
        ports = {name: found[-count:] for name, found in streams.taps[p["trace"]].items()}
        ((spikes, v),) = beats.neurons(ports, p, lengths[-1:], manifest)
        for name, got, right in zip(
            ("spikes", "v"), (spikes, v), ran[p["name"]][last], strict=True
        ):
            length = min(len(got), len(right))  # each has stopped where it had decided
            if (got[:length] != right[:length]).any():
                raise ProtocolError(f"{what} {name} of {p['name']!r} differ in the next sample")
    return kinds, raised


def _answered(
    streams: Streams, network: Network, lengths: list[int], ended: list[bool],
    manifest: dict[str, Any],
) -> list[int]:  # fmt: skip
    """Check every answer against the trace; return the timesteps that samples ran.

    Raises
    ------
        ProtocolError: an answer is missing, or another.
    """
    p, stop = read_out(manifest), stops(manifest)
    ports, sent = streams.taps[p["trace"]], lengths
    if stop:
        lengths = answers.stopped(ports, p, lengths, manifest)
    ran = beats.neurons(ports, p, lengths, manifest)
    decided = [
        pair
        for pair, end, was, now in zip(ran, ended, sent, lengths, strict=True)
        if (end and now == was) or (stop and pair[0].any())
    ]
    answers.check(network, answers.told(streams, manifest["output"]), decided, p["name"])
    return lengths


def _told(errors: set[str]) -> str:
    return ", ".join(sorted(errors)) or "none"
