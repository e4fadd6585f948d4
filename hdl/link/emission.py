"""Emission: the Verilog of a network's board, and the manifest that its driver reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from mapping import Network

from ..choices import Choice
from ..manifest import manifest
from ..plan import plan
from ..text import written
from ..verilog import Emitted
from .board import Board, SerialBoard
from .facts import Line, hello, items
from .protocol import SILENCE, Hello
from .uart import byte_cycles

#: Names of the two tops.
BYTES, WIRES = "network_board_bytes", "network_board"


def emit(
    network: Network, line: Line, wires: bool = True, silence: int | None = None, pe: Choice = None,
    simd: Choice = None, lanes: Choice = None, block: int | None = None, parallel: int = 1,
    others: Sequence[Network] = (), loadable: bool = False, classes: bool = False,
    skip_zeros: bool | Sequence[str] = False,
) -> Emitted:  # fmt: skip
    """Emit a network with its end of the link.

    Args:
        line: clock, baud and store. wires: the top is a UART's wires, else two streams of bytes.
        silence: cycles that end a frame, where there are no wires; None: of SILENCE bytes at the
            line's baud.
        pe, simd, lanes, block, parallel, others, loadable, classes, skip_zeros: see
            ``hdl.plan.plan``.

    Raises
    ------
        Unsupported, ValueError: as ``hdl.plan.plan``; a rate that the clock does not allow; a store
            that holds no sample.
    """
    if wires or silence is None:
        silence = SILENCE * byte_cycles(line.clock, line.baud)
    made = plan(
        network, pe, simd, lanes, block, parallel, others, loadable, classes, False, skip_zeros
    )
    given = {"pe": pe, "simd": simd, "lanes": lanes, "block": block, "parallel": parallel}
    given |= {"skip_zeros": skip_zeros}
    said = hello(made, manifest(made, "", {}, given), line if wires else replace(line, baud=0))
    top = SerialBoard(made, said) if wires else Board(made, said, silence)
    name = WIRES if wires else BYTES
    text, files = written(top, name, made)
    told = manifest(made, text, files, given)
    told |= {"top": name, "verilog": f"{name}.v", "board": stated(said, made)}
    if not wires:
        told["board"]["silence"] = silence
    return Emitted(text, files, told, made)


def stated(said: Hello, made: Any) -> dict[str, Any]:
    """Return as JSON values what a driver needs beside the core's manifest."""
    return {
        "hello": said.encode().hex(),
        "items": [asdict(item) | {"ports": dict(item.ports)} for item in items(made)],
        "silence_bytes": SILENCE,
    }
