"""What the tests of the shipped testbench share: running it alone, and changing the Verilog."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
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


def alter(
    folder: Path, module: str, pattern: str, replacement: str | Callable, file: str = "network.v"
) -> None:
    """Replace a pattern in one module of network.v; it must match there exactly once.

    Args:
        module: "network", or the name of a part of it ("entry", "neurons_0").
        file: another one, of which modules are called so ("axis", "axis_pack").
    """
    path = folder / file
    text = path.read_text()
    name = "network" if module == "network" else rf"\\?network[._]{re.escape(module)}"
    found = re.findall(rf"^module {name} ?\(.*?^endmodule", text, re.MULTILINE | re.DOTALL)
    assert len(found) == 1, f"{len(found)} modules {module}"
    body, count = re.subn(pattern, replacement, found[0])
    assert count == 1, f"{pattern} matches {count} times in {module}"
    path.write_text(text.replace(found[0], body))


def registered(folder: Path, module: str, name: str, value: str) -> None:
    """Write something else into a register; ``{}`` stands for what was written.

    A value that begins with ``if`` is a condition of the writing.
    """
    if value.startswith("if"):
        replacement = rf"{value} {name} <= \g<1>;"
    else:
        replacement = f"{name} <= {value.replace('{}', chr(92) + 'g<1>')};"
    alter(folder, module, rf"(?<![\w.]){re.escape(name)} <= ([^;]+);", replacement)


def assigned(folder: Path, module: str, name: str, value: str) -> None:
    """Drive a wire with something else."""
    pattern = rf"assign {re.escape(name)} += ([^;]+);"
    alter(folder, module, pattern, lambda _: f"assign {name} = {value};")


def stored(folder: Path, memory: str, row: int, change: Callable[[int], int]) -> None:
    """Change one word of a memory, in the Verilog or in the file that it is read from."""
    path = next((p for p in folder.glob(f"*{memory}*") if p.is_file()), None)
    if path is not None:
        words = path.read_text().split()
        words[row] = f"{change(int(words[row], 16)):0{len(words[row])}x}"
        path.write_text("\n".join(words) + "\n")
        return

    def changed(match: re.Match) -> str:
        return f"{match[1]}{change(int(match[2], 16)):x};"

    alter(folder, "network", rf"(\b{memory}\[{row}\] = \d+'h)([0-9a-f]+);", changed)
