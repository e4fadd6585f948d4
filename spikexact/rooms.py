"""Whether ``mapping``, ``sim``, ``hdl``, ``training`` and ``lava_procs`` are ours.

The names are short, and a folder ``sim`` or ``training`` beside the user's script is found before
ours. Python would then fail far from the cause; this looks where each name leads, and imports none.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

ROOMS = ("mapping", "sim", "hdl", "training", "lava_procs")
#: Where ours are: all beside this package, in a checkout as in an environment.
HOME = Path(__file__).resolve().parent.parent


def hiding() -> dict[str, Path]:
    """Return the names that lead elsewhere, and the folder or file that each leads to."""
    elsewhere = {}
    for room in ROOMS:
        place = _place(room)
        if place is not None and place.resolve() != HOME / room:
            elsewhere[room] = place
    return elsewhere


def _place(room: str) -> Path | None:
    """Return the folder or file that a name is imported from, without importing it."""
    try:
        spec = importlib.util.find_spec(room)
    except ValueError:  # it is imported already, and by nothing that left a spec
        file = getattr(sys.modules[room], "__file__", None)
        return None if file is None else _folder(Path(file))
    if spec is None:
        return None
    if spec.has_location and spec.origin is not None:
        return _folder(Path(spec.origin))
    # A folder without __init__.py: Python takes it only where no package of the name is on the
    # path; but an editable install of ours isn't on the path, and loses to it.
    return next((Path(folder) for folder in spec.submodule_search_locations or ()), None)


def _folder(file: Path) -> Path:
    return file.parent if file.stem == "__init__" else file


def sentence() -> str | None:
    """Return what to do about the names that lead elsewhere; None where all are ours."""
    hidden = hiding()
    if not hidden:
        return None
    own = f"spikexact's own package{'s' if len(hidden) > 1 else ''} "
    own += " and ".join(repr(room) for room in hidden)
    places = " and ".join(str(place) for place in hidden.values())
    them, hide = ("them", "hide") if len(hidden) > 1 else ("it", "hides")
    return f"{places} {hide} {own}: rename {them}, or run from a folder without {them}"


def check() -> None:
    """Stop with one sentence where a name leads elsewhere.

    Raises
    ------
        ImportError: a name leads elsewhere.
    """
    wrong = sentence()
    if wrong is not None:
        raise ImportError(wrong)
