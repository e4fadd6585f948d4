"""Verilog of a Plan: ``network.v``, its memory files, and ``manifest.json``.

Emission is byte-identical from run to run: names are explicit, source locations are left out, and
Yosys is the one that comes with Amaranth's own package.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mapping import Network

from .choices import Choice
from .manifest import TOP, manifest
from .plan import plan
from .planned import Bits, Plan
from .text import written
from .top import NetworkTop


@dataclass(frozen=True)
class Emitted:
    """Verilog text, its memory files by name, its manifest, and the plan it was made from."""

    verilog: str
    files: dict[str, str]
    manifest: dict[str, Any]
    plan: Plan

    def write(self, folder: Path | str) -> None:
        """Write network.v, memory files and manifest.json into an existing folder."""
        folder = Path(folder)
        text = json.dumps(self.manifest, indent=2) + "\n"
        for name, content in (
            (self.manifest["verilog"], self.verilog), *self.files.items(), ("manifest.json", text)
        ):  # fmt: skip
            (folder / name).write_text(content, encoding="utf-8")


def emit(
    network: Network, pe: Choice = None, simd: Choice = None, lanes: Choice = None,
    block: int | None = None, parallel: int = 1, others: Sequence[Network] = (),
    loadable: bool | Bits = False, classes: bool = False, stop: bool = False,
    skip_zeros: bool | Sequence[str] = False,
) -> Emitted:  # fmt: skip
    """Emit a network as Verilog.

    Args:
        network, pe, simd, lanes, block, parallel, others, loadable, classes, stop, skip_zeros: see
            ``hdl.plan.plan``.

    Raises
    ------
        Unsupported: a node that is not emitted as RTL yet; it is named.
        ValueError: parallelism that does not fit; it is named.
    """
    made = plan(
        network, pe, simd, lanes, block, parallel, others, loadable, classes, stop, skip_zeros
    )
    text, files = written(NetworkTop(made), TOP, made)
    given = {"pe": pe, "simd": simd, "lanes": lanes, "block": block, "parallel": parallel}
    given |= {"skip_zeros": skip_zeros}
    return Emitted(text, files, manifest(made, text, files, given), made)


def write(
    network: Network, folder: Path | str, pe: Choice = None, simd: Choice = None, **options: Any
) -> dict[str, Any]:
    """Emit a network into an existing folder; return the manifest."""
    emitted = emit(network, pe, simd, **options)
    emitted.write(folder)
    return emitted.manifest
