"""The lava backend equals the reference in every spike and every membrane."""

from __future__ import annotations

import ast
import importlib.util
import re
from pathlib import Path

import needs
import numpy as np
import pytest

from lava_procs import own
from mapping import Connection, Conv, Dense, Input, Network, Neuron, Population, Readout, fold
from mapping.extras import install
from mapping.value import Unsupported
from sim import run
from sim.campaign.generate.dense import draw_network
from sim.campaign.generate.trained_dense import draw_trained
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
def test_random_networks(seed: int) -> None:
    hits = values = features = 0
    for index in range(10):
        for network in (draw_network(seed + index), fold(draw_trained(seed + index))):
            x = stimuli(network, 9, seed + index)
            expected = run(network, x)
            found = compare(expected, run(network, x, "lava"))
            counts = [*found.spikes.values(), *found.v.values()]
            assert all(c.compared for c in counts), f"seed {seed + index}"
            values, hits = values + found.compared, hits + threshold_hits(expected)
            features += any(len(p.connections) > 1 for p in network.populations)
    print(f"20 networks, {values} neuron-values, {hits} membranes on their threshold")
    assert hits > 100 and features >= 3


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


def test_what_the_contract_does_not_run_yet_is_named_before_lava_starts() -> None:
    conv = Conv(np.ones((1, 1, 2, 2), np.int8))
    population = Population("c", (Connection("input", conv),), Neuron(threshold=1))
    network = Network(Input((1, 4, 4)), (population,), Readout("c"), 2)
    with pytest.raises(Unsupported, match="Conv connections are not run by lava yet"):
        run(network, np.zeros((1, 2, 1, 4, 4), np.uint8), "lava")


@pytest.mark.parametrize("backend", ["lava", "lava-stock"])
@pytest.mark.parametrize("name", ["lava", "asteval", "networkx", "scipy"])
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
    from lava_procs import session

    network = draw_network(6)
    play = session.play
    monkeypatch.setattr(session, "play", lambda source, n, *tag: play(source, n + 1, *tag))
    with pytest.raises(ProtocolError, match=f"{backend}: a Lava process failed with IndexError"):
        run(network, random_inputs(network, 1), backend)


def test_the_processes_package_holds_processes_and_nothing_else() -> None:
    # Lava executes every file there again, under other names
    folder = Path(own.__file__).parent / "processes"
    for path in sorted(folder.glob("*.py")):
        body = ast.parse(path.read_text(encoding="utf-8")).body
        allowed = (ast.Import, ast.ImportFrom, ast.ClassDef)
        odd = [n for n in body[1:] if not isinstance(n, allowed)]
        assert isinstance(body[0], ast.Expr) and not odd, f"{path.name}: {odd}"
        bases = {b.id for n in body if isinstance(n, ast.ClassDef) for b in n.bases}
        assert bases <= {"AbstractProcess", "PyLoihiProcessModel"}, path.name
