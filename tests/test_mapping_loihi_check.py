"""Every rule holds of placed networks, and the checker sees each one broken."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from loihi_nets import mlp, residual

from mapping import (
    Connection,
    Conv,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Readout,
    Unsupported,
    loihi,
)
from mapping.loihi.chips import LOIHI1, LOIHI2, Chip, Limit
from mapping.loihi.values import Core, Placement, Tile
from sim.campaign.generate.all_kinds import draw_whole


def rules(network: Network, placement: Placement) -> set[str]:
    return {broken.rule for broken in loihi.check(network, placement)}


@pytest.mark.parametrize("chip", ["loihi1", "loihi2"])
@pytest.mark.parametrize("offset", range(6))
def test_random_networks_keep_every_rule(chip: str, offset: int, seed: int) -> None:
    network = draw_whole(seed + offset)
    print(f"seed {seed + offset}")
    assert loihi.check(network, loihi.place(network, chip, seed=seed)) == []


@pytest.mark.parametrize("chip", ["loihi1", "loihi2"])
@pytest.mark.parametrize("make", [mlp, residual])
def test_layers_of_every_kind_keep_every_rule(chip: str, make: Callable[..., Network]) -> None:
    network = make()
    placed = loihi.place(network, chip)
    assert loihi.check(network, placed) == []
    for core in placed.cores:
        for name, (used, most) in core.utilisation(placed.chip).items():
            assert most is None or used <= most, name
        assert core.binding(placed.chip) in core.used


TIGHT = {
    "compartments": 64, "synapse_bits": 20_000, "axons_in": 70, "axons_out": 130, "thresholds": 2,
    "atoms": 5, "base_reach": 32,
}  # fmt: skip


@pytest.mark.parametrize("name", TIGHT)
def test_tighter_limits_are_kept_by_smaller_tiles(name: str) -> None:
    network = residual()
    chip = replace(LOIHI1, **{name: Limit(TIGHT[name], "of this test")})
    placed = loihi.place(network, chip)
    assert loihi.check(network, placed) == []
    assert len(placed.cores) >= len(loihi.place(network, "loihi1").cores)


def test_tiles_on_one_core_count_what_differs_among_them() -> None:
    """Four populations, four decays and two thresholds, together as the limit lets them."""
    leaks = [(0, 1), (1, 1), (1, 2), (3, 2)]
    sources = ["input", "p0", "p1", "p2"]
    weights = Dense(np.ones((3, 3), np.int8))
    populations = tuple(
        Population(f"p{k}", (Connection(source, weights),), Neuron(*leak, threshold=2 + k % 2))
        for k, (source, leak) in enumerate(zip(sources, leaks, strict=True))
    )
    network = Network(Input((3,)), populations, Readout("p3"), 4)
    for most in (4, 2):
        chip = replace(LOIHI1, configurations=Limit(most, "of this test"))
        placed = loihi.place(network, chip)
        assert len(placed.cores) == 4 // most and loihi.check(network, placed) == []
        for core in placed.cores:
            used = core.used
            assert (used["configurations"], used["thresholds"], used["formats"]) == (most, 2, most)


def moved(placement: Placement, core: int, place: tuple[int, int, int]) -> Placement:
    places = placement.places.copy()
    places[core] = place
    return replace(placement, places=places)


def test_planted_places_are_found() -> None:
    network = mlp()
    placed = loihi.place(network, "loihi1")
    there = tuple(placed.places[1].tolist())
    assert rules(network, moved(placed, 0, there)) == {"places"}
    assert rules(network, moved(placed, 0, (8, 0, 0))) == {"places"}
    assert rules(network, moved(placed, 0, (0, 4, 0))) == {"places"}
    assert rules(network, moved(placed, 0, (0, 0, 4))) == {"places"}
    fewer = replace(LOIHI1, cores=Limit(3, "of this test"))
    assert rules(network, replace(placed, chip=fewer)) == {"cores"}
    none = replace(LOIHI1, chips=Limit(0, "of this test"))
    assert rules(network, replace(placed, chip=none)) == {"chips"}


def with_tile(placement: Placement, core: int, tile: Tile) -> Placement:
    cores = list(placement.cores)
    cores[core] = replace(cores[core], tiles=(tile, *cores[core].tiles[1:]))
    return replace(placement, cores=tuple(cores))


def test_planted_covers_are_found() -> None:
    network = residual()
    placed = loihi.place(network, "loihi1")
    tile = placed.cores[0].tiles[0]
    assert "cover" in rules(
        network, with_tile(placed, 0, replace(tile, channels=tile.channels[1:]))
    )
    short = replace(tile, rows=(tile.rows[0], tile.rows[1] - 1))
    assert "cover" in rules(network, with_tile(placed, 0, short))
    twice = replace(placed, cores=(*placed.cores, placed.cores[0]),
                    places=np.concatenate([placed.places, [[7, 3, 3]]]))  # fmt: skip
    assert "cover" in rules(network, twice)


def test_planted_tiles_are_found() -> None:
    network = residual()
    placed = loihi.place(network, "loihi1")
    tile = placed.cores[0].tiles[0]
    for wrong in (
        replace(tile, population="nobody"),
        replace(tile, channels=np.array([0, 0])),
        replace(tile, channels=np.array([12])),
        replace(tile, rows=(0, 10)),
        replace(tile, cols=(3, 3)),
        replace(tile, axons=("discrete",)),
        replace(tile, axons=()),
    ):
        assert rules(network, with_tile(placed, 0, wrong)) == {"tiles"}, wrong
    empty = replace(placed, cores=(Core((), placed.cores[0].used), *placed.cores[1:]))
    assert rules(network, empty) == {"tiles"}


LIMITS = (
    "compartments", "synapse_bits", "axons_in", "axons_out", "thresholds", "configurations",
    "formats", "memory_bytes",
)  # fmt: skip


@pytest.mark.parametrize("chip", [LOIHI1, LOIHI2])
@pytest.mark.parametrize("name", LIMITS)
def test_planted_overuse_of_every_limit_is_found(chip: Chip, name: str) -> None:
    network = residual()
    placed = loihi.place(network, chip)
    most = max(core.used[name] for core in placed.cores)
    less = replace(chip, **{name: Limit(most - 1, "of this test")})
    assert rules(network, replace(placed, chip=less)) == {name}
    said = {**placed.cores[0].used, name: placed.cores[0].used[name] + 1}
    wrong = (replace(placed.cores[0], used=said), *placed.cores[1:])
    assert rules(network, replace(placed, cores=wrong)) == {"used"}


def test_planted_delay_is_found() -> None:
    rng = np.random.default_rng(0)
    weights = rng.choice(np.array([-1, 1], np.int8), (4, 4))
    late = Connection("input", Dense(weights), delay=62)
    network = Network(
        Input((4,)), (Population("a", (late,), Neuron(threshold=1)),), Readout("a"), 70
    )
    placed = loihi.place(network, "loihi1")
    assert rules(network, placed) == set()
    less = replace(LOIHI1, delay=Limit(61, "of this test"))
    assert rules(network, replace(placed, chip=less)) == {"delay"}


def test_too_much_for_a_core_is_refused_by_the_limit() -> None:
    network = Network(
        Input((1, 80, 80)),
        (Population("a", (Connection("input", Conv(np.ones((1, 1, 3, 3), np.int8))),),
                    Neuron(threshold=1)),),
        Readout("a"), 2,
    )  # fmt: skip
    few = replace(LOIHI1, axons_in=Limit(8, "of this test"))
    with pytest.raises(Unsupported, match="'a' does not fit loihi1.*axons_in"):
        loihi.place(network, few)
    with pytest.raises(ValueError, match="chip must be one of 'loihi1', 'loihi2', not 'loihi3'"):
        loihi.place(network, "loihi3")


def test_every_limit_has_a_source() -> None:
    for chip in loihi.CHIPS.values():
        rows = chip.table()
        assert len(rows) == len(fields(Chip)) - 1
        assert all(len(str(row["source"])) > 8 for row in rows)
    for profile in loihi.PROFILES.values():
        assert all(len(str(row["source"])) > 8 for row in profile.table())


def test_the_docs_have_every_number_and_its_source() -> None:
    page = (Path(__file__).parent.parent / "docs/loihi-numbers.md").read_text("utf-8")
    for name, table in (*loihi.CHIPS.items(), *loihi.PROFILES.items()):
        section = re.split(r"^## ", page, flags=re.M)
        titles = {"loihi1": "Loihi 1", "loihi2": "Loihi 2"}
        own = next(part for part in section if part.startswith(titles.get(name, name) + "\n"))
        rows = [line.strip("| ").split(" | ") for line in own.splitlines() if line[:1] == "|"][2:]
        assert rows == [[cell(key, value) for key, value in r.items()] for r in table.table()]


def cell(key: str, value: object) -> str:
    """Return a number of a table as the docs write it."""
    if value is None:
        return "not checked" if key == "value" else ""
    return f"{value:,}" if key == "value" else f"{value:g}" if key in ("pj", "ns") else str(value)
