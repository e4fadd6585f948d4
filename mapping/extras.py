"""What to type where an optional package is not there: the extra that brings it, and from where.

spikexact is installed from a clone, so a command names the clone if it is still known where it
lies: the package lies in it, or pip wrote down what it installed from.
"""

from __future__ import annotations

import json
import shutil
import sys
from importlib import metadata
from pathlib import Path
from urllib.parse import unquote, urlparse

#: The extra ``lava`` cannot name it for Python 3.11 and later, where pip would refuse it.
LAVA = "lava-nc==0.10.0"


def install(extra: str | None = None) -> str:
    """Return the command, or the two, that bring an extra; without one, all that is always needed.

    >>> install("rtl")  # in a clone at /home/u/spikexact
    "pip install -e '/home/u/spikexact[rtl]'"
    """
    brackets = f"[{extra}]" if extra else ""
    place = clone()
    if place is None:
        command = f"{pip()} install '.{brackets}' in a clone of spikexact"
    else:
        folder, editable = place
        command = f"{pip()} install {'-e ' if editable else ''}'{folder}{brackets}'"
    if extra == "lava" and sys.version_info >= (3, 11):
        command += f", and then {pip()} install --no-deps --ignore-requires-python {LAVA}"
    return command


def pip() -> str:
    """Return how this Python's pip is called: by its name only where the shell finds that one."""
    python = Path(sys.executable)
    program = shutil.which("pip")
    return "pip" if program and Path(program).parent == python.parent else f"{python} -m pip"


def clone() -> tuple[Path, bool] | None:
    """Return the clone that this package is in, or was installed from, and whether it is used."""
    here = Path(__file__).resolve().parent.parent
    if (here / "pyproject.toml").is_file():
        return here, True
    try:
        text = metadata.distribution("spikexact").read_text("direct_url.json")
        address = urlparse(json.loads(text)["url"]) if text else None
    except (metadata.PackageNotFoundError, ValueError, KeyError, TypeError):
        return None
    if address is None or address.scheme != "file":
        return None
    folder = Path(unquote(address.path))
    return (folder, False) if (folder / "pyproject.toml").is_file() else None
