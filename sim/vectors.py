"""Vectors beside the Verilog: what goes into the device and what must come out, as hex text.

``input.hex`` holds the words of the input stream, ``expected.hex`` every spike and every membrane
of every population, both one line a timestep; docs/testbench.md defines the format. The shipped
testbench reads them with its own strict reader (hdl/testbench/hexfiles.py), since it must run
without this package; what it samples from the device it writes to ``sampled_*.hex``, which
``read_sampled`` takes back.
"""

from __future__ import annotations

import contextlib
import importlib.resources
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Network, temporary
from mapping.coding import encode
from mapping.files import digest

from .backends import reference
from .trace import Trace

INPUT_FILE, EXPECTED_FILE = "input.hex", "expected.hex"
#: Samples that are written beside the Verilog unless the caller says otherwise.
SAMPLES = 20
#: Manifests that are read; those of 1 do not say which network they are of.
FORMATS = (1, 2)


def write_bundle(
    network: Network,
    folder: Path | str,
    samples: int = SAMPLES,
    seed: int = 0,
    pe: Any = None,
    simd: Any = None,
    force: bool = False,
    lanes: Any = None,
    block: int | None = None,
    parallel: int = 1,
) -> dict[str, Any]:
    """Write Verilog, manifest, testbench and vectors; the folder is built beside and swapped.

    Args:
        network: what to emit.
        folder: where; a folder that holds our manifest.json is replaced.
        samples, seed: of the stimuli (random, all-zero, all-one, and directed at the thresholds).
        pe, simd, lanes, block, parallel: see ``hdl.plan.plan``.
        force: replace a folder that is not ours too.

    Returns
    -------
        The manifest.

    Raises
    ------
        FileExistsError: the folder holds something that is not ours.
        Unsupported: hdl does not build a node of this network.
    """
    from hdl import verilog

    from .campaign.stimuli import stimuli

    inputs = stimuli(network, samples, seed)
    with swapped(Path(folder), force) as part:
        manifest = verilog.write(
            network, part, pe=pe, simd=simd, lanes=lanes, block=block, parallel=parallel
        )
        write_testbench(part)
        write(network, inputs, part)
    return manifest


def write_testbench(folder: Path) -> None:
    """Copy the shipped testbench's files into a folder."""
    for file in importlib.resources.files("hdl").joinpath("testbench").iterdir():
        if file.is_file() and not file.name.endswith(".pyc"):
            (folder / file.name).write_bytes(file.read_bytes())


def write(network: Network, inputs: np.ndarray, folder: Path | str) -> Trace:
    """Write ``input.hex`` and ``expected.hex`` beside the manifest.json of a folder.

    Args:
        network: its reference run is what is expected.
        inputs: as of ``sim.run``.
        folder: holds the manifest.json that says how the input stream is laid out.

    Returns
    -------
        The reference Trace that was written.

    Raises
    ------
        ValueError: bad inputs, or a manifest that does not fit the network; one sentence.
    """
    folder = Path(folder)
    manifest = read_manifest(folder, network)
    trace = reference.run(network, inputs)
    (folder / INPUT_FILE).write_text(input_text(network, inputs, manifest), "ascii")
    (folder / EXPECTED_FILE).write_text(expected_text(network, trace), "ascii")
    return trace


def read_manifest(folder: Path, network: Network) -> dict[str, Any]:
    """Read manifest.json and check that it is this network's, or at least (format 1) fits it.

    Raises
    ------
        ValueError: missing, damaged, or of another network; one sentence.
    """
    path = folder / "manifest.json"
    try:
        manifest = json.loads(path.read_text("utf-8"))
        stream, populations = manifest["input"], manifest["populations"]
        _check_layouts(manifest)
        ports = [(p["name"], tuple(p["shape"]), bool(p["spiking"])) for p in populations]
        enter = (tuple(stream["shape"]), int(stream["bits"]))
        version, steps = manifest["format"], int(manifest["timesteps"])
        whose = manifest["network_sha256"] if version == 2 else None
    except FileNotFoundError:
        raise ValueError(f"{folder} holds no manifest.json: write it with 'verilog'") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is damaged ({type(error).__name__}: {error})") from None
    if version not in FORMATS:
        known = " and ".join(map(str, FORMATS))
        raise ValueError(f"{path} has format {version!r}; this program reads {known}")
    want = [(p.name, network.shapes[p.name], p.spiking) for p in network.populations]
    if ports != want or enter != (network.input.shape, network.input.span[1].bit_length()):
        raise ValueError(f"{path} describes another network: its ports do not fit this one")
    if steps < network.timesteps:
        raise ValueError(f"{path} is of {steps} timesteps; the network runs {network.timesteps}")
    if version == 2 and whose != digest(network):
        raise ValueError(
            f"{path} is of another network: its Verilog was written from {str(whose)[:12]}, this "
            f"network is {digest(network)[:12]}; write it anew with 'verilog'"
        )
    return manifest


def _check_layouts(manifest: dict[str, Any]) -> None:
    """Raise KeyError, TypeError or ValueError where a field that a backend reads is no good."""
    text = ("top", "verilog", "clock", "reset")
    if not all(isinstance(manifest[key], str) for key in text):
        raise TypeError(f"{', '.join(text)} must be strings")
    if Path(manifest["verilog"]).name != manifest["verilog"]:
        raise ValueError("verilog must name a file of this folder")
    enter, leave, populations = manifest["input"], manifest["output"], manifest["populations"]
    numbers = [manifest[key] for key in ("cycles_per_timestep", "latency", "timesteps")]
    numbers += [enter[key] for key in ("simd", "beats_per_timestep", "bits")]
    numbers += [p["neurons"] for p in populations]
    if not all(type(n) is int and 0 < n < 1 << 32 for n in numbers):
        raise ValueError("sizes and cycles must be positive integers")
    neuron = ("index", "v", "spike", "first", "last")
    layouts = [(enter, ("data", "first", "last")), (leave, neuron)]
    for stream, fields in [*layouts, *((p, neuron) for p in populations)]:
        for name in fields:
            low, width = stream["payload"][name]
            if not (0 <= low and 0 < width and low + width <= stream["payload_bits"]):
                raise ValueError(f"field {name!r} of a payload lies outside of it")
    if enter["payload"]["data"][1] != enter["simd"] * enter["bits"]:
        raise ValueError("an input word is not simd values of its bits")


def input_text(network: Network, inputs: np.ndarray, manifest: dict[str, Any]) -> str:
    """Return ``input.hex``: simd values of p bits a word, the first element lowest, zero-padded."""
    x = encode(network.input, inputs, network.timesteps)
    samples, steps = x.shape[:2]
    stream = manifest["input"]
    simd, beats = int(stream["simd"]), int(stream["beats_per_timestep"])
    p = network.input.span[1].bit_length()
    values = x.reshape(samples * steps, -1)
    if beats != -(-values.shape[1] // simd):
        raise ValueError(
            f"manifest.json says {beats} beats of {simd} values for {values.shape[1]} inputs"
        )
    padded = np.zeros((len(values), beats * simd), values.dtype)
    padded[:, : values.shape[1]] = values
    bits = (padded[..., None] >> np.arange(p, dtype=values.dtype)) & 1
    lines = _hex(bits.reshape(len(values), beats, simd * p))
    head = [("samples", samples), ("timesteps", steps), ("beats", beats), ("width", simd * p)]
    return _file("input", [(head, lines)])


def expected_text(network: Network, trace: Trace) -> str:
    """Return ``expected.hex``: for each population and timestep its spikes, then its membranes."""
    first = trace.v[network.populations[0].name]
    samples, steps = first.shape[:2]
    sections: list[tuple[list[tuple[str, object]], list[str]]] = [
        (
            [
                ("samples", samples),
                ("timesteps", steps),
                ("populations", len(network.populations)),
            ],
            [],
        )
    ]
    for p in network.populations:
        width = network.facts[p.name].v.bits
        v = trace.v[p.name].reshape(samples * steps, -1)
        lines = _hex((v[..., None] >> np.arange(width)) & 1)
        if p.spiking:
            spikes = _hex(trace.spikes[p.name].reshape(samples * steps, 1, -1))
        else:
            spikes = ["-"] * len(lines)
        head = [
            ("population", p.name),
            ("neurons", v.shape[1]),
            ("spiking", int(p.spiking)),
            ("width", width),
        ]
        sections.append((head, [f"{s} {m}" for s, m in zip(spikes, lines, strict=True)]))
    return _file("expected", sections)


def _file(kind: str, sections: list[tuple[list[tuple[str, object]], list[str]]]) -> str:
    lines = [f"spikexact {kind} 1"]
    for head, body in sections:
        lines += [f"{key} {value}" for key, value in head]
        lines += body
    return "\n".join([*lines, "end"]) + "\n"


def _hex(bits: np.ndarray) -> list[str]:
    """Bits (rows, words, width), least significant first, to lines of space-separated words."""
    rows, words, width = bits.shape
    digits = -(-width // 4)
    wide = np.zeros((rows, words, digits * 4), np.uint8)
    wide[..., :width] = bits
    nibbles = wide.reshape(rows, words, digits, 4) @ np.array([1, 2, 4, 8], np.uint8)
    text = np.full((rows, words, digits + 1), ord(" "), np.uint8)
    text[..., :digits] = np.frombuffer(b"0123456789abcdef", np.uint8)[nibbles[..., ::-1]]
    return [row.tobytes().decode("ascii").rstrip() for row in text]


@dataclass(frozen=True)
class Sampled:
    """What one test of the testbench sampled: header fields, and payloads stream by stream.

    Attributes
    ----------
        samples, timesteps: that were driven.
        cycles: from the first accepted input beat to the last output beat.
        beats: stream name to the payloads in the order in which they came.
    """

    samples: int
    timesteps: int
    cycles: int
    beats: dict[str, list[int]]


def read_sampled(path: Path) -> Sampled:
    """Read a ``sampled_*.hex`` that the testbench wrote.

    Raises
    ------
        ValueError: missing, short, or not of that format.
    """
    try:
        lines = iter(path.read_text("ascii").splitlines())

        def field(key: str) -> int:
            word, _, value = next(lines).partition(" ")
            if word != key:
                raise ValueError(f"{key} expected, not {word!r}")
            return int(value)

        if next(lines) != "spikexact sampled 1":
            raise ValueError("another kind of file")
        samples, steps, cycles = field("samples"), field("timesteps"), field("cycles")
        beats: dict[str, list[int]] = {}
        for _ in range(field("streams")):
            word, _, name = next(lines).partition(" ")
            if word != "stream" or name in beats:
                raise ValueError(f"a stream expected, not {word!r}")
            beats[name] = [int(next(lines), 16) for _ in range(field("beats"))]
        if next(lines) != "end" or next(lines, None) is not None:
            raise ValueError("'end' expected last")
    except (OSError, ValueError, StopIteration) as error:
        raise ValueError(f"{path.name} of the testbench is missing or damaged: {error}") from None
    return Sampled(samples, steps, cycles, beats)


def _ours(path: Path) -> bool:
    try:
        manifest = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and "format" in manifest


@contextlib.contextmanager
def swapped(folder: Path, force: bool = False) -> Iterator[Path]:
    """Give an empty folder beside ``folder``; on success it takes its place, else it goes.

    A link to a folder is followed: what it names is swapped, beside itself.

    Raises
    ------
        FileExistsError: ``folder`` is a file, or holds something and no manifest.json of ours.
        FileNotFoundError: the folder that it lies in does not exist.
        OSError: it cannot be written; the sentence names it.
    """
    real = replaceable(folder, force)
    with temporary.passing(temporary.name(real)) as scratch:
        part, old = scratch / "new", scratch / "old"
        try:
            part.mkdir(parents=True)
            yield part
            with temporary.uninterrupted():
                if real.exists():
                    real.rename(old)
                try:
                    part.rename(real)
                except OSError:
                    if old.exists():
                        old.rename(real)
                    raise
        except OSError as error:
            if error.filename is not None and scratch not in Path(error.filename).parents:
                raise
            why = error.strerror or str(error)
            raise type(error)(f"{folder} cannot be written: {why}") from None


def replaceable(folder: Path, force: bool = False) -> Path:
    """Return the folder that a writer of ``folder`` replaces: itself, or what its links name.

    Raises
    ------
        FileExistsError, FileNotFoundError: see ``swapped``.
    """
    real = Path(os.path.realpath(folder))  # "." too has a name then, and a place beside it
    named = f"{folder}, a link to {real}," if folder.is_symlink() else str(folder)
    if real.is_symlink():
        raise FileExistsError(f"{folder} is a link that leads round in a circle: name a folder")
    if real.exists() and not real.is_dir():
        raise FileExistsError(f"{named} is {'a file' if real.is_file() else 'no folder'}: "
                              "name a folder")  # fmt: skip
    if not real.parent.is_dir():
        raise FileNotFoundError(f"folder {real.parent} does not exist: create it first")
    if real == Path.cwd() or real in Path.cwd().parents or real.is_mount():
        raise FileExistsError(f"{named} is the folder that you are in, or above: name another")
    if real.is_dir() and any(real.iterdir()) and not force:
        if not _ours(real / "manifest.json"):
            raise FileExistsError(
                f"{folder} is not empty and holds no manifest.json of ours: "
                "name another folder, or use --force"
            )
    return real
