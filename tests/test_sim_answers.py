"""What is made of answers: traces that stop, classes that differ, traces in files."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from test_sim_classes import latency_network

from hdl.manifest import manifest
from hdl.plan import plan
from sim import run
from sim.backends import answers
from sim.compare import agreement
from sim.manifest_file import read_manifest
from sim.tools import ProtocolError
from sim.trace import Trace
from sim.verify import verify


def inputs(network, rng, samples: int = 6) -> np.ndarray:
    """Return stimuli."""
    return rng.integers(0, 2, (samples, network.timesteps, *network.input.shape))


def test_what_did_not_run_is_not_compared(rng, tmp_path) -> None:
    network = latency_network(18)
    expected = run(network, inputs(network, rng))
    ran = np.array([1, 2, 9, 3, 4, 9])
    assert network.timesteps == 9
    found = replace(expected, ran=ran, v={n: v.copy() for n, v in expected.v.items()})
    whole = agreement(expected, expected)
    found.v["b"][0, 1:] = -1
    same = agreement(expected, found)
    assert same.mismatches == 0 and same.compared * 54 == whole.compared * ran.sum()
    found.v["b"][1, 1, 0] += 1
    assert agreement(expected, found).mismatches == 1
    found.save(tmp_path / "trace.npz")
    again = Trace.load(tmp_path / "trace.npz")
    assert again.ran is not None and (again.ran == ran).all()
    assert Trace.load(tmp_path / "trace.npz").info == expected.info


def test_verify_compares_classes(rng, monkeypatch) -> None:
    from sim.backends import fast

    network = latency_network(18)
    given, true_run = inputs(network, rng), fast.run
    right = run(network, given).classes.tolist()
    for classes, wrong in ((right, False), ([*right[:3], right[3] + 1, *right[4:]], True)):

        def found(*args, classes=classes, **options):
            trace = true_run(*args, **options)
            return replace(trace, info={**trace.info, "classes": classes})

        monkeypatch.setattr(fast, "run", found)
        checked = verify(network, given, ["fast"])
        assert checked.ok != wrong
        if wrong:
            assert "of sample 3, and reference says" in checked.problems[0]


def test_a_stop_without_a_spike_is_an_error() -> None:
    told = manifest(plan(latency_network(18), stop=True), "", {})
    population = told["populations"][1]
    rows = population["neurons"] // population["lanes"]

    def ports(steps: list[int], spike: int) -> dict[str, np.ndarray]:
        beats = [(r, t == 0) for n in steps for t in range(n) for r in range(rows)]
        columns = [*zip(*beats, strict=True), [0] * (len(beats) - 1) + [spike]]
        names = ("index", "starts", "spike")
        return {n: np.array(c, np.uint32)[:, None] for n, c in zip(names, columns, strict=True)}

    assert answers.stopped(ports([9, 4], 1), population, [9, 9], told) == [9, 4]
    assert answers.stopped(ports([9, 4], 0), population, [9, 4], told) == [9, 4]
    with pytest.raises(ProtocolError, match="sample 1 stopped after 4 of 9 timesteps, and no"):
        answers.stopped(ports([9, 4], 0), population, [9, 9], told)
    with pytest.raises(ProtocolError, match="began 2 samples, not 3"):
        answers.stopped(ports([9, 4], 0), population, [9, 9, 9], told)


@pytest.mark.parametrize(
    ("key", "value"),
    [("classes", 4), ("stop", 1), ("readout", "count"), ("step", 2), ("fallback", None),
     ("ports", {"valid": 1, "class": 1, "score": 5, "fired": 1}),
     ("ports", {"valid": 1, "class": 2, "score": 5}),
     ("ports", {"valid": 1, "class": 2, "score": 65, "fired": 1})],
)  # fmt: skip
def test_a_manifest_of_other_classes_is_refused(key, value, tmp_path) -> None:
    network = latency_network(18)
    told = manifest(plan(network, stop=True), "", {})
    path = tmp_path / "manifest.json"
    path.write_text(json.dumps(told))
    assert json.dumps(read_manifest(tmp_path, network)["output"][key]) != json.dumps(value)
    path.write_text(json.dumps({**told, "output": {**told["output"], key: value}}))
    with pytest.raises(ValueError, match=r"is damaged|describes another network"):
        read_manifest(tmp_path, network)
