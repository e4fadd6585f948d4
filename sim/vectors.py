"""Vectors beside the Verilog: what goes into the device and what must come out, as hex text.

``input.hex`` holds the beats of the input stream, one line a block, ``expected.hex`` every spike
and every membrane of every population, one line a timestep; hdl/testbench/TESTBENCH.md defines the
format. The shipped testbench reads them with its own strict reader (hdl/testbench/hexfiles.py),
since it must run without this package; what it samples from the device it writes to
``sampled_*.hex``, which ``read_sampled`` takes back.
"""

from __future__ import annotations

import contextlib
import importlib.resources
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Network, temporary
from mapping.coding import encode

from .backends import beats, reference
from .manifest_file import read_manifest as read_manifest
from .trace import Trace

INPUT_FILE, EXPECTED_FILE = "input.hex", "expected.hex"
#: Beside them where the design is loadable: what is written into it first.
IMAGE_FILE = "image.hex"
#: Samples that are written beside the Verilog unless the caller says otherwise.
SAMPLES = 20


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
    others: Sequence[Network] = (),
    loadable: bool = False,
    skip_zeros: bool | Sequence[str] = False,
    classes: bool = False,
    stop: bool = False,
    axis_bytes: int | None = None,
) -> dict[str, Any]:
    """Write Verilog, manifest, testbench and vectors; the folder is built beside and swapped.

    Args:
        network: what to emit.
        folder: where; a folder that holds our manifest.json is replaced.
        samples, seed: of the stimuli (random, all-zero, all-one, and directed at the thresholds).
        pe, simd, lanes, block, parallel, others, loadable, classes, stop, skip_zeros: see
            ``hdl.plan.plan``.
        axis_bytes: bytes of TDATA of the AXI wrapper; None: the power of two that holds a beat.
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
    from hdl.deployed import deploy

    from .campaign.stimuli import stimuli

    if (loadable or others) and (classes or stop):
        raise ValueError("a loadable design does not read out its classes yet")
    inputs = stimuli(network, samples, seed)
    with swapped(Path(folder), force) as part:
        options = {"lanes": lanes, "block": block, "parallel": parallel}
        options |= {"others": others, "loadable": loadable}
        options |= {"classes": classes, "stop": stop, "skip_zeros": skip_zeros}
        emitted = verilog.emit(network, pe, simd, **options).wrapped(axis_bytes)
        emitted.write(part)
        manifest = emitted.manifest
        write_testbench(part)
        deploy(part, manifest)
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
    if "loading" in manifest:
        (folder / IMAGE_FILE).write_text(image_text(network, manifest), "ascii")
    return trace


def image_text(network: Network, manifest: dict[str, Any]) -> str:
    """Return ``image.hex``: the words that write a network into a loadable design, then their CRC.

    Raises
    ------
        ValueError: the design cannot hold it; see ``hdl.loading.refuse``.
    """
    from hdl.loading import image, planned

    words = image(planned(manifest["loading"], network), network)
    return "\n".join(["spikexact image 1", f"words {len(words)}"]) + "".join(
        f"\n{word:08x}" for word in words
    ) + "\nend\n"  # fmt: skip


def input_text(network: Network, inputs: np.ndarray, manifest: dict[str, Any]) -> str:
    """Return ``input.hex``: for each sample its blocks, and of each block its beats.

    Zeros follow a sample that ends within a block (``beats.whole``).
    """
    x = encode(network.input, inputs, network.timesteps)
    samples, steps = x.shape[:2]
    stream = manifest["input"]
    width, words = int(stream["beat_bits"]), int(stream["words"])
    if words != -(-x[0, 0].size // int(stream["simd"])):
        raise ValueError(
            f"manifest.json says {words} words of {stream['simd']} values for {x[0, 0].size} inputs"
        )
    chunks, flags = beats.input_beats(x, manifest)
    lines = _hex(np.unpackbits(chunks.view(np.uint8), axis=1, bitorder="little")[:, None, :width])
    each = len(lines) // samples
    first, size = int(stream["beats_of_first_block"]), int(stream["beats_per_block"])
    cuts = [0, *range(first, each + 1, size)]
    head = [
        ("samples", samples), ("timesteps", steps), ("blocks", len(cuts) - 1),
        ("beats", size), ("first", first), ("width", width),
    ]  # fmt: skip
    blocks = [
        " ".join(lines[sample * each + start : sample * each + stop])
        for sample in range(samples)
        for start, stop in zip(cuts, cuts[1:], strict=False)
    ]
    return _file("input", [(head, blocks)])


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
        order = beats.MAPS if len(network.shapes[p.name]) == 3 else ""
        v = beats.streamed(trace.v[p.name], order).reshape(samples * steps, -1)
        lines = _hex((v[..., None] >> np.arange(width)) & 1)
        if p.spiking:
            spikes = _hex(
                beats.streamed(trace.spikes[p.name], order).reshape(samples * steps, 1, -1)
            )
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
    lines = [f"spikexact {kind} 2"]
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
    """What one test of the testbench sampled: header fields, and beats stream by stream.

    Attributes
    ----------
        samples, timesteps: that were driven.
        cycles: from the first accepted input beat to the last output beat.
        beats: stream name to the values of each of its ports, by name, in the order they came.
    """

    samples: int
    timesteps: int
    cycles: int
    beats: dict[str, dict[str, list[int]]]


def read_sampled(path: Path) -> Sampled:
    """Read a ``sampled_*.hex`` that the testbench wrote.

    Raises
    ------
        ValueError: missing, short, or not of that format.
    """
    try:
        lines = iter(path.read_text("ascii").splitlines())

        def field(key: str) -> str:
            word, _, value = next(lines).partition(" ")
            if word != key:
                raise ValueError(f"{key} expected, not {word!r}")
            return value

        if next(lines) != "spikexact sampled 2":
            raise ValueError("another kind of file")
        samples, steps, cycles = (int(field(k)) for k in ("samples", "timesteps", "cycles"))
        found: dict[str, dict[str, list[int]]] = {}
        for _ in range(int(field("streams"))):
            name, ports = field("stream"), field("ports").split(" ")
            count = int(field("beats"))
            if name in found:
                raise ValueError(f"stream {name!r} twice")
            rows = [[int(word, 16) for word in next(lines).split(" ")] for _ in range(count)]
            if any(len(beat) != len(ports) for beat in rows):
                raise ValueError(f"a beat of {name!r} has other ports than {', '.join(ports)}")
            found[name] = {port: [beat[k] for beat in rows] for k, port in enumerate(ports)}
        if next(lines) != "end" or next(lines, None) is not None:
            raise ValueError("'end' expected last")
    except (OSError, ValueError, StopIteration) as error:
        raise ValueError(f"{path.name} of the testbench is missing or damaged: {error}") from None
    return Sampled(samples, steps, cycles, found)


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
