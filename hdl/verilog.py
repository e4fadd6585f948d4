"""Verilog of a Plan: ``network.v``, its memory files, and ``manifest.json``.

Emission is byte-identical from run to run: names are explicit, source locations are left out, and
Yosys is the one that comes with Amaranth's own package.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mapping import Network

from .axi import written as axi
from .choices import Choice
from .manifest import TOP, manifest
from .plan import plan
from .planned import Bits, Plan
from .text import written
from .top import NetworkTop


@dataclass(frozen=True)
class Emitted:
    """Verilog text, its memory files by name, its manifest, and the plan it was made from.

    Attributes
    ----------
        wrapper: Verilog of its AXI wrapper; None: it has none.
    """

    verilog: str
    files: dict[str, str]
    manifest: dict[str, Any]
    plan: Plan
    wrapper: str | None = None

    def write(self, folder: Path | str) -> None:
        """Write network.v, memory files, the wrapper and manifest.json into an existing folder."""
        folder = Path(folder)
        texts = {self.manifest["verilog"]: self.verilog, **self.files}
        if self.wrapper is not None:
            texts[self.manifest["axis"]["verilog"]] = self.wrapper
        texts["manifest.json"] = json.dumps(self.manifest, indent=2) + "\n"
        for name, content in texts.items():
            (folder / name).write_text(content, encoding="utf-8")

    def wrapped(self, size: int | None = None) -> Emitted:
        """Return the same with an AXI wrapper, of which the Verilog of the core knows nothing.

        Args:
            size: bytes of TDATA, both ways; None: the power of two that holds a beat, 64 at most.

        Raises
        ------
            ValueError: size is no power of two of 1 to 128.
        """
        text, stated = axi.written(self.plan, self.manifest, size)
        return replace(self, wrapper=text, manifest={**self.manifest, "axis": stated})


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
