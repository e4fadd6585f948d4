"""Facts of a board: which bytes its core's streams are, what it says of itself, and its limits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mapping.files import digest

from ..loading import contents, crc
from ..planned import Plan
from .protocol import RUN, VERSION, Hello

#: Streams that a tag can name.
MOST = 256
#: Fields of a manifest that are the network's, not the design's.
OF_NETWORK = ("network_sha256", "verilog_sha256", "files")


@dataclass(frozen=True)
class Item:
    """A beat of one of the core's streams, as bytes: its tag, then its ports, the first lowest.

    Attributes
    ----------
        tag: 0 what leaves; k + 1 the trace of population k. stream: its name in the manifest.
        ports: port to its bits, without ``valid``. beats: of a sample.
    """

    tag: int
    stream: str
    ports: Mapping[str, int]
    beats: int

    def bytes_of(self, only: str | None = None) -> int:
        """Return the bytes of a beat; only: of one of its ports."""
        return 1 + -(-(self.ports[only] if only else sum(self.ports.values())) // 8)


@dataclass(frozen=True)
class Line:
    """What a board's line and store are.

    Attributes
    ----------
        clock: Hz. baud: of its UART; 0 where the line is another. limit: bytes of a payload.
    """

    clock: int
    baud: int
    limit: int


@dataclass(frozen=True)
class Core:
    """What an endpoint knows of its core.

    Attributes
    ----------
        hello: bytes that a HELLO returns. limit: bytes of a payload.
        sample_bytes: of a RUN, a sample. returned: by each bit of Want, a sample.
        weights: of the network that it begins with. loadable: whether others can be loaded.
        patience: cycles for which a core may show nothing while it runs.
    """

    hello: bytes
    limit: int
    sample_bytes: int
    returned: tuple[int, int, int]
    weights: int
    loadable: bool
    patience: int


def items(plan: Plan) -> tuple[Item, ...]:
    """Return the beats that a board can return, by tag.

    Raises
    ------
        ValueError: a design whose samples stop early, since how much it returns is not known; more
            populations than a byte can name.
    """
    if len(plan.populations) >= MOST:
        raise ValueError(
            f"a board names its populations by a byte: {MOST - 1} at most, not "
            f"{len(plan.populations)}"
        )
    if plan.answer is not None and plan.answer.stop:
        raise ValueError(
            "a board does not take designs that stop early (--stop): how much they return depends "
            "on the data; build it without"
        )
    if plan.answer is not None:
        leaves = Item(0, "c", plan.answer.ports, 1)
    else:
        p = plan.leaves
        beats = p.beats_first + (plan.blocks.count - 1) * p.beats
        leaves = Item(0, "o", {"data": p.beat_bits, "first": 1, "last": 1}, beats)
    traces = []
    for k, p in enumerate(plan.populations):
        ports = {name: bits for name, bits in p.trace.items() if name != "valid"}
        traces.append(Item(k + 1, f"trace_{k}", ports, p.order.rows * plan.network.timesteps))
    return (leaves, *traces)


def beats_of_sample(plan: Plan) -> int:
    """Return the input beats of a whole sample."""
    enter = plan.enter
    return (enter.beats_first + (enter.blocks.count - 1) * enter.beats) * plan.rows


def beat_bytes(plan: Plan) -> int:
    """Return the bytes of an input beat."""
    return -(-plan.enter.beat_bits // 8)


def weights_crc(plan: Plan) -> int:
    """Return what Status.weights is of the network that a design was made of."""
    if plan.loadable:
        return crc(contents(plan, plan.network))
    return int.from_bytes(bytes.fromhex(digest(plan.network))[:4], "little")


def hello(plan: Plan, manifest: Mapping[str, Any], line: Line) -> Hello:
    """Return what a board says of itself.

    Args:
        manifest: of the core.

    Raises
    ------
        ValueError: a limit that holds no sample; else as ``items``.
    """
    leaves, *traces = items(plan)
    size = beat_bytes(plan) * beats_of_sample(plan)
    samples = min((line.limit - RUN.size) // size, 0xFFFF)
    if samples < 1:
        raise ValueError(
            f"a RUN of one sample takes {size + RUN.size:,} bytes of a board's store, which has "
            f"{line.limit:,}: give it more"
        )
    spikes = [item for item in traces if "spike" in item.ports]
    return Hello(
        VERSION, int(plan.loadable), _design(manifest),
        bytes.fromhex(digest(plan.network))[:16], line.clock, line.baud, line.limit, samples, 1,
        size, leaves.beats * leaves.bytes_of(),
        sum(item.beats * item.bytes_of("spike") for item in spikes),
        sum(item.beats * item.bytes_of() for item in traces),
        plan.timing.cycles, plan.timing.latency,
        tuple((p.order.tile, p.connections[0].shape.simd) for p in plan.populations),
    )  # fmt: skip


def _design(manifest: Mapping[str, Any]) -> bytes:
    """Return the hash of a design: of its manifest, but for what another network changes."""
    stated = {name: value for name, value in manifest.items() if name not in OF_NETWORK}
    if "loading" in stated:
        stated["loading"] = {k: v for k, v in stated["loading"].items() if k != "crc"}
    return hashlib.sha256(json.dumps(stated, sort_keys=True).encode()).digest()[:16]
