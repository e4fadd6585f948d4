"""The lava backend equals the reference in every spike and every membrane."""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import signal
from collections import Counter
from pathlib import Path

import needs
import numpy as np
import pytest

from lava_procs import own
from lava_procs.running import Running
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
)
from mapping.capabilities import asks
from mapping.extras import install
from sim import run
from sim.campaign.generate.dense import draw_network
from sim.campaign.generate.groups import draw_any
from sim.campaign.stimuli import random_inputs, stimuli
from sim.compare import agreement, compare
from sim.tools import MissingTool, ProtocolError
from sim.verify import threshold_hits

pytestmark = pytest.mark.lava


@pytest.fixture(autouse=True)
def lava() -> None:
    needs.package("lava")


def signs(rng: np.random.Generator, out: int, fan: int) -> Dense:
    return Dense(rng.choice(np.array([-1, 1], np.int8), (out, fan)))


def recurrent(rng: np.random.Generator) -> Network:
    """Return a join, a skip, three delays, recurrence, both resets, an integrator; p = 16."""
    return Network(
        timesteps=6,
        input=Input((7,), bits=16),
        populations=(
            Population(
                "a",
                (
                    Connection("input", signs(rng, 5, 7), gain=3, bias=-9),
                    Connection("input", signs(rng, 5, 7), gain=[1, -2, 0, 4, -5], delay=2),
                    Connection("a", signs(rng, 5, 5), gain=20000, delay=1),
                    Connection("b", signs(rng, 5, 9), gain=9000, bias=-7, delay=3),
                ),
                Neuron(7, 3, [9, -70000, 0, 80000, 5], v_reset=-11, v_init=[4, 3, 2, 1, 0]),
            ),
            Population(
                "b",
                (
                    Connection("a", signs(rng, 9, 5), gain=8, bias=1),
                    Connection("input", signs(rng, 9, 7)),
                ),
                Neuron(1, 1, threshold=3, reset="none"),
            ),
            Population("sum", (Connection("b", signs(rng, 3, 9), bias=-1),), Neuron(1, 0)),
        ),
        readout=Readout("sum", "membrane"),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("split", [False, True])
def test_random_networks_of_every_kind(split: bool, seed: int) -> None:
    """Split, every connection is a Process of its own; else most are part of a Layer."""
    hits = values = 0
    features: Counter[str] = Counter()
    for index in range(seed, seed + 16):
        (network,) = draw_any(index, 1, seed)
        x = stimuli(network, 5, index)
        expected = run(network, x)
        found = compare(expected, run(network, x, "lava", split=split))
        counts = [*found.spikes.values(), *found.v.values()]
        assert all(c.compared for c in counts), f"seed {seed}, group {index}"
        values, hits = values + found.compared, hits + threshold_hits(expected)
        for ask in asks(network):
            features[f"{ask.feature} {ask.value}" if ask.feature == "ops" else ask.feature] += 1
    print(f"16 networks, {values} neuron-values, {hits} membranes on their threshold; {features}")
    assert hits > 50
    assert set(features) >= {"ops Dense", "ops Conv", "ops Pool", "ops Identity", "delays", "held"}


def test_joins_delays_recurrence_and_integrators(rng: np.random.Generator) -> None:
    network = recurrent(rng)
    x = random_inputs(network, 6)
    found = compare(run(network, x), run(network, x, "lava"))
    assert all(0 < run(network, x).spikes[n].mean() < 1 for n in ("a", "b"))
    assert [c.compared for c in found.v.values()] == [180, 324, 108]


def test_neurons_rest_for_as_many_steps_as_they_must(rng: np.random.Generator) -> None:
    """Each fires whenever it may: after a spike it is held for three steps, no more or less."""
    neuron = Neuron(threshold=-99, refractory=3)
    population = Population("a", (Connection("input", signs(rng, 3, 4)),), neuron)
    network = Network(Input((4,)), (population,), Readout("a"), timesteps=10)
    x = random_inputs(network, 2)
    trace = run(network, x, "lava")
    assert (trace.spikes["a"].any(axis=(0, 2)) == (np.arange(10) % 4 == 0)).all()
    compare(run(network, x), trace)


def test_membranes_of_61_bits(rng: np.random.Generator) -> None:
    gain = (1 << 60) // 4 + 12345
    neuron = Neuron(1, 0, threshold=gain + 1)
    edge = Connection("input", signs(rng, 8, 3), gain=gain, bias=-(1 << 56) + 1)
    network = Network(Input((3,)), (Population("p", (edge,), neuron),), Readout("p"), 1)
    assert network.facts["p"].v.bits > 60
    x = random_inputs(network, 20)
    compare(run(network, x), run(network, x, "lava"))


def test_samples_do_not_leak_into_each_other(rng: np.random.Generator) -> None:
    # 3 rows: 11 samples are 4 batches, one after another, the last one not full
    network = recurrent(rng)
    x = random_inputs(network, 11)
    order = rng.permutation(11)
    spikes, v = own.run(network, x, rows=3)
    mixed_spikes, mixed_v = own.run(network, x[order], rows=3)
    expected = run(network, x)
    for name in v:
        assert np.array_equal(mixed_v[name], v[name][order])
        assert np.array_equal(v[name], expected.v[name])
    for name in spikes:
        assert np.array_equal(mixed_spikes[name], spikes[name][order])
    assert spikes["a"].dtype == bool and v["a"].dtype == np.int64


def test_more_samples_than_rows_and_fewer_steps_than_allowed(rng: np.random.Generator) -> None:
    network = recurrent(rng)
    x = random_inputs(network, own.ROWS + 1)[:, :4]
    trace = run(network, x, "lava")
    assert trace.v["sum"].shape == (own.ROWS + 1, 4, 3)
    compare(run(network, x), trace)


@pytest.mark.parametrize("record", [("spikes",), ("v",), ()])
def test_what_is_recorded(record: tuple[str, ...], rng: np.random.Generator) -> None:
    network = recurrent(rng)
    x = random_inputs(network, 2)
    expected, found = run(network, x, record=record), run(network, x, "lava", record=record)
    assert list(found.spikes) == list(expected.spikes) and list(found.v) == list(expected.v)
    assert np.array_equal(found.scores, expected.scores)
    assert agreement(expected, found).mismatches == 0


def test_a_wrong_number_is_seen(rng: np.random.Generator) -> None:
    network = recurrent(rng)
    x = random_inputs(network, 4)
    spikes, v = own.run(network, x)
    v["b"][2, 3, 4] += 1
    from sim.trace import finish

    divergence = agreement(run(network, x), finish(network, "lava", spikes, v)).divergence
    assert (divergence.sample, divergence.timestep, divergence.population) == (2, 3, "b")


def whole(rng: np.random.Generator) -> Network:
    """Return every op, weights of 1 and of 5 bits, a gate, a shift, a stream, padding, groups."""
    table = rng.integers(1, 200, (3, 16))
    gate = Gate(rng.integers(1, 4, 4), 5, 4, table)
    each = Gate(rng.integers(1, 4, 4), rng.integers(-9, 9, 4), 3, table, per_channel=True)
    first = Conv(rng.choice([-1, 1], (4, 2, 3, 3)), padding=1)
    second = Conv(rng.integers(-15, 16, (4, 2, 3, 2)), (2, 1), (1, 0), (1, 2), groups=2, bits=5)
    return Network(
        Input((2, 6, 7), bits=3, coding="direct"),
        (
            Population(
                "a",
                (Connection("input", first, gain=[3, 1, -2, 5], bias=2, gate=gate),),
                Neuron(3, 2, 500),
            ),
            Population("stream", (Connection("a", second, gain=9, shift=2),), Neuron(0, 0)),
            Population(
                "b",
                (
                    Connection("stream", Identity(), gate=each),
                    Connection("a", Pool((2, 3), (2, 1), (0, 0))),
                    Connection("b", Identity(), gain=40, delay=2),
                ),
                Neuron(1, 1, 60, reset="subtract", rho=55, refractory=1),
            ),
            Population(
                "c",
                (Connection("b", Pool((2, 2), 1, kind="max"), gain=3),),
                Neuron(1, 0, 4, max_spikes=2, fire_by=2),
            ),
            Population(
                "sum", (Connection("c", Dense(rng.integers(-7, 8, (3, 32)), bits=4)),), Neuron()
            ),
        ),
        Readout("sum", "membrane"),
        3,
    )


@pytest.mark.parametrize("split", [False, True])
def test_everything_that_the_contract_has(split: bool, rng: np.random.Generator) -> None:
    network = whole(rng)
    x = random_inputs(network, 7)
    found = compare(run(network, x), run(network, x, "lava", split=split))
    assert all(c.compared for c in (*found.v.values(), *found.spikes.values()))
    assert all(0.02 < run(network, x).spikes[n].mean() < 0.98 for n in "abc")


@pytest.mark.parametrize("backend", ["lava", "lava-stock"])
@pytest.mark.parametrize("name", ["lava", "asteval", "networkx", "scipy", "threadpoolctl"])
def test_without_lava_or_what_it_imports_one_sentence_says_so(
    backend: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = draw_network(6)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n == name else find(n))
    sentence = f"the {backend} backend needs the package {name!r}: {install('lava')}"
    with pytest.raises(MissingTool, match=f"^{re.escape(sentence)}$"):
        run(network, random_inputs(network, 1), backend)


@pytest.mark.parametrize("backend", ["lava", "lava-stock"])
def test_a_failing_process_is_a_failed_check(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    network = draw_network(6)
    steps = Running.steps

    def killed(self: Running, timesteps: int) -> None:
        os.kill(self.watch.actors[-2].pid, signal.SIGKILL)
        steps(self, timesteps)

    monkeypatch.setattr(Running, "steps", killed)
    sentence = rf"^{backend}: the Lava process of .*\(.*\) ended with signal 9 \(out of memory\?\)$"
    with pytest.raises(ProtocolError, match=sentence):
        run(network, random_inputs(network, 1), backend)


#: Lava's, and those of ours that stand in the package for it.
BASES = {
    *("AbstractProcess", "PyLoihiProcessModel", "AbstractSubProcessModel"),
    *("ConnectionProcess", "PyConnection", "PyPopulation", "Source", "PyAnySource"),
}


def test_the_processes_package_holds_processes_and_nothing_else() -> None:
    # Lava executes every file there again, under other names
    folder = Path(own.__file__).parent / "processes"
    for path in sorted(folder.glob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        allowed = (ast.Import, ast.ImportFrom, ast.ClassDef)
        odd = [n for n in body[1:] if not isinstance(n, allowed)]
        assert isinstance(body[0], ast.Expr) and not odd, f"{path.name}: {odd}"
        bases = {b.id for n in body if isinstance(n, ast.ClassDef) for b in n.bases}
        assert bases <= BASES, path.name
