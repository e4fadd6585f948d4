"""The engine of the fast backend: every kernel at odd sizes, its memory, threads and refusals."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import hypothesis.strategies as st
import needs
import numpy as np
import pytest
from hypothesis import assume, given, settings

from mapping import (
    INPUT,
    Connection,
    Conv,
    Dense,
    Gate,
    Identity,
    Input,
    Network,
    Neuron,
    Pool,
    Population,
    Readout,
    TooWide,
)
from sim import compare, run
from sim.backends.fast_ops import KERNELS
from sim.campaign.stimuli import random_inputs
from sim.engines.fast import fields as f
from sim.engines.fast.plan import _stages, fits, plan

ROOT = Path(__file__).resolve().parent.parent
#: Around words of 32 and of 64 bits, and blocks of eight channels.
ODD = st.sampled_from([1, 7, 8, 9, 31, 32, 33, 63, 64, 65, 127])
EXTREME = st.sampled_from([1, -1, 3, -7, 1 << 20, -(1 << 34), 1 << 40])


def signs(rng: np.random.Generator, shape: tuple[int, ...], bits: int = 1) -> np.ndarray:
    """Return random weights."""
    if bits == 1:
        return rng.choice(np.array([-1, 1], np.int8), shape)
    top = (1 << (bits - 1)) - 1
    return rng.integers(-top, top + 1, shape)


@st.composite
def networks(draw) -> tuple[Network, np.ndarray]:
    """Draw input, a stream of signed values, an op of some kind over either, and neurons."""
    rng = np.random.default_rng(draw(st.integers(0, 1 << 30)))
    kind = draw(st.sampled_from(["dense", "conv", "sum", "max", "same"]))
    channels, bits = draw(ODD), draw(st.sampled_from([1, 1, 2, 8]))
    side = draw(st.integers(1, 4)) if kind in ("conv", "sum", "max") or draw(st.booleans()) else 0
    shape = (channels, side, draw(st.integers(1, 3))) if side else (channels,)
    enter = Input(shape, draw(st.sampled_from([1, 1, 3, 8, 12])),
                  draw(st.sampled_from(["steps", "direct", "latency"])))  # fmt: skip
    steps, source, populations = draw(st.integers(1, 5)), INPUT, []
    if draw(st.booleans()):
        edge = Connection(INPUT, Identity(), gain=rng.integers(-3, 4, channels), bias=-1)
        neuron = Neuron(*draw(st.sampled_from([(0, 0), (1, 0), (3, 2)])))
        if draw(st.booleans()):
            neuron = Neuron(1, 1, threshold=rng.integers(-2, 4, channels))
        populations.append(Population("first", (edge,), neuron))
        source = "first"
    out = draw(ODD)
    if kind == "dense":
        op = Dense(signs(rng, (out, int(np.prod(shape))), bits), bits)
    elif kind == "conv":
        groups = draw(st.sampled_from([g for g in (1, 3, 7, channels) if channels % g == 0]))
        out = groups * max(1, out // groups)
        kernel = (draw(st.integers(1, side)), draw(st.integers(1, shape[2])))
        op = Conv(signs(rng, (out, channels // groups, *kernel), bits), draw(st.integers(1, 2)),
                  draw(st.integers(0, 2)), draw(st.integers(1, 2)), groups, bits)  # fmt: skip
    elif kind == "same":
        op, out = Identity(), channels
    else:
        kernel = (draw(st.integers(1, side)), draw(st.integers(1, shape[2])))
        op, out = Pool(kernel, draw(st.integers(1, 2)), draw(st.integers(0, 1)), kind), channels
    delay = draw(st.sampled_from([0, 0, 1, 2]))
    gain = draw(EXTREME) * rng.choice([1, 2], out)
    gate = None
    if draw(st.integers(0, 3)) == 0:
        table = rng.integers(-3, 4, (steps, 4))
        gate = Gate(rng.integers(-2, 3, out), 1, 2, table, bool(rng.integers(2)))
    spiking = draw(st.booleans())
    edges = [Connection(source, op, gain, int(rng.integers(-9, 9)),
                        0 if spiking else draw(st.integers(0, 2)), gate, delay)]  # fmt: skip
    if spiking and draw(st.booleans()):
        edges.append(Connection("last", Identity(), -1, delay=1))  # back to itself
    neuron = Neuron(1, 1)
    if spiking:
        neuron = Neuron(
            *draw(st.sampled_from([(1, 0), (1, 1), (3, 2), (0, 0)])),
            threshold=rng.integers(-20, 40, out) * abs(int(gain[0])),
            reset=draw(st.sampled_from(["zero", "subtract", "none"])),
            v_reset=rng.integers(-3, 3, out), rho=rng.integers(0, 50, out),
            v_init=rng.integers(-5, 5, out),
            max_spikes=draw(st.sampled_from([None, None, 1, 2])),
            refractory=draw(st.sampled_from([0, 0, 1, 2])),
            fire_by=draw(st.sampled_from([None, None, 0, 1])),
        )  # fmt: skip
    populations.append(Population("last", tuple(edges), neuron))
    try:
        readout = Readout("last", "count" if spiking else "membrane")
        network = Network(enter, tuple(populations), readout, steps)
        network.facts  # noqa: B018
    except TooWide:
        assume(False)
    except ValueError as error:  # a window that does not fit
        assume("does not fit" not in str(error))
        raise
    return network, random_inputs(network, draw(st.sampled_from([1, 8, 9, 17, 33])), 1)


@settings(max_examples=200)
@given(networks())
def test_every_kernel_at_odd_sizes(drawn: tuple[Network, np.ndarray]) -> None:
    network, inputs = drawn
    compare(run(network, inputs), run(network, inputs, "fast"))


def small(bits: int = 1, shape: tuple[int, ...] = (70,), coding: str = "steps") -> Network:
    """Return a network of one dense population."""
    rng = np.random.default_rng(0)
    edge = Connection(INPUT, Dense(signs(rng, (10, int(np.prod(shape))))))
    only = Population("a", (edge,), Neuron(1, 1, threshold=3))
    return Network(Input(shape, bits, coding), (only,), Readout("a"), 4)


@pytest.mark.parametrize("width", [32, 64])
def test_both_widths_of_lanes_are_equal(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine's own choice is."""
    from sim.engines.fast import work

    network = small()
    x = random_inputs(network, 40, 0)
    monkeypatch.setattr(work, "counts_32_bits", lambda: width == 32)
    assert fits(network)
    compare(run(network, x), run(network, x, "fast"))
    assert plan(network, KERNELS, width).weights.dtype.itemsize * 8 == width


def test_what_does_not_fit_32_bits_is_not_put_there() -> None:
    wide = Connection(INPUT, Dense(np.ones((3, 70), np.int8)), gain=1 << 25)
    network = Network(
        Input((70,)), (Population("a", (wide,), Neuron(1, 0, threshold=1)),), Readout("a"), 4
    )
    assert not fits(network) and fits(small())
    x = random_inputs(network, 20, 0)
    compare(run(network, x), run(network, x, "fast"))


@pytest.mark.parametrize(
    ("network", "value"),
    [(small(), 2), (small(3), 8), (small(3, (2, 5, 7), "direct"), 9), (small(12), 1 << 12),
     (small(4, (70,), "latency"), 16)],
)  # fmt: skip
def test_a_number_too_large_is_refused_wherever_it_stands(network: Network, value: int) -> None:
    x = random_inputs(network, 18, 0)
    x = x.astype(np.uint8 if value < 256 else np.uint16)
    for place in (0, x.size // 2 + 3, x.size - 1):
        bad = x.copy()
        bad.flat[place] = value
        with pytest.raises(ValueError, match=rf"inputs must lie within 0\.\.\d+ .* {value}$"):
            run(network, bad, "fast")


def test_threads_memory_and_progress() -> None:
    network, told = small(), []
    x = random_inputs(network, 700, 0)
    expected = run(network, x)
    for threads in (None, 1):
        compare(expected, run(network, x, "fast", threads=threads))
    found = run(network, x, "fast", threads=1, progress=lambda *of: told.append(of))
    compare(expected, found)
    assert told[-1] == (700, 700) and told == sorted(told)
    with pytest.raises(ValueError, match="more than the 10 of 'memory'"):
        run(network, x, "fast", memory=10)
    compare(expected, run(network, x, "fast", memory=1 << 20))


def test_an_error_in_a_thread_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    from sim.engines.fast import work

    def fails(*_: object) -> None:
        raise RuntimeError("once")

    monkeypatch.setattr(work, "blocks", fails)
    with pytest.raises(RuntimeError, match="once"):
        run(small(), random_inputs(small(), 50, 0), "fast")


def test_a_loop_takes_in_what_lies_between() -> None:
    def chain(*edges: tuple[int, ...]) -> np.ndarray:
        populations = tuple(
            Population(f"p{k}", tuple(
                Connection(INPUT if s < 0 else f"p{s}", Identity(), delay=int(s >= k))
                for s in sources), Neuron(threshold=1))
            for k, sources in enumerate(edges)
        )  # fmt: skip
        return _stages(Network(Input((3,)), populations, Readout("p0"), 2))

    assert chain((-1,), (0,), (1,)).tolist() == [[0, 1, 0], [1, 2, 0], [2, 3, 0]]
    assert chain((-1, 0), (0,)).tolist() == [[0, 1, 1], [1, 2, 0]]
    assert chain((-1,), (0, 3), (1,), (2,)).tolist() == [[0, 1, 0], [1, 4, 1]]
    assert chain((-1, 1), (0, 2), (1,)).tolist() == [[0, 3, 1]]


def test_a_map_that_only_dense_layers_read_enters_flat() -> None:
    assert plan(small(1, (1, 7, 10)), KERNELS, 64).enter[f.I_PLACES] == 1
    pooled = Population("a", (Connection(INPUT, Pool((2, 2))),), Neuron(threshold=1))
    network = Network(Input((1, 6, 6)), (pooled,), Readout("a"), 2)
    assert plan(network, KERNELS, 64).enter[f.I_PLACES] == 36


def test_a_plan_is_made_once_and_goes_with_its_network() -> None:
    from sim.engines.fast.plan import _PLANS

    network = small()
    first = plan(network, KERNELS, 64)
    assert plan(network, KERNELS, 64) is first
    key = id(network), 64
    assert key in _PLANS
    del network
    assert key not in _PLANS


CODE = """
import numba, numpy as np, torch
torch.set_num_threads(2)
before = torch.get_num_threads(), numba.get_num_threads()
from tests.test_sim_fast import run, small, random_inputs
network = small()
run(network, random_inputs(network, 500, 0), "fast", threads=1)
run(network, random_inputs(network, 500, 0), "fast")
after = torch.get_num_threads(), numba.get_num_threads()
assert before == after, (before, after)
import threading
print(threading.active_count())
"""


@pytest.mark.torch
def test_torch_and_numba_keep_their_threads() -> None:
    needs.package("torch")
    done = subprocess.run(
        [sys.executable, "-c", CODE.replace("tests.test_sim_fast", "test_sim_fast")],
        cwd=ROOT / "tests", capture_output=True, text=True, env={**__import__("os").environ,
        "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1"
