"""The cocotb backend: the same Verilog under Icarus or Verilator, by the shipped testbench.

The Trace is what the testbench sampled from the device before it compared anything. Its own
comparison with the vectors changes nothing in it; but a testbench that fails on a device whose
Trace is right has seen a broken rule, which is an error here too.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Network, temporary

from .. import vectors
from ..compare import agreement
from ..engines import cocotb_runner
from ..tools import ProtocolError
from ..trace import Record, Trace, finish, needed
from . import beats
from .beats import refuse as refuse  # asked of this module before it runs


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
    simulator: str | None = None,
    seed: int = 0,
) -> Trace:
    """Run a batch of inputs through the testbench, with random stalls on both streams.

    Args:
        rtl: a folder with network.v and manifest.json to take as it is, instead of emitting.
        pe, simd: outputs and inputs a cycle of the emitted design.
        simulator: "icarus" or "verilator"; whichever is there if None.
        seed: of the stalls.

    Raises
    ------
        MissingTool: cocotb or a simulator is not installed.
        ProtocolError: the device hangs, or sends other beats than it should.
        Unsupported: a node that is not emitted as RTL yet. ValueError: bad inputs or files.
    """
    with temporary.folder("spikexact-") as folder:
        if rtl is None:
            from hdl.verilog import write

            manifest = write(network, folder, pe, simd)
        else:
            manifest = vectors.read_manifest(Path(rtl), network)
            for name in ("manifest.json", manifest["verilog"]):
                try:
                    (folder / name).write_bytes((Path(rtl) / name).read_bytes())
                except (OSError, TypeError):
                    raise ValueError(f"{rtl} holds no readable {name!r}") from None
        vectors.write_testbench(folder)
        expected = vectors.write(network, inputs, folder)
        outcome = cocotb_runner.simulate(folder, ("stalled",), simulator, seed)
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
    spikes, v = {}, {}
    output, tap = manifest["output"]["stream"], manifest["populations"][-1]["trace"]
    if sampled.beats.get(output) != sampled.beats.get(tap):
        raise ProtocolError(
            f"the output stream differs from the trace of its population: {_reason(outcome.output)}"
        )
    for p in manifest["populations"]:
        payloads = _chunks(sampled.beats.get(p["trace"], []), int(p["payload_bits"]))
        want = sampled.samples * sampled.timesteps * int(p["neurons"])
        if len(payloads) != want:
            raise ProtocolError(
                f"population {p['name']!r} sent {len(payloads)} of {want} beats: "
                f"{_reason(outcome.output)}"
            )
        fired, membranes = beats.neurons(
            payloads, p, p["payload"], sampled.samples, sampled.timesteps
        )
        shape = (*fired.shape[:2], *network.shapes[p["name"]])
        if p["spiking"]:
            spikes[p["name"]] = fired.reshape(shape)
        v[p["name"]] = membranes.reshape(shape)
    read_s, read_v = needed(network)
    spikes = {n: a for n, a in spikes.items() if "spikes" in record or n in read_s}
    v = {n: a for n, a in v.items() if "v" in record or n in read_v}
    return finish(
        network, "cocotb", spikes, v, cycles=sampled.cycles, testbench_passed=outcome.passed
    )


def _chunks(payloads: list[int], width: int) -> np.ndarray:
    """Return payloads as (n, chunks) uint32, 32 bits a chunk, low first."""
    size = 4 * -(-width // 32)
    raw = b"".join(payload.to_bytes(size, "little") for payload in payloads)
    return np.frombuffer(raw, "<u4").reshape(len(payloads), size // 4)


def _reason(output: str) -> str:
    """Return the line of the testbench's output that says what went wrong."""
    match = re.search(r"(?:StreamError|AssertionError|SimTimeoutError): +(.+)", output)
    if match is None:
        match = re.search(r"FAIL: (.+)", output)
    return match[1].strip()[:300] if match else "it said nothing"
