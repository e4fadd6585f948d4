"""Populations of whole numbers, gates that are tables: exact, whatever meets in a membrane."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from judge_network import judge

from mapping import (
    Cause,
    Conv,
    Dense,
    Identity,
    Input,
    Kind,
    Readout,
    TrainedNetwork,
    fold,
    load,
    real,
    save,
)
from mapping.coding import encode
from mapping.trained import Connection, Gate, Neuron, Population, Table
from sim import compare, run
from sim.campaign.stimuli import stimuli

STEPS = 3


def dyadic(rng: np.random.Generator, count: int, bits: int = 6) -> np.ndarray:
    """Draw multiples of 2**-bits of either sign, a zero among them at times."""
    return rng.integers(-24, 25, count) / (1 << bits)


def gate(rng: np.random.Generator, channels: int, fan: int) -> Gate | None:
    """Draw no gate, a constant one, or a table."""
    kind, per_channel = rng.integers(0, 3), bool(rng.integers(0, 2))
    alpha = rng.normal(1, 0.3, STEPS)
    if kind == 0:
        return None
    if kind == 1:
        return Gate(alpha, per_channel, constant=rng.integers(0, 256, STEPS) / 256)
    table = Table(
        weights=rng.integers(-9, 10, channels) / 16,
        offset=rng.integers(0, 64, channels if per_channel else ()) / 8,
        factors=rng.integers(0, 256, (STEPS, int(rng.integers(2, fan + 3)))) / 256,
    )
    return Gate(alpha, per_channel, table=table)


def draw(seed: int) -> TrainedNetwork:
    """Draw two joins and a stream between them, all of dyadic numbers, some of them gated."""
    rng = np.random.default_rng([seed, 77])
    maps = bool(rng.integers(0, 2))
    shape = (2, 3, 3) if maps else (5,)
    wide = 3 if maps else 6

    def edge(source: str, fan: int) -> Connection:
        if maps:
            op = Conv(rng.choice([-1, 1], (wide, fan, 3, 3)), padding=1)
        else:
            op = Dense(rng.choice([-1, 1], (wide, fan)))
        return Connection(
            source, op, scale=dyadic(rng, wide), bias=dyadic(rng, wide), gate=gate(rng, wide, fan)
        )

    def neuron(channels: int) -> Neuron:
        return Neuron(
            leak=float(rng.choice([0.25, 0.5, 1.0])), threshold=dyadic(rng, channels),
            compare=str(rng.choice([">", ">="])), reset=str(rng.choice(["zero", "subtract"])),
            v_reset=float(rng.choice([0.0, -0.25])), input_gain=float(rng.choice([1.0, 0.5])),
        )  # fmt: skip

    fan = shape[0]
    first = Population("first", (edge("input", fan), edge("input", fan)), neuron(wide))
    middle = (edge("first", wide), edge("first", wide), Connection("first", Identity()))
    stream = Population("stream", middle, Neuron(leak=0.0))
    last = Population("last", (edge("first", wide), edge("stream", wide)), neuron(wide))
    enter = Input(shape, bits=int(rng.choice([1, 3])), unit=float(rng.choice([1.0, 0.25])))
    return TrainedNetwork(enter, (first, stream, last), Readout("last"), STEPS)


@pytest.mark.slow
def test_dyadic_networks_are_exact_and_the_judge_agrees(seed: int) -> None:
    whole = gated = compared = 0
    for number in range(24):
        value = draw(1000 * seed + number)
        network = fold(value)
        assert network.exact, (number, [p.certificate for p in network.populations])
        x = stimuli(network, 3, number)
        trace = run(network, x)
        found = judge(value, network, encode(network.input, x, STEPS), trace)
        assert not found["wrong"], (number, found)
        compare(trace, run(network, x, "fast"))
        meant = real.run(value, x)  # dyadic numbers are exact in float64 too
        for name, spikes in meant.spikes.items():
            assert (spikes == trace.spikes[name]).all(), (number, name)
        whole += sum(p.certificate.kind is Kind.WHOLE for p in network.populations)
        gated += sum(c.gate is not None for p in value.populations for c in p.connections)
        compared += found["compared"]
    print(f"{whole} populations of whole numbers, {gated} gates, {compared:,} values judged")
    assert whole > 20 and gated > 40


def test_the_judge_notices_a_wrong_number(seed: int) -> None:
    noticed = 0
    for number in range(12):
        value = draw(1000 * seed + number)
        network = fold(value)
        last = network["last"]
        step = max(int(np.abs(c.gain).max()) for c in last.connections)
        off = replace(last, neuron=replace(last.neuron, threshold=last.neuron.threshold + step))
        wrong = replace(network, populations=(*network.populations[:-1], off))
        x = stimuli(wrong, 4, number)
        noticed += bool(judge(value, wrong, encode(wrong.input, x, STEPS), run(wrong, x))["wrong"])
    assert noticed >= 2


def test_numbers_without_a_common_unit_are_not_called_whole() -> None:
    value = draw(0)
    first = value.populations[0]
    fine = replace(first.connections[0], scale=first.connections[0].scale + 2.0**-52)
    odd = replace(first, connections=(fine, *first.connections[1:]))
    network = fold(replace(value, populations=(odd, *value.populations[1:])))
    assert network["first"].certificate.kind is not Kind.WHOLE


def test_factors_off_the_grid_are_not_exact() -> None:
    op, alpha = Dense(np.ones((1, 2), np.int8)), np.ones(1)
    table = Table(weights=1.0, offset=0.0, factors=np.array([[0.3, 0.5, 1.0]]))
    edge = Connection("input", op, gate=Gate(alpha, table=table))
    network = TrainedNetwork(
        Input((2,)), (Population("p", (edge,), Neuron(threshold=1.0)),), Readout("p"), 1
    )
    folded = fold(network)
    certificate = folded["p"].certificate
    assert (certificate.kind, certificate.cause) == (Kind.TABLE, Cause.GATE)


def test_a_table_in_a_file(tmp_path: Path) -> None:
    for number in range(6):
        value = draw(number)
        save(value, tmp_path / "t.safetensors")
        assert load(tmp_path / "t.safetensors") == value


def test_a_table_is_a_floor_and_a_clamp() -> None:
    table = Table(weights=0.5, offset=-0.25, factors=np.array([[0.0, 0.25, 0.5, 0.75]]))
    c = Connection("input", Dense(np.ones((1, 8), np.int8)), gate=Gate(np.ones(1), table=table))
    network = TrainedNetwork(
        Input((8,)), (Population("p", (c,), Neuron()),), Readout("p", "membrane"), 1
    )
    x = np.tril(np.ones((9, 8), np.uint8), -1)[:, None]
    found = real.run(network, x).u["p"].ravel()
    want = [n * Fraction(min(max((2 * n - 1) // 4, 0), 3), 4) for n in range(9)]
    assert found.tolist() == [float(w) for w in want]


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: Table(1.0, 0.0, np.ones(3)), r"factors of a gate's table must be \(T, bins\)"),
        (lambda: Table(1.0, 0.0, np.full((1, 2), 1.5)), "must lie within 0..1"),
        (lambda: Gate(np.ones(2), table=3), "table of a gate must be a Table or None, not 3"),
        (
            lambda: Gate(np.ones(2), table=Table(1.0, 0.0, np.ones((1, 2)))),
            "a gate with a table has no constant, and as many rows as alphas",
        ),
    ],
)
def test_bad_tables_get_a_sentence(make: object, sentence: str) -> None:
    with pytest.raises((TypeError, ValueError), match=sentence):
        make()  # type: ignore[operator]
