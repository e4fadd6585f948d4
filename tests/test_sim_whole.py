"""Networks of every kind: fast against the reference, certificates against the judge, faults."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from judge_campaign import judged
from judge_network import judge
from strategies import runs
from strategies_trained import folds

from mapping import (
    Connection,
    Conv,
    Gate,
    Identity,
    Input,
    Network,
    Neuron,
    Pool,
    Population,
    Readout,
    fold,
    load,
)
from mapping.coding import encode
from sim import compare, run
from sim.campaign import campaign
from sim.campaign.generate.all_kinds import draw_whole
from sim.campaign.generate.groups import draw_any
from sim.campaign.generate.trained_all_kinds import draw_trained_whole
from sim.campaign.stimuli import random_inputs


@settings(max_examples=150)
@given(runs())
def test_fast_equals_the_reference(drawn: tuple[Network, np.ndarray]) -> None:
    """And nothing leaves its proven interval: the reference raises where it does."""
    network, inputs = drawn
    compare(run(network, inputs), run(network, inputs, "fast"))


@settings(max_examples=25)
@given(folds())
def test_fast_equals_the_reference_on_what_is_folded(drawn: tuple) -> None:
    _, network, inputs = drawn
    compare(run(network, inputs), run(network, inputs, "fast"))


@pytest.mark.slow
def test_three_hundred_networks_of_every_kind(seed: int) -> None:
    found = campaign(300, ["fast"], seed, samples=4, kinds="all")
    print({k: v for k, v in found.items() if k != "refused"})
    assert found["ok"], found["problems"]
    assert not found["refused"] and found["threshold_hits"] > 1000
    assert sum(found["passed_over"].values()) < 10


def test_every_kind_of_node_is_drawn() -> None:
    seen = set()
    for k in range(120):
        network = draw_whole(k)
        seen |= {network.input.coding, network.readout.kind, f"T {network.timesteps}"}
        for p in network.populations:
            n = p.neuron
            seen |= {n.reset if p.spiking else "stream"} | {f"joins {len(p.connections) > 1}"}
            seen |= {w for w in ("max_spikes", "refractory", "fire_by") if getattr(n, w)}
            for c in p.connections:
                seen |= {type(c.op).__name__, f"bits {c.op.bits}"}
                seen |= {w for w in ("gate", "shift", "delay") if getattr(c, w)}
                if isinstance(c.op, Pool):
                    seen.add(c.op.kind)
                if isinstance(c.op, Conv):
                    seen |= {f"stride {c.op.stride[0]}", f"groups {c.op.groups > 1}"}
    wanted = {
        "steps", "direct", "latency", "count", "membrane", "first_spike", "T 1", "T 8", "zero",
        "subtract", "none", "stream", "joins True", "max_spikes", "refractory", "fire_by", "Dense",
        "Conv", "Pool", "Identity", "bits 1", "bits 2", "bits 8", "gate", "shift", "delay", "sum",
        "max", "stride 3", "groups True",
    }  # fmt: skip
    assert wanted <= seen, wanted - seen


@pytest.mark.slow
def test_sixty_folded_networks_agree_with_the_exact_judge(seed: int) -> None:
    first = 1_000_003 * seed + 5000
    total = judged(range(first, first + 60), samples=2)
    print(total)
    assert total["exact"] > 80 and total["compared"] > 10_000 and total["hits"] > 100


def test_the_judge_notices_a_wrong_threshold() -> None:
    noticed = 0
    for number in range(12):
        value = draw_trained_whole(number)
        network = fold(value)
        x = random_inputs(network, 8, number)
        trace = run(network, x)
        exact = [p for p in network.populations if p.certificate.exact and p.spiking]
        if not exact:
            continue
        spikes = trace.spikes[exact[-1].name]
        at = tuple(np.argwhere(np.ones_like(spikes))[number % spikes.size])
        spikes[at] ^= True
        found = judge(value, network, encode(network.input, x, network.timesteps), trace)
        noticed += found["wrong"] > 0
    assert noticed >= 6


@pytest.mark.parametrize("where", ["gate", "conv"])
def test_a_planted_fault_is_found_and_shrunk(tmp_path: Path, monkeypatch, where: str) -> None:
    import sim.engines.fast.plan
    from sim.backends.fast_ops import KERNELS, Shape, Windowed

    gate, conv = sim.engines.fast.plan._gate, KERNELS["Conv"]

    def wrong_gate(row: object, g: Gate, *rest: object) -> None:
        table = np.where(g.table == g.table.max(axis=1, keepdims=True), g.table + 1, g.table)
        gate(row, replace(g, table=table), *rest)

    def wrong_conv(op: Conv, shape: Shape) -> Windowed:
        found = conv(op, shape)
        weights = found.weights.copy()
        weights[-1, -1, -1] *= -1  # the last place of the last channel's kernel
        return replace(found, weights=weights)

    if where == "gate":
        monkeypatch.setattr(sim.engines.fast.plan, "_gate", wrong_gate)
    else:
        monkeypatch.setitem(KERNELS, "Conv", wrong_conv)
    journal = tmp_path / "journal"
    found = campaign(12, ["fast"], 3, samples=4, kinds="all", journal=journal)
    assert not found["ok"] and "shrunk to" in found["problems"][0]
    saved = sorted(tmp_path.glob("*.safetensors"))
    assert saved
    for path in saved:
        network = load(path)
        assert len(network.populations) <= 3
        inputs = np.load(path.with_suffix(".npy"))
        assert len(inputs) == 1
        with pytest.raises(AssertionError, match="first divergence"):
            compare(run(network, inputs), run(network, inputs, "fast"))


@pytest.mark.parametrize("number", [1003, 2899])
def test_networks_that_once_were_too_wide_to_fold(number: int) -> None:
    """A second scale with too many values, and constants beyond 64 bits."""
    value = draw_trained_whole(number)
    network = fold(value)
    x = random_inputs(network, 2, number)
    found = judge(value, network, encode(network.input, x, network.timesteps), run(network, x))
    assert not found["wrong"]


def test_half_of_the_networks_are_folded() -> None:
    assert all(p.certificate is None for p in draw_any(4, 1, 0)[0].populations)
    assert all(p.certificate is not None for p in draw_any(5, 1, 0)[0].populations)


@pytest.mark.slow
def test_a_campaign_killed_at_ten_moments_ends_with_the_same_result(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "spikexact", "campaign", "--kinds", "all", "--json"]
    command += ["--networks", "150", "--backends", "fast", "--samples", "4", "-o"]
    whole = subprocess.run([*command, "whole"], cwd=tmp_path, capture_output=True, text=True)
    assert whole.returncode == 0, whole.stderr
    rng = random.Random(0)
    for _ in range(10):
        process = subprocess.Popen([*command, "killed"], cwd=tmp_path, stdout=subprocess.DEVNULL)
        time.sleep(rng.uniform(0.8, 4))
        process.send_signal(signal.SIGKILL)
        process.wait()
    again = subprocess.run([*command, "killed"], cwd=tmp_path, capture_output=True, text=True)
    one, two = json.loads(whole.stdout), json.loads(again.stdout)
    one.pop("seconds")
    two.pop("seconds")
    assert one == two
    assert (tmp_path / "whole").read_text() == (tmp_path / "killed").read_text()


def test_a_maximum_of_negative_values_is_negative() -> None:
    below = Population("below", (Connection("input", Identity(), -2, bias=-1),), Neuron(0))
    largest = Connection("below", Pool((2, 2), kind="max"))
    network = Network(
        Input((1, 2, 2), bits=3), (below, Population("a", (largest,), Neuron(0))),
        Readout("a", "membrane"), 1,
    )  # fmt: skip
    found = run(network, np.array([[[[[1, 2], [4, 3]]]]]), "fast")
    assert found.v["a"].item() == -3
