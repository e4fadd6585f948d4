"""Bits, packets and events against counts of every synapse and every neuron, one by one."""

from __future__ import annotations

import numpy as np
import pytest
from loihi_nets import drawn, mlp, neurons_of, reaches, residual

import sim
from mapping import INPUT, Dense, Network, Unsupported, loihi
from mapping.cost import Activity
from mapping.loihi.events import EVENTS
from mapping.loihi.formula import axon_bits, index_bits
from mapping.loihi.reach import stored_bits
from mapping.loihi.values import Placement
from sim.campaign.generate.all_kinds import draw_whole


@pytest.mark.parametrize(
    ("stored", "bits"),
    [(1, (256, 512, 1024, 2048)), (2, (384, 768, 1536, 3072)), (8, (1152, 2304, 4608, 9216))],
)
def test_bits_of_dense_axons_are_those_of_the_formula(stored: int, bits: tuple[int, ...]) -> None:
    assert axon_bits(np.array([128, 256, 512, 1024]), stored).tolist() == list(bits)


def test_bits_of_a_short_axon_end_at_a_word() -> None:
    assert axon_bits(np.array([0, 1, 27, 28, 64, 65]), 2).tolist() == [0, 64, 64, 128, 192, 256]
    assert [index_bits(n) for n in (0, 1, 63, 64, 2047, 4095, 5000)] == [0, 6, 6, 7, 11, 12, 13]


def test_weights_of_both_signs_lose_their_lowest_bit() -> None:
    def bits(*values: int, of: int = 8) -> int:
        return stored_bits(Dense(np.array([values], np.int8), of))

    assert [bits(1, 1, of=1), bits(-1, -1, of=1), bits(1, -1, of=1)] == [1, 1, 2]
    assert [bits(3, -3), bits(3, 3), bits(31, -31), bits(63, -63), bits(127, -1)] == [3, 2, 6, 8, 8]


def bits_of_784_axons() -> list[int]:
    return [int(axon_bits(n, b)) * 784 for n, b in ((256, 2), (256, 8), (128, 8))]


def test_two_bits_halve_the_cores_of_784_to_512() -> None:
    two, eight, half = bits_of_784_axons()
    assert two <= 1 << 20 < eight and half <= 1 << 20


def tiles_of(placement: Placement) -> list:
    return [(k, tile) for k, core in enumerate(placement.cores) for tile in core.tiles]


@pytest.mark.parametrize("make", [residual, lambda: draw_whole(11), lambda: draw_whole(23)])
def test_packets_are_those_of_every_neuron_and_every_tile(make: object) -> None:
    network: Network = make()  # type: ignore[operator]
    rng = np.random.default_rng(3)
    spikes = {
        p.name: rng.integers(0, 3, (network.timesteps, *network.shapes[p.name])).astype(float)
        for p in network.populations
    }
    placed = loihi.place(network, "loihi1", spikes)
    ours = np.zeros((len(placed.cores),) * 2)
    np.add.at(ours, tuple(placed.traffic.T), placed.packets)
    expected = np.zeros_like(ours)
    held = tiles_of(placed)
    for p in network.populations:
        for c in p.connections:
            if c.source == INPUT:
                continue
            joined = reaches(c, network.shapes[c.source], network.shapes[p.name])
            counts = spikes[c.source].sum(axis=0).ravel()
            for a, tile in held:
                if tile.population != c.source:
                    continue
                own = neurons_of(tile, network.shapes[c.source])
                for b, reader in held:
                    if reader.population == p.name:
                        targets = neurons_of(reader, network.shapes[p.name])
                        sends = joined[np.ix_(own, targets)].any(axis=1)
                        expected[a, b] += counts[own] @ sends
    np.testing.assert_allclose(ours, expected)


@pytest.mark.parametrize("number", [0, 1, 5, 9, 14])
def test_synaptic_operations_are_those_of_the_papers_count(number: int) -> None:
    network = residual() if not number else draw_whole(number)
    inputs = drawn(network, 3, number)
    trace = sim.run(network, inputs, "reference")
    outputs = loihi.outputs_of(network, inputs, trace)
    placed = loihi.place(network, "loihi1", loihi.mean_spikes(outputs))
    counted = loihi.events(network, placed, outputs, trace.v)
    activity = Activity(network)
    activity.add(inputs, trace)
    for p in network.populations:
        kinds = {c.op.linear for c in p.connections}
        rows = [w for w in activity.work() if w.into == p.name]
        if kinds != {True} or any(w.reads != "spikes" for w in rows):
            continue  # a maximum counts nothing there, values are counted as MACs
        mine = [k for k, (_, name) in enumerate(counted.tiles) if name == p.name]
        ours = sum(counted.counts[k][:, mine].sum() for k in ("synop_dense", "synop_window"))
        assert ours / counted.samples == pytest.approx(sum(sum(w.sops) for w in rows))


def test_events_of_each_neuron_and_timestep() -> None:
    network = residual(steps=4)
    inputs = drawn(network, 2, 1)
    trace = sim.run(network, inputs, "reference")
    outputs = loihi.outputs_of(network, inputs, trace)
    placed = loihi.place(network, "loihi1", loihi.mean_spikes(outputs))
    counted = loihi.events(network, placed, outputs, trace.v)
    held = tiles_of(placed)
    for p in network.populations:
        size = int(np.prod(network.shapes[p.name]))
        out = outputs[p.name].reshape(8, size) != 0
        arrived = np.zeros((8, size))
        for c in p.connections:
            joined = reaches(c, network.shapes[c.source], network.shapes[p.name])
            arrived += (outputs[c.source].reshape(8, -1) != 0) @ joined.astype(float)
        v = trace.v[p.name].reshape(2, 4, size) if p.name in trace.v else np.zeros((2, 4, size))
        left = np.where(out.reshape(2, 4, size) & p.spiking, 0, v)
        before = np.concatenate([np.zeros((2, 1, size)), left[:, :-1]], axis=1).reshape(8, size)
        active = (arrived > 0) | ((before != 0) & (p.neuron.num > 0))
        for k, (_, tile) in enumerate(held):
            if tile.population == p.name:
                own = neurons_of(tile, network.shapes[p.name])
                assert (counted.counts["spike"][:, k] == out[:, own].sum(axis=1)).all()
                assert (counted.counts["neuron_active"][:, k] == active[:, own].sum(axis=1)).all()
    totals = {name: counts.sum() / 2 for name, counts in counted.counts.items()}
    neurons = sum(int(np.prod(network.shapes[p.name])) for p in network.populations)
    assert totals["neuron_active"] + totals["neuron_idle"] == neurons * 4
    assert totals["packet_out"] == totals["packet_in"] == pytest.approx(placed.packets.sum())
    hops = placed.packets @ placed.hops
    assert [totals["hop_x"], totals["hop_y"]] == pytest.approx(hops.tolist())


@pytest.mark.parametrize("profile", ["davies2018", "sanafe-nahuku"])
def test_energy_is_the_sum_of_events_times_constants(profile: str) -> None:
    network = mlp()
    inputs = drawn(network, 2, 5)
    trace = sim.run(network, inputs, "reference")
    outputs = loihi.outputs_of(network, inputs, trace)
    placed = loihi.place(network, "loihi1", loihi.mean_spikes(outputs))
    counted = loihi.events(network, placed, outputs, trace.v)
    bill = loihi.estimate(network, placed, counted, profile)
    constants = loihi.PROFILES[profile].events
    by_hand = sum(
        counted.counts[e].sum() / 2 * (constants[e].pj or 0) for e in EVENTS
    )  # fmt: skip
    assert bill.energy_pj == pytest.approx(by_hand)
    assert sum(row["pj"] for row in bill.layers) == pytest.approx(bill.energy_pj)
    assert sum(row["pj"] for row in bill.cores) == pytest.approx(bill.energy_pj)
    slowest = sum(counted.counts[e] * (constants[e].ns or 0) for e in EVENTS if "hop" not in e)
    assert bill.time_ns > slowest.sum() / 2 / len(placed.cores)
    assert bill.time_ns == pytest.approx(bill.timestep_ns.sum())


def test_barriers_are_the_published_ones() -> None:
    davies, sanafe = (loihi.PROFILES[name] for name in ("davies2018", "sanafe-nahuku"))
    assert [davies.barrier_ns(n) for n in (1, 32, 200)] == [113, 465, 465]
    assert davies.barrier_ns(16) == pytest.approx(113 + 15 / 31 * 352)
    assert [sanafe.barrier_ns(n) for n in (1, 2, 3, 4, 28, 29, 99)] == [
        600, 1000, 1000, 1400, 1400, 1800, 1800
    ]  # fmt: skip


def test_loihi2_has_no_bill() -> None:
    network = mlp()
    inputs = drawn(network, 1, 5)
    trace = sim.run(network, inputs, "reference")
    outputs = loihi.outputs_of(network, inputs, trace)
    placed = loihi.place(network, "loihi2", loihi.mean_spikes(outputs))
    counted = loihi.events(network, placed, outputs)
    with pytest.raises(Unsupported, match="an operation of loihi2 takes is not published"):
        loihi.estimate(network, placed, counted, "davies2018")


def test_spikes_of_another_shape_are_refused() -> None:
    network = mlp()
    with pytest.raises(ValueError, match="spikes of 'hidden' must have shape"):
        loihi.place(network, "loihi1", {"hidden": np.zeros((6, 127))})
