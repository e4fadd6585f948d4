"""The cocotb backend: the same Verilog under Icarus or Verilator, by the shipped testbench.

The Trace is what the testbench sampled from the device before it compared anything. Its own
comparison with the vectors changes nothing in it; but a testbench that fails on a device whose
Trace is right has seen a broken rule, which is an error here too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Network, temporary

from .. import vectors
from ..compare import agreement
from ..engines import cocotb_runner
from ..engines.cxxrtl import Streams
from ..tools import ProtocolError
from ..trace import Record, Trace
from . import beats
from .answers import told
from .beats import refuse as refuse  # asked of this module before it runs
from .decoded import decoded, reads, traced

#: The tests of the testbench that are run.
TESTS = ("stalled", "broken")


def tools() -> None:
    """Raise MissingTool where no simulator is installed."""
    cocotb_runner.tools()


def run(
    network: Network,
    inputs: np.ndarray,
    record: Record = ("spikes", "v"),
    rtl: Path | str | None = None,
    pe: Any = None,
    simd: Any = None,
    lanes: Any = None,
    block: int | None = None,
    parallel: int = 1,
    skip_zeros: bool | Sequence[str] = False,
    simulator: str | None = None,
    seed: int = 0,
    classes: bool = False,
    stop: bool = False,
) -> Trace:
    """Run a batch of inputs through the testbench, with random stalls on both streams.

    A loadable design in ``rtl`` may be of another network of the structure: this one is loaded.

    Malformed samples follow (the test ``broken``), which must be reported and leave no trace.

    Args:
        rtl: a folder with network.v and manifest.json to take as it is, instead of emitting.
        pe, simd, lanes, block, parallel, classes, stop, skip_zeros: of the emitted design; see
            ``hdl.plan.plan``.
        simulator: "icarus" or "verilator"; whichever is there if None.
        seed: of the stalls, and of what is malformed.

    Raises
    ------
        MissingTool: cocotb or a simulator is not installed.
        ProtocolError: the device hangs, or sends other beats than it should.
        Unsupported: a node that is not emitted as RTL yet. ValueError: bad inputs or files.
    """
    with temporary.folder("spikexact-") as folder:
        if rtl is None:
            from hdl.verilog import write

            options = {"lanes": lanes, "block": block, "parallel": parallel}
            options |= {"classes": classes, "stop": stop, "skip_zeros": skip_zeros}
            manifest = write(network, folder, pe, simd, **options)
        else:
            manifest = vectors.read_manifest(Path(rtl), network)
            for name in ("manifest.json", manifest["verilog"], *manifest["files"]):
                try:
                    (folder / name).write_bytes((Path(rtl) / name).read_bytes())
                except (OSError, TypeError):
                    raise ValueError(f"{rtl} holds no readable {name!r}") from None
        vectors.write_testbench(folder)
        expected = vectors.write(network, inputs, folder)
        tests = (*TESTS, "loaded") if "loading" in manifest else TESTS
        outcome = cocotb_runner.simulate(folder, tests, simulator, seed)
        if f"cannot build {manifest['verilog']}" in outcome.output:
            raise ValueError(f"{rtl or folder}: {_reason(outcome.output)}")
        path = folder / "sampled_stalled.hex"
        if not path.exists():
            raise ProtocolError(f"the testbench sampled nothing: {_reason(outcome.output)}")
        trace = trace_of(network, manifest, path, record, outcome)
        if not outcome.passed and agreement(expected, trace).mismatches == 0:
            raise ProtocolError(f"the testbench failed: {_reason(outcome.output)}")
        if rtl is None:
            trace.info["verilog_sha256"] = manifest["verilog_sha256"]
        return trace


def trace_of(
    network: Network,
    manifest: dict[str, Any],
    path: Path,
    record: Record,
    outcome: cocotb_runner.Outcome,
) -> Trace:
    """Make a Trace of a ``sampled_*.hex``.

    Raises
    ------
        ProtocolError: beats are missing or out of order.
    """
    sampled = vectors.read_sampled(path)
    lengths = [sampled.timesteps] * sampled.samples
    nothing = np.zeros(0, np.int64)
    classes: list[int] = []
    try:
        taps = {
            p["trace"]: _ports(sampled, p["trace"], p["ports"]) for p in manifest["populations"]
        }
        out, flags = _leaves(sampled, manifest["output"])
        full = np.zeros((0, 2 + len(taps)), np.int64)
        streams = Streams(out, flags, taps, 0, nothing, nothing, sampled.cycles, full)
        ran = decoded(network, streams, lengths, manifest)
        if reads(manifest):
            classes = told(streams, manifest["output"]).classes.tolist()
    except ProtocolError as error:
        raise ProtocolError(f"{error}: {_reason(outcome.output)}") from None
    return traced(
        network, "cocotb", ran, sampled.timesteps, manifest, record, classes,
        cycles=sampled.cycles, testbench_passed=outcome.passed,
    )  # fmt: skip


def _leaves(sampled: vectors.Sampled, output: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Return the beats of what leaves and their flags, as of ``Streams``."""
    if output["values"] == "classes":
        found = _ports(sampled, output["stream"], output["ports"])
        fired = found.get("fired", found["class"] * 0)[:, 0]
        return np.concatenate([found["class"], found["score"]], axis=1), fired.astype(np.uint8)
    widths = {"data": int(output["beat_bits"]), "first": 1, "last": 1}
    found = _ports(sampled, output["stream"], widths)
    flags = found["first"][:, 0] * beats.FIRST + found["last"][:, 0] * beats.LAST
    return found["data"], flags.astype(np.uint8)


def _ports(sampled: vectors.Sampled, stream: str, widths: dict[str, int]) -> dict[str, np.ndarray]:
    """Return the ports of a stream, each (beats, chunks) uint32 of 32 bits a chunk, low first."""
    found = sampled.beats.get(stream, {})
    return {n: _chunks(found.get(n, []), bits) for n, bits in widths.items() if n != "valid"}


def _chunks(values: list[int], width: int) -> np.ndarray:
    size = 4 * -(-width // 32)
    raw = b"".join(value.to_bytes(size, "little") for value in values)
    return np.frombuffer(raw, "<u4").reshape(len(values), size // 4)


def _reason(output: str) -> str:
    """Return the line of the testbench's output that says what went wrong."""
    match = re.search(r"(?:StreamError|AssertionError|SimTimeoutError): +(.+)", output)
    if match is None:
        match = re.search(r"FAIL: (.+)", output)
    return match[1].strip()[:300] if match else "it said nothing"
