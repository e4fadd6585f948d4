"""What the Processes compute, without Lava: sums beside the op's own, widths, neurons."""

from __future__ import annotations

import numpy as np
import pytest

from lava_procs.arithmetic import kernels
from lava_procs.arithmetic.accumulate import EXACT_32, EXACT_64, Accumulate
from lava_procs.arithmetic.membranes import Membranes
from lava_procs.arithmetic.timing import Timing
from lava_procs.widths import width
from mapping import (
    Connection,
    Conv,
    Dense,
    Identity,
    Input,
    Network,
    Neuron,
    Pool,
    Population,
    Readout,
)


def draw(rng: np.random.Generator) -> tuple[object, tuple[int, ...]]:
    """Draw an op and the shape of its source."""
    kind = int(rng.integers(5))
    bits = int(rng.choice([1, 1, 2, 8]))
    top = (1 << (bits - 1)) - 1

    def weights(*shape: int) -> np.ndarray:
        signs = rng.choice(np.array([-1, 1]), shape)
        return signs if bits == 1 else rng.integers(-top, top + 1, shape)

    if kind < 2:
        fan, out = int(rng.integers(1, 200)), int(rng.integers(1, 30))
        return Dense(weights(out, fan), bits=bits), (fan,)
    shape = (2 * int(rng.integers(1, 3)), int(rng.integers(3, 7)), int(rng.integers(3, 7)))
    if kind == 2:
        groups = int(rng.choice([1, 2]))
        kernel = weights(groups * 3, shape[0] // groups, 3, 2)
        return Conv(kernel, (2, 1), (1, 0), groups=groups, bits=bits), shape
    if kind == 3:
        return Pool((2, 3), 1, (1, 1), str(rng.choice(["sum", "max"]))), shape
    return Identity(), shape


def test_sums_are_the_ops_own_whatever_carries_them(rng: np.random.Generator) -> None:
    ways = {"counted": 0, "two rows": 0, "float32": 0, "float64": 0, "int64": 0}
    for _ in range(300):
        op, shape = draw(rng)
        low, high = [(0, 1), (0, 1), (0, 255), (-9, 70000), (-(1 << 30), 1 << 38), (-(1 << 50), 0)][
            int(rng.integers(6))
        ]
        source = rng.integers(low, high, (int(rng.integers(1, 6)), *shape), endpoint=True)
        source.flat[0], source.flat[-1] = low, high
        accumulate = Accumulate(op, shape, (low, high))
        found = accumulate(source)
        assert np.array_equal(found, op.apply(source)), (op, low, high)
        assert found.shape == (len(source), *op.out_shape(shape))
        if isinstance(op, (Dense, Conv)):
            way = accumulate.weights.dtype.name
            if accumulate.shift:
                way = "two rows"
            if accumulate.signs is not None:
                way = "counted"
            ways[way] += 1
    print(ways)
    assert all(ways.values()), ways


def test_without_numba_spikes_are_summed_two_rows_at_a_time(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernels, "load", lambda: None)
    for fan in (1, 784, 2047, 2897, 5000):
        op = Dense(rng.choice(np.array([-1, 1]), (7, fan)))
        accumulate = Accumulate(op, (fan,), (0, 1))
        # at 2048 the two rows of a product would no longer fit 24 bits beside each other
        assert (accumulate.shift > 0) == (fan <= 2047)
        for density in (0.5, 1.0):
            spikes = (rng.random((5, fan)) < density).astype(np.uint8)
            assert np.array_equal(accumulate(spikes), op.apply(spikes.astype(np.int64)))


@pytest.mark.parametrize("limit", [EXACT_32, EXACT_64])
def test_sums_at_the_edge_of_a_float(limit: int) -> None:
    """One below the limit a float holds; at the limit the next wider type is taken."""
    op = Dense(np.array([[1, 1, -1]]))
    for peak in (limit - 3, limit, limit + 3):
        top = peak // 3
        source = np.array([[top, top - 1, 0], [top, 0, top], [1, 0, top]])
        assert np.array_equal(Accumulate(op, (3,), (0, top))(source), op.apply(source))
    assert Accumulate(op, (3,), (0, limit // 3)).weights.dtype != np.int64 or limit == EXACT_64
    assert Accumulate(op, (3,), (0, limit)).weights.dtype == (
        np.float64 if limit == EXACT_32 else np.int64
    )


@pytest.mark.parametrize("gain", [1 << 20, 1 << 29])
def test_32_bits_are_taken_where_they_are_proved_enough(gain: int) -> None:
    edge = Connection("input", Dense(np.ones((1, 6))), gain=gain)
    p = Population("p", (edge,), Neuron(threshold=[gain]))
    network = Network(Input((6,)), (p,), Readout("p"), 4)
    assert width(network, network["p"]).narrow == (gain == 1 << 20)
    far = Population("p", (edge,), Neuron(threshold=[1 << 40]))
    assert not width(Network(Input((6,)), (far,), Readout("p"), 4), far.fitted(1, 4)).narrow


def test_a_neuron_by_hand() -> None:
    """Leak 1/2, threshold 6, reset to -1, held for one step after a spike; two rows."""
    neuron = Neuron(1, 1, threshold=[6], v_reset=[-1], v_init=[3], refractory=1)
    neurons = Membranes(neuron, (1,), 2)
    found = []
    for t, drive in enumerate(([4, 5], [1, 5], [9, 1], [2, 2])):
        spikes, v = neurons.step(np.array(drive).reshape(2, 1), t)
        found.append((spikes.ravel().tolist(), v.ravel().tolist()))
    assert found == [
        ([False, True], [5, 6]),
        ([False, False], [3, -1]),
        ([True, False], [10, 0]),
        ([False, False], [-1, 2]),
    ]


def test_timing_counts_samples_and_tells_the_session() -> None:
    progress = np.zeros(2, np.int64)
    timing, steps = Timing(3, offset=1, progress=progress), []
    for time_step in range(1, 9):
        with timing.step(time_step) as step:
            steps.append(step)
            assert progress.tolist() == [time_step, time_step - 1]
    assert steps == [2, 0, 1, 2, 0, 1, 2, 0] and progress.tolist() == [8, 8]
