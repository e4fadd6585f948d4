"""The judge judges by the kind of a certificate, and what it does not know is an error."""

from __future__ import annotations

import functools
from dataclasses import replace
from typing import Any

import extremes
import judge_campaign
import numpy as np
import pytest
from judge_network import KINDS, judge
from test_mapping_whole import draw as draw_whole

from mapping import Certificate, Kind, Network, Population, TrainedNetwork, Unsupported, fold
from mapping.coding import encode
from sim import run
from sim.campaign.generate.corners import draw_corner
from sim.campaign.stimuli import stimuli, threshold_hits


@functools.cache
def populations() -> dict[str, list[tuple[TrainedNetwork, Network, int]]]:
    """Return some populations of every kind: trained, folded, and which."""
    found: dict[str, list[tuple[TrainedNetwork, Network, int]]] = {kind: [] for kind in KINDS}
    gated = [
        extremes.network(0.5, True, "count", bias=0.1, threshold=t, gate={"alpha": 1.0})
        for t in (0.11, 0.2, 0.25)
    ]
    for seed in range(240):
        value = gated.pop() if gated else draw_corner(seed) if seed % 20 else draw_whole(seed)
        try:
            network = fold(value)
        except Unsupported:
            continue
        for k, p in enumerate(network.populations):
            if len(found[p.certificate.kind]) < 5 and told(network, p):
                found[p.certificate.kind].append((value, network, k))
        if all(len(some) == 5 for some in found.values()):
            break
    return found


def told(network: Network, p: Population) -> bool:
    """Whether a wrong constant can be told: a membrane at its threshold, or several classes."""
    if not p.spiking:
        return network.shapes[p.name] != (1,)
    if p.neuron.holds or p.neuron.fire_by is not None:
        return False
    trace = run(network, stimuli(network, 8, 0, rounds=5))
    if p.certificate.kind is Kind.TABLE:  # these are few
        return bool(trace.spikes[p.name].any())
    return threshold_hits(network, trace)[p.name][0] > 0


def put(network: Network, k: int, p: Population) -> Network:
    """Return a network with another population in the place of one."""
    return replace(
        network, populations=(*network.populations[:k], p, *network.populations[k + 1 :])
    )


def certified(p: Population, **fields: Any) -> Population:
    """Return a population with another certificate."""
    return replace(p, certificate=replace(p.certificate, **fields))


def broken(p: Population) -> Population:
    """Return a population with a constant that is wrong."""
    first = p.connections[0]
    if p.certificate.kind is Kind.ROUNDED:
        return certified(p, bound=p.certificate.bound / 1e6)
    if p.certificate.kind is Kind.CLASSES:
        bias = first.bias.copy()
        bias[0] += 1000 * int(np.abs(first.gain).max()) + 1
        return replace(p, connections=(replace(first, bias=bias), *p.connections[1:]))
    if p.neuron.threshold is None:
        return replace(p, connections=(replace(first, bias=first.bias + 1), *p.connections[1:]))
    step = max(int(np.abs(c.gain).max()) for c in p.connections)
    step *= 1000 if p.certificate.kind is Kind.TABLE else 1
    return replace(p, neuron=replace(p.neuron, threshold=p.neuron.threshold + step))


def judged(value: TrainedNetwork, network: Network, sound: Network | None = None) -> dict:
    """Judge stimuli that are aimed at the thresholds of the network, or of a sound one."""
    x = stimuli(sound or network, 8, 0, rounds=5)
    return judge(value, network, encode(network.input, x, network.timesteps), run(network, x))


def test_the_judge_knows_every_kind() -> None:
    assert set(KINDS) == {str(kind) for kind in Kind}


@pytest.mark.parametrize("kind", KINDS)
def test_a_broken_constant_is_found_whatever_the_sentence_says(kind: str) -> None:
    noticed = []
    for value, network, k in populations()[kind]:
        p = certified(network.populations[k], reason="because")
        sound, wrong = put(network, k, p), put(network, k, broken(p))
        assert not judged(value, sound)["wrong"]
        noticed.append(judged(value, wrong, sound)["wrong"] > 0)
    print(f"{kind}: {sum(noticed)} of {len(noticed)}")
    assert len(noticed) >= 3 and sum(noticed) >= len(noticed) * 0.6


def test_a_kind_that_the_judge_does_not_know_is_an_error() -> None:
    value, network, k = populations()["spikes"][0]
    object.__setattr__(network.populations[k].certificate, "kind", "guessed")
    try:
        with pytest.raises(ValueError, match="the judge knows no certificate of 'guessed'"):
            judged(value, network)
    finally:
        object.__setattr__(network.populations[k].certificate, "kind", Kind.SPIKES)
    with pytest.raises(ValueError, match="kind of a Certificate must be one of 'spikes', "):
        certified(network.populations[k], kind="guessed")


def test_a_kind_that_a_population_cannot_have_is_an_error() -> None:
    value, network, k = populations()["classes"][0]
    for kind in ("spikes", "table"):  # it has no threshold
        wrong = put(network, k, certified(network.populations[k], kind=kind))
        with pytest.raises(ValueError, match="is not what it may be"):
            judged(value, wrong)


def test_nothing_compared_is_wrong() -> None:
    value, network, k = populations()["spikes"][0]
    trace, none = run(network, stimuli(network, 1, 0, rounds=1)), np.zeros((0, 1))
    with pytest.raises(ValueError, match="nothing to compare"):
        judge(value, network, none, trace)


def test_a_campaign_that_compares_nothing_of_something_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr("sys.argv", ["judge_campaign.py", "--networks", "2"])
    with pytest.raises(SystemExit, match="nothing was compared of: .*kind table"):
        judge_campaign.main()
    total = dict.fromkeys(judge_campaign.COUNTS, 1)
    assert len(total) == len(judge_campaign.COUNTS)  # no name counts two things
    assert judge_campaign.missing(total) == ""
    for kind in KINDS:
        assert judge_campaign.missing({**total, f"kind {kind}": 0}) == f"kind {kind}"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"exact": True, "kind": "spikes", "cause": "leak"}, "exact, or has a cause"),
        ({"exact": False, "kind": "spikes"}, "exact, or has a cause"),
        ({"exact": True, "kind": "rounded"}, "exact, or has a cause"),
        ({"exact": False, "kind": "rounded", "cause": "leak"}, "must have a bound, or prove"),
        ({"exact": False, "kind": "spikes", "cause": "tired"}, "cause of a Certificate must be"),
    ],
)
def test_certificates_that_contradict_themselves(fields: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Certificate(reason="because", **fields)
