"""Every op answers for its kind: what it says of itself is what it computes."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import needs
import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import arrays, numbers, ops, shapes

from mapping import (
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
    TrainedNetwork,
    Unsupported,
    fold,
    import_model,
    real,
    trained,
)
from mapping.importers import bounds, torch_functions, torch_ops
from mapping.intervals import Interval
from mapping.ops import OPS, Op
from mapping.value import Value
from sim import abilities, refusal, run
from sim.backends.fast_ops import KERNELS, plain
from sim.verify import verify

STREAM = trained.Neuron(0.0)
SEEDS = st.integers(0, 2**32 - 1)


@st.composite
def drawn(draw: Callable) -> tuple[Op, tuple[int, ...]]:
    """Draw an op of any kind and a small source shape that it takes."""
    shape = draw(shapes())
    return draw(ops(shape)), shape


@st.composite
def fed(draw: Callable, least: int = -9, most: int = 9) -> tuple[Op, tuple[int, ...], np.ndarray]:
    """Draw an op, a source shape, and two sources within bounds."""
    op, shape = draw(drawn())
    return op, shape, draw(arrays((2, *shape), st.integers(least, most)))


def columns(op: Op, shape: tuple[int, ...]) -> np.ndarray:
    """Return acc of every unit vector, (source values, outputs): all there is of a linear op."""
    units = np.eye(int(np.prod(shape)), dtype=np.int64)
    return op.apply(units.reshape(-1, *shape)).reshape(len(units), -1)


@given(fed(), st.integers(0, 3))
def test_shape_and_sums(case: tuple, low_bits: int) -> None:
    op, shape, x = case
    acc = op.apply(x)
    assert acc.dtype == np.int64 and acc.shape == (2, *op.out_shape(shape))
    assert (op.apply(x.astype(np.float64)) == acc).all()
    if op.linear:
        assert (x.reshape(2, -1) @ columns(op, shape) == acc.reshape(2, -1)).all()
        odd = x * (1 << 46) + low_bits  # beyond what float64 holds
        assert (op.apply(odd).reshape(2, -1) == odd.reshape(2, -1) @ columns(op, shape)).all()


@given(drawn(), st.data())
def test_interval_holds_and_is_reached(case: tuple[Op, tuple[int, ...]], data: object) -> None:
    op, shape = case
    low = data.draw(numbers(shape[0], -3, 1).map(lambda n: np.broadcast_to(n, shape[:1])))
    high = low + data.draw(numbers(shape[0], 0, 3))
    bounds = op.interval(Interval(low, high), shape)
    edge = (shape[0], *(1 for _ in shape[1:]))
    share = data.draw(arrays((8, *shape), st.sampled_from([0.0, 1.0, 0.5]), float), label="share")
    x = low.reshape(edge) + np.rint(share * (high - low).reshape(edge)).astype(np.int64)
    acc = np.moveaxis(op.apply(x), 1, 0).reshape(op.out_shape(shape)[0], -1)
    assert (acc.min(axis=1) >= bounds.low).all() and (acc.max(axis=1) <= bounds.high).all()
    if isinstance(op, Dense):  # every value at the end that its weight asks for
        ends = [np.repeat(e, x[0].size // len(e)) for e in (low, high)]
        most = np.where(op.weights > 0, op.weights * ends[1], op.weights * ends[0]).sum(axis=1)
        assert (bounds.high == most).all()


@example((Conv(np.ones((4, 1, 2, 2), np.int8), padding=1, groups=2), (2, 3, 4)))
@given(drawn())
def test_fan_in_and_fan_out_count_the_sums(case: tuple[Op, tuple[int, ...]]) -> None:
    op, shape = case
    if not op.linear:
        assert not op.fan_out(shape).any()
        return
    ones = op
    if op.bits:  # a weight of 0 is a place all the same
        ones = replace(op, weights=np.ones_like(op.weights))
    counted = columns(ones, shape)
    fan = np.broadcast_to(op.fan_out(shape), shape[-op.fan_out(shape).ndim or len(shape) :])
    assert (np.broadcast_to(fan, shape).ravel() == counted.sum(axis=1)).all()
    assert counted.sum(axis=0).max() <= op.fan_in


@given(fed(0, 3), st.data())
def test_signs_go_into_weights_or_are_left(case: tuple, data: object) -> None:
    op, shape, x = case
    out = op.out_shape(shape)
    sign = data.draw(arrays(out[:1], st.sampled_from([1, -1])))
    flipped, left = op.flipped(sign)
    wide = (1, out[0], *(1 for _ in out[1:]))
    assert (flipped.apply(x) * left.reshape(wide) == op.apply(x) * sign.reshape(wide)).all()
    if op.bits and (op.weights.reshape(out[0], -1) != 0).any(axis=1).all():
        assert (op.flips(flipped) == sign).all()
    assert op.bits or (left == sign).all()


def test_sign_rows_are_those_of_one_bit_dense() -> None:
    op = Dense([[1, -1, 1], [1, 1, -1]])
    assert op.sign_rows(np.array([1])).tolist() == [[1, 1, -1]]
    assert Dense([[3, -1, 1]], bits=3).sign_rows(np.array([0])) is None
    assert Conv(np.ones((1, 1, 2, 2))).sign_rows(np.array([0])) is None


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32, np.int64])
@pytest.mark.parametrize("bits", [1, 2, 8])
def test_the_least_integer_of_a_type_is_no_weight(kind: type, bits: int) -> None:
    """abs() wraps there: -128 of int8 has no opposite, and a flip would leave it as it is."""
    least = np.iinfo(kind).min
    for make, shape in ((Dense, (1, 2)), (Conv, (1, 1, 1, 2))):
        with pytest.raises(ValueError, match="must (lie within|be two-valued)"):
            make(np.array([least, 1], kind).reshape(shape), bits=bits)
    with pytest.raises(ValueError, match="gate table must fit"):
        Gate(1, 0, 0, np.array([[np.iinfo(np.int64).min]]))


def test_weight_bits() -> None:
    assert Dense(np.ones((2, 3))).weight_bits == 6
    assert Conv(np.ones((2, 1, 3, 3)), bits=4).weight_bits == 72
    assert Pool(2).weight_bits == Identity().weight_bits == Pool(2).bits == 0


@dataclass(frozen=True, eq=False, repr=False)
class Reversed(Op):
    """The source in the opposite order of channels: a kind that only this file knows."""

    fan_in = 1

    def out_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Shape of acc."""
        return shape

    def apply(self, source: np.ndarray) -> np.ndarray:
        """Return the source, its channels the other way round."""
        return source[:, ::-1]

    def interval(self, source: Interval, shape: tuple[int, ...]) -> Interval:
        """Return the source's own, the other way round."""
        return Interval(source.low[::-1], source.high[::-1])

    def fan_out(self, shape: tuple[int, ...]) -> np.ndarray:
        """Each value enters one sum."""
        return np.array(1)


def test_a_new_kind_is_one_class_and_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Network takes it, its widths are proved, the reference runs it; fast with its line."""
    assert Reversed not in OPS
    edges = Connection("input", Reversed(), gain=[1, 2, 3]), Connection("input", Identity())
    network = Network(
        Input((3,), bits=2), (Population("a", edges, Neuron(1, 0)),), Readout("a", "membrane"), 2
    )
    assert network.facts["a"].v.high.tolist() == [12, 18, 24]
    x = np.array(list(itertools.product(range(4), repeat=3)))[:, None].repeat(2, axis=1)
    v = run(network, x).v["a"][:, -1]
    assert (v == 2 * (x[:, 0, ::-1] * [1, 2, 3] + x[:, 0])).all()
    sentence = "population 'a', connection from 'input': Reversed connections are not run by "
    assert {one.backend for one in abilities(network) if one.refused is None} == {"reference"}
    assert refusal(network, "rtl") == sentence + "RTL yet"
    with pytest.raises(Unsupported, match=sentence + "fast yet"):
        run(network, x, "fast")
    monkeypatch.setitem(KERNELS, "Reversed", plain)
    assert verify(network, x, ["fast"]).ok


@given(drawn(), SEEDS)
def test_currents_lie_within_what_importers_prove(
    drawn: tuple[Op, tuple[int, ...]], seed: int
) -> None:
    """Of any kind: over spikes, and over real numbers that differ by channel; spikes reach them."""
    (op, shape), rng = drawn, np.random.default_rng(seed)
    channels = op.out_shape(shape)[0]
    scale, bias = rng.choice([-1.5, 0.3, 2.0], channels), rng.normal(size=channels)
    stream = trained.Population("a", (trained.Connection("input", op, scale, bias),), STREAM)
    again = trained.Connection("a", Reversed(), -0.7), trained.Connection("a", Identity(), delay=1)
    last = trained.Population("b", again, trained.Neuron(0.0))
    network = TrainedNetwork(Input(shape, unit=0.5), (stream, last), Readout("b", "membrane"), 2)
    x = rng.random((40, 2, *shape)) < rng.random((40, 1, *(1 for _ in shape)))
    x[0], x[1] = 0, 1
    if op.linear:  # what drives some outputs highest and lowest
        weights = columns(op, shape).T
        chosen = rng.choice(len(weights), 8)
        x[2:10], x[10:18] = (
            (w.reshape(8, 1, *shape) > 0) for w in (weights[chosen], -weights[chosen])
        )
    u = real.run(network, x.astype(np.int64)).u
    for name, (low, high) in bounds.currents(network).items():
        within = np.moveaxis(u[name], 2, 0).reshape(channels, -1)
        assert (within.min(axis=1) >= low - 1e-6).all() and (
            within.max(axis=1) <= high + 1e-6
        ).all()
    if isinstance(op, Dense):
        reached = np.moveaxis(u["a"], 2, 0).reshape(channels, -1)
        low, high = bounds.currents(network)["a"]
        assert np.allclose(reached.max(axis=1)[chosen], high[chosen])
        assert np.allclose(reached.min(axis=1)[chosen], low[chosen])


def test_currents_over_a_leak_have_no_bound() -> None:
    leaky = trained.Population("a", (trained.Connection("input", Identity()),), trained.Neuron(0.5))
    last = trained.Population("b", (trained.Connection("a", Reversed()),), trained.Neuron(0.0))
    network = TrainedNetwork(Input((2,)), (leaky, last), Readout("b", "membrane"), 2)
    low, high = bounds.currents(network)["b"]
    assert np.isneginf(low).all() and np.isposinf(high).all()


def test_a_new_kind_is_imported_by_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """A torch module that computes it is read, folded and run; without the row it is refused."""
    needs.package("torch")
    import torch
    from torch import nn

    class Reverse(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.flip(1)

    class Fire(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return (x >= 1).float()

    def imported() -> TrainedNetwork:
        model = nn.Sequential(nn.Linear(4, 3, bias=False), Fire(), Reverse(), Fire())
        model[0].weight.data = torch.tensor([[1.0, 1, 1, 1], [1, -1, 1, 1], [-1, -1, -1, 1]])
        neurons = {"Fire": trained.Neuron(0.0, 1.0, compare=">=")}
        return import_model(model, "torch", input_shape=4, timesteps=2, neurons=neurons)

    with pytest.raises(Unsupported, match=r"module '2' \(Reverse\) calls torch function 'flip'"):
        imported()
    row = torch_ops.of_input("input dims", lambda recorder, seen, given: (Reversed(), 1.0))
    monkeypatch.setitem(torch_functions.HANDLERS, "flip", row)
    network = fold(imported())
    assert network.exact and Reversed() in [
        c.op for p in network.populations for c in p.connections
    ]
    x = np.array(list(itertools.product((0, 1), repeat=4)))[:, None].repeat(2, axis=1)
    first, last = (run(network, x).spikes[p.name] for p in network.populations)
    assert (last == first[:, :, ::-1]).all() and first.any() and not first.all()

    def wrong(recorder: object, seen: object, given: dict) -> tuple[Op, float]:
        return Identity(), 1.0

    monkeypatch.setitem(torch_functions.HANDLERS, "flip", torch_ops.of_input("input", wrong))
    with pytest.raises(Unsupported, match="what was read does not do what the source does"):
        imported()


def test_a_kind_that_leaves_a_question_open_is_none() -> None:
    @dataclass(frozen=True, eq=False, repr=False)
    class Open(Op):
        fan_in = 1

    with pytest.raises(TypeError, match="abstract"):
        Open()


def test_the_page_names_every_question() -> None:
    page = (Path(__file__).resolve().parent.parent / "docs/ops.md").read_text("utf-8")
    asked = {word for row in re.findall(r"^\| (`.*?) \|", page, re.M) for word in
             re.findall(r"`(\w+)", row)}  # fmt: skip
    assert asked == {word for word in dir(Op) if not word.startswith("_")} - set(dir(Value))
