"""The shipped testbench as an engine: run it in a folder, and take back what it sampled."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sim.tools import MissingTool

#: Seconds that one run may take, build included.
TIMEOUT = 900


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
    """
    command = [sys.executable, str(folder / "run.py"), "--seed", str(seed)]
    command += ["--sim", simulator] if simulator else []
    command += [word for test in tests for word in ("--test", test)]
    environment = {**os.environ, "SPIKEXACT_SAMPLED": str(folder.resolve())}
    for name in ("MAKEFLAGS", "MAKELEVEL", "PYTHONPATH"):
        environment.pop(name, None)
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # so that the simulator, its child, can be ended with it
    ) as process:
        try:
            out, err = process.communicate(timeout=TIMEOUT)
        except BaseException as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            if isinstance(error, subprocess.TimeoutExpired):
                return Outcome(False, f"FAIL: the testbench took more than {TIMEOUT} seconds")
            raise
    if process.returncode == 2:
        said = err.strip().splitlines() or ["the testbench cannot start"]
        raise MissingTool("the cocotb backend: " + said[-1].removeprefix("error: "))
    return Outcome(process.returncode == 0, out + err)
