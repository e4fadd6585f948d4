"""The shipped testbench as an engine: run it in a folder, and take back what it sampled."""

from __future__ import annotations

import importlib.resources
import os
import runpy
import sys
from dataclasses import dataclass
from pathlib import Path

from mapping import temporary
from sim.tools import MORE_TIME, MissingTool, SlowTool, patience

#: Seconds that one run may take, build included, unless told otherwise (sim.tools.patience).
TIMEOUT = 900
#: What the testbench says when its simulator is built.
BUILT = "built with "


@dataclass(frozen=True)
class Outcome:
    """What one run of the testbench came to.

    Attributes
    ----------
        passed: every test ran and passed.
        output: what it printed.
    """

    passed: bool
    output: str


def tools() -> None:
    """Ask the shipped testbench itself whether what it needs is there.

    Raises
    ------
        MissingTool: cocotb or a simulator is not installed.
    """
    program = importlib.resources.files("hdl").joinpath("testbench", "run.py")
    before = dict(os.environ)
    try:
        found = runpy.run_path(str(program), run_name="testbench")
        found["choose"](None)
    except Exception as error:
        if type(error).__name__ != "MissingTool":
            raise
        raise MissingTool(f"the cocotb backend: {error}") from None
    finally:  # it prepares the environment for a simulator
        os.environ.clear()
        os.environ.update(before)


def simulate(
    folder: Path, tests: tuple[str, ...] = (), simulator: str | None = None, seed: int = 0
) -> Outcome:
    """Run ``run.py`` of a folder with Verilog, manifest, testbench and vectors.

    Args:
        tests: "stalled", "full_rate"; both if empty.
        simulator: "icarus" or "verilator"; whichever is there if None.
        seed: of the stalls.

    Raises
    ------
        MissingTool: cocotb or a simulator is not installed; one sentence.
        SlowTool: the simulator is not built in time.
    """
    command = [sys.executable, str(folder / "run.py"), "--seed", str(seed)]
    command += ["--sim", simulator] if simulator else []
    command += [word for test in tests for word in ("--test", test)]
    environment = {**os.environ, "SPIKEXACT_SAMPLED": str(folder.resolve())}
    environment["TMPDIR"] = str(folder.resolve())  # of compilers, which may be killed
    for name in ("MAKEFLAGS", "MAKELEVEL", "PYTHONPATH"):
        environment.pop(name, None)
    limit = patience(TIMEOUT)
    try:
        done = temporary.call(command, limit, env=environment)
    except temporary.TooSlow as error:
        if BUILT in error.said:
            return Outcome(False, f"FAIL: the testbench took more than {limit:g} seconds")
        raise SlowTool(
            f"the cocotb backend: the simulator took more than {limit:g} s to compile this "
            f"network's Verilog and was ended: {MORE_TIME}, or verify by the fast backend"
        ) from None
    if done.status == 2:
        said = done.err.strip().splitlines() or ["the testbench cannot start"]
        raise MissingTool("the cocotb backend: " + said[-1].removeprefix("error: "))
    return Outcome(done.status == 0, done.out + done.err)
