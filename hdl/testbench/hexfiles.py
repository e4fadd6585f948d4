"""The hex text files beside the Verilog: a strict reader, and the writer of what was sampled.

The standard library only, so that the testbench runs where only cocotb and a simulator are. A
file that is missing, short, too long, or that holds anything else than its header says is a
VectorError, never a vector less.
"""

import string
import zlib
from dataclasses import dataclass
from pathlib import Path

#: Most samples, timesteps, beats, neurons or bits that a header may state.
MOST = 1 << 24


class VectorError(Exception):
    """A vector file is missing or is not what its header says; one sentence."""


@dataclass(frozen=True)
class Expected:
    """Spikes and membranes of one population, one entry a timestep, sample after sample."""

    name: str
    neurons: int
    spiking: bool
    width: int
    spikes: list
    v: list


class Lines:
    """A file line by line; every error names the file and the line."""

    def __init__(self, path):
        self.path, self.number = Path(path), 0
        try:
            text = self.path.read_bytes().decode("ascii")
        except OSError as error:
            raise VectorError(f"{self.path.name} cannot be read: {error.strerror}") from None
        except UnicodeDecodeError:
            raise VectorError(f"{self.path.name} is not text") from None
        if not text.endswith("\nend\n"):
            raise VectorError(f"{self.path.name} is cut short: its last line must be 'end'")
        self.lines = text[: -len("end\n")].splitlines()

    def fail(self, why):
        """Return the error for the line read last."""
        return VectorError(f"{self.path.name}, line {self.number}: {why}")

    def next(self, what):
        """Return the next line."""
        self.number += 1
        if self.number > len(self.lines):
            raise self.fail(f"the file ends where {what} must stand")
        return self.lines[self.number - 1]

    def text(self, key):
        """Return the value of the header line ``key value``."""
        line = self.next(f"'{key}'")
        word, space, value = line.partition(" ")
        if word != key or not space or not value or value != value.strip():
            raise self.fail(f"'{key} ...' must stand here, not {line[:40]!r}")
        return value

    def integer(self, key, low, high=MOST):
        """Return the value of a header line that holds a decimal number."""
        value = self.text(key)
        if not (value.isdigit() and value == str(int(value)) and low <= int(value) <= high):
            raise self.fail(f"{key} must be a number of {low} to {high}, not {value[:40]!r}")
        return int(value)

    def words(self, widths):
        """Return the numbers of one line: lower-case hex words of exactly these bit widths."""
        words = self.next("a line of words").split(" ")
        if len(words) != len(widths):
            raise self.fail(f"{len(widths)} words must stand here, not {len(words)}")
        return [self.word(word, width) for word, width in zip(words, widths, strict=True)]

    def word(self, word, width):
        """Return one hex word as an unsigned number."""
        if len(word) != -(-width // 4) or not set(word) <= HEX:
            raise self.fail(f"{-(-width // 4)} hex digits must stand here, not {word[:40]!r}")
        value = int(word, 16)
        if value >> width:
            raise self.fail(f"{word[:40]!r} has more than {width} bits")
        return value

    def close(self):
        """Check that nothing is left."""
        if self.number != len(self.lines):
            self.number += 1
            raise self.fail("nothing more must stand before 'end'")


HEX = frozenset(string.hexdigits.lower())


def signed(value, width):
    """Return a two's complement word as a number."""
    return value - (value >> (width - 1) << width)


def read_input(path, beats, first, width):
    """Read input.hex: (samples, timesteps, blocks of a sample, one list of words a block).

    beats, first: words of a block, and of a sample's first one. width: bits of a word.
    """
    lines = Lines(path)
    if lines.next("the kind of file") != "spikexact input 2":
        raise lines.fail("'spikexact input 2' must stand here")
    samples, steps = lines.integer("samples", 1), lines.integer("timesteps", 1)
    blocks = lines.integer("blocks", 1)
    found = lines.integer("beats", 1), lines.integer("first", 1), lines.integer("width", 1)
    if found != (beats, first, width):
        raise lines.fail(
            f"blocks of {found[0]} beats, the first of {found[1]}, of {found[2]} bits, but "
            f"manifest.json says {beats}, {first} and {width}"
        )
    sizes = [first, *[beats] * (blocks - 1)]
    words = [lines.words([width] * size) for _ in range(samples) for size in sizes]
    lines.close()
    return samples, steps, blocks, words


def read_image(path, count):
    """Read image.hex: the words that write the network into the device, and their CRC."""
    lines = Lines(path)
    if lines.next("the kind of file") != "spikexact image 1":
        raise lines.fail("'spikexact image 1' must stand here")
    if lines.integer("words", 2) != count + 1:
        raise lines.fail(f"manifest.json says {count} words and their CRC")
    words = [lines.words([32])[0] for _ in range(count + 1)]
    lines.close()
    if zlib.crc32(b"".join(word.to_bytes(4, "little") for word in words[:-1])) != words[-1]:
        raise lines.fail("the last word is not the CRC of the others")
    return words


def read_expected(path, samples, steps, populations):
    """Read expected.hex: one Expected for each (name, neurons, spiking) of the manifest."""
    lines = Lines(path)
    if lines.next("the kind of file") != "spikexact expected 2":
        raise lines.fail("'spikexact expected 2' must stand here")
    for key, value in (
        ("samples", samples),
        ("timesteps", steps),
        ("populations", len(populations)),
    ):
        if lines.integer(key, 1) != value:
            raise lines.fail(f"{key} must be {value}, as in input.hex and manifest.json")
    found = []
    for name, neurons, spiking in populations:
        head = lines.text("population"), lines.integer("neurons", 1), lines.integer("spiking", 0, 1)
        if head != (name, neurons, int(spiking)):
            raise lines.fail(f"manifest.json says {name!r}, {neurons} neurons, {int(spiking)}")
        width = lines.integer("width", 1, 64)
        spikes, v = [], []
        for _ in range(samples * steps):
            first, *rest = lines.next("a line of words").split(" ")
            if len(rest) != neurons or (first == "-") == spiking:
                raise lines.fail(f"spikes and {neurons} membranes must stand here")
            bits = lines.word(first, neurons) if spiking else 0
            spikes.append([bits >> i & 1 for i in range(neurons)] if spiking else None)
            v.append([signed(lines.word(word, width), width) for word in rest])
        found.append(Expected(name, neurons, spiking, width, spikes, v))
    lines.close()
    return found


def write_sampled(path, samples, steps, cycles, streams):
    """Write what was sampled: for each stream the names of its ports, and its beats as they came.

    streams: by name, (names of ports, beats); a beat is one number per port.
    """
    text = [
        "spikexact sampled 2",
        f"samples {samples}",
        f"timesteps {steps}",
        f"cycles {cycles}",
        f"streams {len(streams)}",
    ]
    for name, (ports, beats) in streams.items():
        text += [f"stream {name}", f"ports {' '.join(ports)}", f"beats {len(beats)}"]
        text += [" ".join(f"{value:x}" for value in beat) for beat in beats]
    Path(path).write_text("\n".join([*text, "end"]) + "\n", "ascii")
