"""The fast backend: bit-packed popcounts in numba, equal to the reference in every bit.

Spikes and bit planes of p-bit inputs are packed 64 to a word; a dense connection is then
``2 * popcount(x & w) - popcount(x)`` per plane. Static populations (direct-coded input)
accumulate once and use it at every timestep. Samples run in parallel.
"""

from __future__ import annotations

import numpy as np

from mapping import INPUT, Network
from mapping.coding import encode

from .tools import MissingTool, package
from .trace import Record, Recorder, Trace


def run(
    network: Network,
    inputs: np.ndarray,
    record: Record = ("spikes", "v"),
    threads: int | None = None,
) -> Trace:
    """Run a batch of inputs; see sim.run.

    Args:
        threads: of numba's pool; all by default.

    Raises
    ------
        MissingTool: numba is not installed. ValueError: more threads than there are.
    """
    numba = package("numba", "the fast backend")
    try:
        from . import fast_kernels as kernels
    except ImportError as error:  # numba is there but does not load with this numpy
        raise MissingTool(f"the fast backend cannot load numba: {error}") from None
    if threads is None:
        return _run(network, inputs, record, kernels)
    if not 1 <= threads <= numba.config.NUMBA_NUM_THREADS:
        raise ValueError(f"threads must be 1 to {numba.config.NUMBA_NUM_THREADS}, not {threads}")
    before = numba.get_num_threads()
    numba.set_num_threads(threads)
    try:
        return _run(network, inputs, record, kernels)
    finally:
        numba.set_num_threads(before)


def _run(network: Network, inputs: np.ndarray, record: Record, kernels: object) -> Trace:
    facts = network.facts
    x = encode(network.input, inputs, network.timesteps)
    samples, steps = x.shape[:2]
    recorder = Recorder(network, samples, steps, record, "fast")
    weights = {
        (p.name, k): pack(c.op.weights > 0)
        for p in network.populations
        for k, c in enumerate(p.connections)
    }
    state = {p.name: np.tile(p.neuron.v_init, (samples, 1)) for p in network.populations}
    history: dict[str, list[np.ndarray]] = {INPUT: [], **{p.name: [] for p in network.populations}}
    constant: dict[str, np.ndarray] = {}

    def acc(name: str, k: int, source: np.ndarray, bits: int) -> np.ndarray:
        out = np.empty((samples, weights[name, k].shape[0]), np.int64)
        ones = source.sum(axis=1, dtype=np.int64)
        kernels.accumulate(planes(source, bits), weights[name, k], ones, out)
        return out

    for t in range(steps):
        history[INPUT].append(x[:, t].reshape(samples, -1))
        for p in network.populations:
            neuron, fact = p.neuron, facts[p.name]
            drive = constant.get(p.name)
            if drive is None:
                drive = np.zeros_like(state[p.name])
                for k, c in enumerate(p.connections):
                    if t >= c.delay:
                        bits = network.input.bits if c.source == INPUT else 1
                        drive += c.gain * acc(p.name, k, history[c.source][t - c.delay], bits)
                    drive += c.bias
                if fact.static:
                    constant[p.name] = drive
            v, spikes = np.empty_like(drive), np.zeros(drive.shape, np.bool_)
            fires = neuron.threshold is not None
            kernels.update(
                drive, state[p.name], neuron.num, neuron.q,
                neuron.threshold if fires else neuron.v_reset, neuron.v_reset,
                fires, neuron.reset == "zero", v, spikes,
            )  # fmt: skip
            history[p.name].append(spikes)
            recorder.put(p.name, t, spikes, v)
    return recorder.trace()


def pack(bits: np.ndarray) -> np.ndarray:
    """Return (rows, words) uint64 of (rows, n) bools, zero-padded, the first bit lowest."""
    rows, n = bits.shape
    wide = np.zeros((rows, -(-n // 64) * 64), np.bool_)
    wide[:, :n] = bits
    return np.packbits(wide, axis=1, bitorder="little").view("<u8")


def planes(values: np.ndarray, bits: int) -> np.ndarray:
    """Return the bit planes of (rows, n) unsigned values, (rows, bits, words) uint64."""
    return (
        np.stack([pack((values >> b) & 1 != 0) for b in range(bits)], axis=1)
        if bits > 1
        else (pack(values != 0)[:, None])
    )
