"""Laws of partition and placement, of whatever network, chip and traffic Hypothesis draws."""

from __future__ import annotations

from dataclasses import replace
from unittest.mock import patch

import hypothesis.strategies as st
import numpy as np
from hypothesis import HealthCheck, given, settings
from strategies import networks

from mapping import Network, Unsupported, loihi
from mapping.loihi import moves
from mapping.loihi.chips import LOIHI1, LOIHI2, Chip, Limit
from mapping.loihi.flows import flows
from mapping.loihi.grids import cuts, even
from mapping.loihi.mesh import arrangement, chips_in_turn, curve
from mapping.loihi.moves import refined

#: Limits that small networks reach, and the most of each that is drawn.
TIGHT = {
    "compartments": 8, "synapse_bits": 4096, "axons_in": 40, "axons_out": 60, "thresholds": 3,
    "configurations": 2, "formats": 4, "atoms": 4, "base_reach": 4, "cores": 6,
}  # fmt: skip
#: What one neuron alone may break.
SAID = ("axons_in", "axons_out", "synapse_bits", "memory_bytes", "thresholds", "formats", "delay",
        "split otherwise", "chips are needed")  # fmt: skip
some = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def chips(draw: st.DrawFn) -> Chip:
    """Draw a chip with some limits of its own; six cores to a chip stand on six tiles."""
    chip = draw(st.sampled_from([LOIHI1, LOIHI2]))
    names = {"compartments"} | draw(st.sets(st.sampled_from(sorted(TIGHT))))
    limits = {n: Limit(draw(st.integers(1, TIGHT[n])), "drawn") for n in sorted(names)}
    return replace(chip, **limits)


def placed(network: Network, chip: Chip, seed: int) -> loihi.Placement | None:
    """Place a network by drawn spikes; None where it is refused by the name of a limit."""
    rng = np.random.default_rng(seed)
    steps, shapes = network.timesteps, network.shapes
    spikes = {p.name: rng.random((steps, *shapes[p.name])) for p in network.populations}
    try:
        return loihi.place(network, chip, spikes, seed)
    except Unsupported as error:
        assert any(word in str(error) for word in SAID), error
        return None


@some
@given(networks(), chips(), st.integers(0, 99))
def test_whatever_is_placed_keeps_every_rule(network: Network, chip: Chip, seed: int) -> None:
    found = placed(network, chip, seed)
    if found is None:
        return
    assert loihi.check(network, found) == []
    again = placed(network, chip, seed)
    assert again is not None and again.cores == found.cores
    assert (again.places == found.places).all()


@some
@given(networks(), chips(), st.integers(0, 99))
def test_routes_pass_as_many_tiles_as_packets_go(network: Network, chip: Chip, seed: int) -> None:
    found = placed(network, chip, seed)
    if found is None:
        return
    assert np.isclose(sum(float(flow.sum()) for flow in flows(found)), found.spike_hops)
    mixed = shuffled(found, seed)
    assert np.isclose(sum(float(flow.sum()) for flow in flows(mixed)), mixed.spike_hops)
    assert np.isclose(sum(row["spike_hops"] for row in found.layers()), found.spike_hops)
    naive = loihi.place(network, chip, None, seed, "row_major")
    assert naive.cores == found.cores  # traffic moves cores, and splits nothing


def shuffled(found: loihi.Placement, seed: int) -> loihi.Placement:
    """Put cores anywhere on the mesh, and packets between any two of them, both ways."""
    rng = np.random.default_rng(seed)
    chip, many = found.chip, len(found.cores)
    mesh = (found.chips[0] * (chip.columns.value or 1), found.chips[1] * (chip.rows.value or 1))
    spots = rng.integers(0, (*mesh, 1), (many, 3))
    edges = np.stack(np.meshgrid(range(many), range(many)), axis=-1).reshape(-1, 2)
    return replace(found, places=spots, traffic=edges, packets=rng.random(len(edges)))


@given(st.integers(1, 300))
def test_cuts_have_every_length_of_the_longest_part_once(size: int) -> None:
    longest = [max(stop - start for start, stop in even(size, n)) for n in cuts(size)]
    assert longest == sorted(set(longest), reverse=True)
    every = {max(b - a for a, b in even(size, n)) for n in range(1, size + 1)}
    assert set(longest) == every
    for n in cuts(size):
        spans = even(size, n)
        assert spans[0][0] == 0 and spans[-1][1] == size
        assert all(a[1] == b[0] for a, b in zip(spans, spans[1:], strict=False))


@given(st.integers(1, 24), st.integers(1, 24))
def test_the_curve_passes_every_tile_once(width: int, height: int) -> None:
    found = curve(width, height)
    assert sorted(found) == [(x, y) for x in range(width) for y in range(height)]
    assert all(
        max(abs(a - c), abs(b - d)) == 1 for (a, b), (c, d) in zip(found, found[1:], strict=False)
    )


@given(st.integers(1, 900), st.booleans())
def test_chips_are_no_more_than_are_needed_by_a_row(cores: int, hilbert: bool) -> None:
    columns, rows = arrangement(cores, LOIHI1)
    assert columns * rows * 128 >= cores and (columns * rows - columns) * 128 < cores
    places = chips_in_turn(cores, LOIHI1, (columns, rows), hilbert)
    assert len({tuple(p) for p in places.tolist()}) == cores
    assert places.min() >= 0 and (places.max(axis=0) < (columns * 8, rows * 4, 4)).all()


@some
@given(st.integers(2, 140), st.integers(1, 200), st.integers(0, 1 << 20), st.booleans())
def test_swaps_never_lengthen_the_way(cores: int, edges: int, seed: int, dense: bool) -> None:
    rng = np.random.default_rng(seed)
    chips = arrangement(cores, LOIHI1)
    places = chips_in_turn(cores, LOIHI1, chips, True)
    slots = chips_in_turn(chips[0] * chips[1] * 128, LOIHI1, chips, True)
    ends, packets = rng.integers(0, cores, (edges, 2)), rng.random(edges)
    limit = moves.DENSE if dense else 0
    with patch.object(moves, "DENSE", limit):  # else places around medians
        found = refined(places, slots, ends, packets, seed)
        again = refined(found, slots, ends, packets, seed)
    assert len({tuple(p) for p in found.tolist()}) == cores
    assert {tuple(p) for p in found.tolist()} <= {tuple(p) for p in slots.tolist()}
    assert way(found, ends, packets) <= way(places, ends, packets) * (1 + 1e-9)
    assert way(again, ends, packets) <= way(found, ends, packets) * (1 + 1e-9)


@some
@given(st.integers(2, 6), st.integers(1, 40), st.integers(0, 1 << 20))
def test_on_a_full_mesh_no_swap_is_left_that_saves(columns: int, edges: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    slots = np.array([(x, y, 0) for x in range(columns) for y in range(2)])
    ends, packets = rng.integers(0, len(slots), (edges, 2)), rng.random(edges)
    found = refined(slots, slots, ends, packets, seed)
    for a in range(len(slots)):
        for b in range(a):
            other = found.copy()
            other[[a, b]] = other[[b, a]]
            # passes end where one saves less than LEAST of the whole
            assert way(other, ends, packets) >= 0.999 * way(found, ends, packets)


def way(places: np.ndarray, ends: np.ndarray, packets: np.ndarray) -> float:
    """Return packets times tiles passed."""
    spots = places[ends][:, :, :2]
    return float(packets @ np.abs(spots[:, 0] - spots[:, 1]).sum(axis=1))
