"""Deployed: what stands beside emitted Verilog for whoever puts it into a project of his own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .axi.registers import registers

#: Texts, by their paths in the folder that is written; Python files are copied as they are.
TEMPLATES = Path(__file__).resolve().parent / "deploy"


def deploy(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write README, constraints, scripts and an example into a folder.

    Args:
        manifest: of Verilog with a wrapper (``Emitted.wrapped``), which stands there.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    names = sorted(
        path.relative_to(TEMPLATES)
        for path in TEMPLATES.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    )
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True,
        trim_blocks=True, autoescape=False,
    )  # fmt: skip
    constants = {c["name"]: c["value"] for c in manifest["axis"]["registers"]["constants"]}
    values = {
        "manifest": {"loading": None, **manifest},
        "axis": manifest["axis"],
        "constants": constants,
        "registers": registers("loading" in manifest),
    }
    for name in names:
        target = folder / name
        target.parent.mkdir(exist_ok=True)
        if name.suffix == ".py":
            target.write_bytes((TEMPLATES / name).read_bytes())
        else:
            text = environment.get_template(name.as_posix()).render(values)
            target.write_text(text, encoding="utf-8")
