"""Places on the mesh, ways between them, and the files for SANA-FE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from loihi_nets import convolutions, drawn, mlp, residual

from mapping import Input, Network, Neuron, Unsupported, loihi
from mapping.loihi.chips import LOIHI1, Limit
from mapping.loihi.flows import flows
from mapping.loihi.mesh import arrangement, chips_in_turn, curve
from mapping.loihi.moves import refined
from mapping.loihi.sanafe import architecture, synapses_of

SMALL = replace(LOIHI1, compartments=Limit(24, "of this test"), thresholds=Limit(3, "of this test"))


@pytest.mark.parametrize("size", [(1, 1), (8, 4), (4, 8), (16, 12), (5, 3), (1, 7)])
def test_the_curve_goes_once_over_every_tile(size: tuple[int, int]) -> None:
    found = curve(*size)
    assert sorted(found) == [(x, y) for x in range(size[0]) for y in range(size[1])]
    steps = [max(abs(a - c), abs(b - d)) for (a, b), (c, d) in zip(found, found[1:], strict=False)]
    assert set(steps) <= {1}


@pytest.mark.parametrize("hilbert", [True, False])
def test_chips_are_filled_in_turn(hilbert: bool) -> None:
    columns, rows = arrangement(700, LOIHI1)
    assert columns * rows >= 6
    places = chips_in_turn(700, LOIHI1, (columns, rows), hilbert)
    assert len({tuple(p) for p in places.tolist()}) == 700
    chips = [(x // 8, y // 4) for x, y, _ in places.tolist()]
    assert len(dict.fromkeys(chips)) == 6
    assert all(len(set(chips[k : k + 128])) == 1 for k in range(0, 640, 128))
    near = np.abs(np.diff(places[:, :2], axis=0)).sum(axis=1)
    assert (near <= (1 if hilbert else 8))[: 128 - 1].all()


def test_the_same_seed_gives_the_same_places() -> None:
    network = residual()
    first, second = (loihi.place(network, SMALL, seed=7) for _ in range(2))
    assert (first.places == second.places).all() and first.cores == second.cores
    other = loihi.place(network, SMALL, seed=8)
    assert loihi.check(network, other) == []


@pytest.mark.parametrize("dense", [True, False])
def test_ways_are_shorter_than_row_by_row(dense: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not dense:
        monkeypatch.setattr("mapping.loihi.moves.DENSE", 0)
        monkeypatch.setattr("mapping.loihi.moves.PASSES", 3)
        monkeypatch.setattr("mapping.loihi.placement.ROUNDS", 1)
    network = residual()
    found = loihi.place(network, SMALL)
    naive = loihi.place(network, SMALL, order="row_major")
    assert len(found.cores) > 60 and found.cores == naive.cores
    assert loihi.check(network, found) == []
    assert found.spike_hops < 0.8 * naive.spike_hops


@pytest.mark.parametrize("make", [residual, convolutions])
def test_every_connection_is_a_fifth_shorter_than_row_by_row(
    make: Callable[[], Network],
) -> None:
    network = make()
    for chip in (SMALL, replace(LOIHI1, compartments=Limit(64, "of this test"))):
        for seed in range(4):  # few spikes of one population, many of another; no law holds it
            rng = np.random.default_rng(seed)
            spikes = {
                p.name: np.full((network.timesteps, *network.shapes[p.name]), share)
                for p in network.populations
                for share in [rng.choice([0.1, 0.2, 0.4])]
            }
            found = loihi.place(network, chip, spikes)
            naive = loihi.place(network, chip, spikes, order="row_major")
            for ours, theirs in zip(found.layers(), naive.layers(), strict=True):
                least = ours["packets"] / 4  # row by row some lie within one tile
                assert ours["spike_hops"] <= 0.8 * max(theirs["spike_hops"], least), ours


def test_no_swap_of_two_cores_is_left_that_saves() -> None:
    rng = np.random.default_rng(2)
    places = chips_in_turn(48, LOIHI1, (1, 1), True)
    slots = chips_in_turn(128, LOIHI1, (1, 1), True)
    edges = rng.integers(0, 48, (300, 2))
    packets = rng.random(300)
    found = refined(places, slots, edges, packets, 0)

    def cost(at: np.ndarray) -> float:
        ends = at[edges][:, :, :2]
        return float(packets @ np.abs(ends[:, 0] - ends[:, 1]).sum(axis=1))

    least, begun = cost(found), cost(places)
    assert least < 0.8 * begun
    best = least
    for a in range(48):
        for b in range(a):
            at = found.copy()
            at[[a, b]] = at[[b, a]]
            best = min(best, cost(at))
    assert best > 0.99 * least  # passes end where one saves less than a little


def test_flows_are_those_of_every_route() -> None:
    network = residual()
    placed = loihi.place(network, SMALL)
    across, up = (np.zeros_like(flow) for flow in flows(placed))
    for (a, b), many in zip(placed.traffic, placed.packets, strict=True):
        (x, y), (to, end) = placed.places[a, :2], placed.places[b, :2]
        for k in range(min(x, to), max(x, to)):
            across[k, y] += many
        for k in range(min(y, end), max(y, end)):
            up[to, k] += many
    for ours, expected in zip(flows(placed), (across, up), strict=True):
        np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_constants_are_the_published_ones() -> None:
    def pj(profile: str) -> dict[str, float | None]:
        return {name: c.pj for name, c in loihi.PROFILES[profile].events.items()}

    assert pj("davies2018") == {
        "neuron_idle": 52, "neuron_active": 81, "spike": None, "synop_dense": 23.6,
        "synop_window": 23.6, "packet_out": 1.7, "packet_in": None, "hop_x": 3, "hop_y": 4,
    }  # fmt: skip
    assert pj("sanafe-nahuku") == pytest.approx({
        "neuron_idle": 51.2, "neuron_active": 72.8, "spike": 69.3, "synop_dense": 35.5,
        "synop_window": 24, "packet_out": 111, "packet_in": 0, "hop_x": 3, "hop_y": 4.2,
    })  # fmt: skip


def test_files_for_sanafe(tmp_path: Path) -> None:
    network = mlp(hidden=32, steps=3)
    placed = loihi.place(network, "loihi1")
    loihi.export_sanafe(network, placed, drawn(network, 1, 0), tmp_path / "out")
    lines = (tmp_path / "out" / "snn.net").read_text().splitlines()
    kinds = [line[0] for line in lines]
    assert kinds.count("g") == 784 + 2 and kinds.count("&") == 784 + 42
    assert kinds.count("e") == 784 * 32 + 32 * 10
    text = (tmp_path / "out" / "arch.yaml").read_text()
    assert text == architecture(9, 4) and "energy_message_out: 111e-12" in text
    c = network["out"].connections[0]
    dense = np.zeros((32, 10), int)
    for source, target, weight in synapses_of(c, (32,)):
        dense[source, target] = weight
    assert (dense == c.op.weights.T).all()


@pytest.mark.parametrize(
    ("neuron", "sentence"),
    [
        (Neuron(threshold=None), "'hidden' never fires"),
        (Neuron(1, 1, threshold=3), "'hidden' has leak 1/2"),
        (Neuron(threshold=3, reset="subtract", rho=3), "resets to a value"),
        (Neuron(threshold=3, v_init=1), "starts at"),
    ],
)
def test_what_sanafe_computes_otherwise_is_refused(
    neuron: Neuron, sentence: str, tmp_path: Path
) -> None:
    network = mlp(hidden=8)
    hidden = replace(network["hidden"], neuron=neuron)
    value = replace(network, populations=(hidden, network["out"]))
    placed = loihi.place(value, "loihi1")
    with pytest.raises(Unsupported, match=sentence):
        loihi.export_sanafe(value, placed, drawn(value, 1, 0), tmp_path)


def test_sanafe_takes_loihi1_and_spikes(tmp_path: Path) -> None:
    network = mlp(hidden=8)
    with pytest.raises(Unsupported, match="nothing of loihi2"):
        loihi.export_sanafe(network, loihi.place(network, "loihi2"), drawn(network, 1, 0), tmp_path)
    values = Network(Input((784,), 4), network.populations, network.readout, 6)
    with pytest.raises(Unsupported, match="the input has 4 bits"):
        loihi.export_sanafe(values, loihi.place(values, "loihi1"), drawn(values, 1, 0), tmp_path)
