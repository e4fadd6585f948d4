"""A network, compiled once: tables, packed weights and constants; then placed for T timesteps.

Nothing here depends on the inputs but how many timesteps they have. Words and membranes have 32
bits where ``network.facts`` proves that everything fits and the machine counts 32 bits as fast as
64, else 64 bits.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mapping import INPUT, Network
from mapping.intervals import planes
from mapping.network import Connection, Gate, Population

from . import fields as f
from .windows import Windowed, packed, places

RESETS = {"none": f.NONE, "zero": f.ZERO, "subtract": f.SUBTRACT}
#: What is computed of an op, and a source's shape.
Windows = Mapping[str, Callable[[Any, tuple[int, ...]], Windowed]]


@dataclass(frozen=True, eq=False)
class Plan:
    """A network as tables; places in the arena are still missing (``layout``).

    Attributes
    ----------
        width: bits of a word and of every number.
        enter: (INPUT_COLUMNS,). populations, edges: (.., columns of ``fields``).
        stages: (.., 3): populations from, to, and whether they run one timestep after the other.
        moves, windows, weights, constants: what edges point into.
        sources: of every edge, the number of the population that it reads, -1 for the input.
        values: numbers of populations (-1: the input) whose values somebody reads.
        bits: numbers of those whose words somebody reads.
    """

    width: int
    enter: np.ndarray
    populations: np.ndarray
    edges: np.ndarray
    stages: np.ndarray
    moves: np.ndarray
    windows: np.ndarray
    weights: np.ndarray
    constants: np.ndarray
    sources: tuple[int, ...]
    values: frozenset[int]
    bits: frozenset[int]


class _Pool:
    """Arrays, one after the other; ``put`` returns where each begins."""

    def __init__(self, dtype: Any) -> None:
        self.dtype, self.parts, self.size = dtype, [], 0

    def put(self, array: np.ndarray) -> int:
        at = self.size
        with np.errstate(over="ignore"):
            self.parts.append(np.asarray(array).ravel().astype(self.dtype))
        self.size += self.parts[-1].size
        return at

    def whole(self) -> np.ndarray:
        return np.concatenate([*self.parts, np.zeros(1, self.dtype)])


def fits(network: Network) -> bool:
    """Whether every number of a network fits 32 bits, one of them to spare; found out once."""
    key = id(network)
    if key not in _FITS:
        _FITS[key] = _fits(network)
        weakref.finalize(network, _FITS.pop, key, None)
    return _FITS[key]


def _fits(network: Network) -> bool:
    limit = 1 << 30

    def small(*spans: tuple[int, int]) -> bool:
        return all(-limit < low and high < limit for low, high in spans)

    for p in network.populations:
        fact = network.facts[p.name]
        if not small(fact.drive.span, fact.scaled.span, fact.v.span, fact.state.span,
                     fact.out.span, *(a.span for a in fact.acc),
                     *(t.span for t in fact.totals if t is not None)):  # fmt: skip
            return False
        for c, acc in zip(p.connections, fact.acc, strict=True):
            if c.shift:
                most = max(abs(x) for x in (*acc.span, 1)) * int(np.abs(c.gain).max())
                most += int(np.abs(c.bias).max())
                if c.gate is not None:
                    most *= int(np.abs(c.gate.table).max())
                if most >= limit or c.shift > 31:
                    return False
            if c.gate is not None and c.gate.shift > 31:
                return False
    return True


def _compile(network: Network, kinds: Windows, width: int) -> Plan:
    names = {INPUT: -1, **{p.name: k for k, p in enumerate(network.populations)}}
    pools = {name: _Pool(f"i{width // 8}") for name in ("weights", "constants")}
    pools |= {"windows": _Pool(np.int64)}
    populations = np.full((len(network.populations), f.POPULATION_COLUMNS), -1, np.int64)
    rows, sources, moves = [], [], [np.zeros((0, f.MOVE_COLUMNS), np.int64)]
    values, bits = set(), set()
    flat = _flat(network)
    for k, p in enumerate(network.populations):
        _population(populations[k], network, p, pools["constants"], width)
        populations[k, f.FIRST_EDGE], populations[k, f.EDGES] = len(rows), len(p.connections)
        for c in p.connections:
            shape = network.shapes[c.source]
            if flat and c.source == INPUT:
                shape = (int(np.prod(shape)),)
            row = np.full(f.EDGE_COLUMNS, -1, np.int64)
            window = kinds[c.op.name](c.op, shape)
            _edge(row, network, p, c, shape, window, pools, moves, width)
            source = names[c.source]
            one_bit = row[f.S_PLANES] == 1 and not row[f.S_SIGNED]
            spikes = one_bit if source < 0 else network.populations[source].spiking
            (bits if row[f.KIND] == f.COUNT or spikes else values).add(source)
            rows.append(row)
            sources.append(source)
    shape = network.input.shape
    channels, high, wide = places((int(np.prod(shape)),) if flat else shape)
    enter = np.full(f.INPUT_COLUMNS, -1, np.int64)
    coding = network.input.coding
    last = network.timesteps - 1 if network.input.t_max is None else network.input.t_max
    for column, number in (
        (f.I_CHANNELS, channels), (f.I_PLACES, high * wide), (f.I_WORDS, -(-channels // width)),
        (f.I_PADDED, -(-channels // f.GROUP) * f.GROUP),
        (f.I_PLANES, max(1, network.input.span[1].bit_length())), (f.I_TOP, network.input.top),
        (f.I_LATENCY, coding == "latency"), (f.I_LAST, last),
    ):  # fmt: skip
        enter[column] = number
    return Plan(
        width, enter, populations, np.array(rows), _stages(network), np.concatenate(moves),
        pools["windows"].whole(), pools["weights"].whole(), pools["constants"].whole(),
        tuple(sources), frozenset(values), frozenset(bits),
    )  # fmt: skip


def _flat(network: Network) -> bool:
    """Whether a map that enters is read by nobody as a map."""
    readers = [c for p in network.populations for c in p.connections if c.source == INPUT]
    shape = network.input.shape
    return bool(readers) and all(
        c.op.name == "Dense" and len(c.op.out_shape(shape)) == 1 for c in readers
    )


def _population(
    row: np.ndarray, network: Network, p: Population, constants: _Pool, width: int
) -> None:
    fact, n = network.facts[p.name], p.neuron
    channels, high, wide = places(fact.shape)
    groups = -(-channels // f.GROUP)
    number, _ = (1, False) if p.spiking else planes(fact.out)
    top = (1 << (width - 1)) - 1
    still_out = fact.static and n.num == 0 and not n.holds and n.fire_by is None
    threshold = np.full(1, top) if n.threshold is None else np.clip(n.threshold, -top - 1, top)

    def padded(numbers: np.ndarray, fill: int = 0) -> int:
        whole = np.full(groups * f.GROUP, fill, np.int64)
        whole[:channels] = numbers
        return constants.put(whole)

    for column, value in (
        (f.CHANNELS, channels), (f.ROWS, high), (f.COLS, wide), (f.WORDS, -(-channels // width)),
        (f.GROUPS, groups), (f.STEPS, 1 if still_out else network.timesteps),
        (f.STILL, fact.static), (f.SPIKING, p.spiking), (f.PLANES, number),
        (f.THRESHOLD_AT, padded(threshold, top)), (f.V_RESET_AT, padded(n.v_reset)),
        (f.RHO_AT, padded(n.rho)), (f.V_INIT_AT, padded(n.v_init)),
        (f.NUM, n.num), (f.Q, n.q), (f.RESET, RESETS[n.reset]),
        (f.FULL, p.spiking and (n.holds or n.fire_by is not None)),
        (f.MOST, f.NO_LIMIT if n.max_spikes is None else min(n.max_spikes, f.NO_LIMIT)),
        (f.REFRACTORY, n.refractory), (f.FIRE_BY, -1 if n.fire_by is None else n.fire_by),
    ):  # fmt: skip
        row[column] = value


def _edge(
    row: np.ndarray, network: Network, p: Population, c: Connection, shape: tuple[int, ...],
    window: Windowed, pools: dict[str, _Pool], moves: list[np.ndarray], width: int,
) -> None:  # fmt: skip
    channels, high, wide = places(shape)
    out = network.shapes[p.name][0]
    groups = -(-out // f.GROUP)
    if c.source == INPUT:
        number, signed = max(1, network.input.span[1].bit_length()), False
    elif network[c.source].spiking:
        number, signed = 1, False
    else:
        number, signed = planes(network.facts[c.source].out)

    def padded(numbers: np.ndarray) -> int:
        whole = np.zeros(groups * f.GROUP, np.int64)
        whole[:out] = numbers
        return pools["constants"].put(whole)

    for column, value in (
        (f.KIND, window.kind), (f.S_ROWS, high), (f.S_COLS, wide),
        (f.S_WORDS, -(-channels // width)), (f.S_CHANNELS, -(-channels // f.GROUP) * f.GROUP),
        (f.S_PLANES, number), (f.S_SIGNED, signed),
        (f.K_ROWS, window.kernel[0]), (f.K_COLS, window.kernel[1]),
        (f.STRIDE_R, window.stride[0]), (f.STRIDE_C, window.stride[1]),
        (f.PAD_R, window.padding[0]), (f.PAD_C, window.padding[1]),
        (f.DILATE_R, window.dilation[0]), (f.DILATE_C, window.dilation[1]),
        (f.W_BITS, window.bits), (f.MOVES, 0), (f.GAIN_AT, padded(c.gain)),
        (f.BIAS_AT, padded(c.bias)), (f.SHIFT, c.shift), (f.DELAY, c.delay),
        (f.GATED, c.gate is not None), (f.CHANNELS_OUT, out), (f.S_GROUPS_OUT, groups * f.GROUP),
    ):  # fmt: skip
        row[column] = value
    if window.kind == f.COUNT:
        found = packed(window, channels, width)
        row[f.WEIGHTS_AT], row[f.WINDOW] = pools["weights"].put(found.words), found.span
        if found.masks is not None:
            row[f.MASKS_AT] = pools["weights"].put(found.masks)
        if found.worth is not None:
            row[f.COEFFICIENTS_AT] = pools["constants"].put(found.worth)
        if found.first is not None:
            row[f.WINDOW_AT] = pools["windows"].put(found.first)
        if found.moves is not None:
            row[f.MOVES_AT], row[f.MOVES] = sum(map(len, moves)), len(found.moves)
            moves.append(found.moves)
    if c.gate is not None:
        _gate(row, c.gate, pools["constants"], padded)


def _gate(row: np.ndarray, gate: Gate, constants: _Pool, padded: Callable) -> None:
    offset = gate.offset
    row[f.G_WEIGHTS_AT], row[f.G_SHIFT] = padded(gate.weights), gate.shift
    row[f.G_OFFSET_AT] = padded(np.broadcast_to(offset, gate.weights.shape))
    row[f.G_TABLE_AT], row[f.G_SIZE] = constants.put(gate.table), gate.table.shape[1]
    row[f.G_EACH] = gate.per_channel


def _stages(network: Network) -> np.ndarray:
    """Return the populations in order, those between a reader and a later source as a loop."""
    order = {p.name: k for k, p in enumerate(network.populations)}
    loops = [
        (k, order[c.source] + 1)
        for k, p in enumerate(network.populations)
        for c in p.connections
        if order.get(c.source, -1) >= k
    ]
    found, k = [], 0
    while k < len(order):
        high, looped = k + 1, False
        while True:
            wider = max((b for a, b in loops if a < high and b > k), default=0)
            looped |= wider > 0
            if wider <= high:
                break
            high = wider
        found.append((k, high, looped))
        k = high
    return np.array(found, np.int64)


_PLANS: dict[tuple[int, int], Plan] = {}
_FITS: dict[int, bool] = {}


def plan(network: Network, kinds: Windows, width: int) -> Plan:
    """Return a network's plan; it is made once, and kept as long as the network is there."""
    key = id(network), width
    found = _PLANS.get(key)
    if found is None:
        found = _PLANS[key] = _compile(network, kinds, width)
        weakref.finalize(network, _PLANS.pop, key, None)
    return found
