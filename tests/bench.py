"""What the tests of the shipped testbench share: running it alone, and changing the Verilog."""

import os
import re
import subprocess
import sys
from pathlib import Path


def alone(folder: Path, *arguments: str, path: str | None = None) -> subprocess.CompletedProcess:
    """Run a folder's run.py as a user does, from elsewhere; its output comes in stdout."""
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "MAKEFLAGS")}
    if path is not None:
        environment["PATH"] = path
    return subprocess.run(
        [sys.executable, str(folder / "run.py"), *arguments],
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )


def alter(folder: Path, module: str, pattern: str, replacement: str) -> None:
    """Replace a pattern in one module of network.v; it must match there exactly once."""
    path = folder / "network.v"
    before, start, rest = path.read_text().partition(f"\nmodule \\{module} (")
    body, end, after = rest.partition("\nendmodule\n")
    assert start and end, f"no module {module}"
    body, count = re.subn(pattern, replacement, body)
    assert count == 1, f"{pattern} matches {count} times in {module}"
    path.write_text(before + start + body + end + after)
