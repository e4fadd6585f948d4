"""The device as manifest.json describes it, and its vectors: ports, streams, what is expected."""

import json
from pathlib import Path

from hexfiles import VectorError, read_expected, read_input, signed


class StreamError(Exception):
    """The device broke a rule of its streams, hangs, or sent other beats than it should."""


class Device:
    """manifest.json, input.hex and expected.hex of one folder, read strictly.

    Raises VectorError where one of them is missing or damaged.
    """

    def __init__(self, folder):
        try:
            manifest = json.loads((Path(folder) / "manifest.json").read_text("utf-8"))
            enter, leave = manifest["input"], manifest["output"]
            self.populations = manifest["populations"]
            self.clock, self.reset = manifest["clock"], manifest["reset"]
            self.enter, self.leave = enter["stream"], leave["stream"]
            self.fields = {self.leave: leave["payload"]}
            self.fields.update({p["trace"]: p["payload"] for p in self.populations})
            self.beats, self.width = enter["beats_per_timestep"], enter["payload_bits"]
            self.period, self.latency = manifest["cycles_per_timestep"], manifest["latency"]
            self.settles = manifest.get("settles", 1)
            self.places = {f: enter["payload"][f] for f in ("data", "first", "last")}
            named = [(p["name"], p["neurons"], p["spiking"]) for p in self.populations]
        except (OSError, ValueError, KeyError, TypeError) as error:
            why = f"{type(error).__name__}: {error}"
            raise VectorError(f"manifest.json cannot be read ({why})") from None
        self.manifest = manifest
        self.streams = list(self.fields)
        data_bits = self.places["data"][1]
        path = Path(folder)
        self.samples, self.steps, self.words = read_input(path / "input.hex", self.beats, data_bits)
        self.expected = read_expected(path / "expected.hex", self.samples, self.steps, named)
        #: Cycles without any beat after which the device is taken to hang.
        self.silence = 8 * (self.period + self.latency) + 1000
        #: Cycles that one test may take, stalls included; a full-rate run takes a tenth at most.
        self.limit = 10 * (len(self.words) * (self.period + self.beats) + self.latency)
        self.limit += 20 * sum(self.wanted().values()) + 4 * self.silence

    def __str__(self):
        """Return one line: what is tested on what."""
        names = ", ".join(f"{p['name']} {p['neurons']}" for p in self.populations)
        return f"{self.samples} samples of {self.steps} timesteps through {names}"

    @property
    def values(self):
        """Return how many spikes and membranes are compared."""
        per_step = sum(e.neurons * (1 + bool(e.spiking)) for e in self.expected)
        return per_step * self.samples * self.steps

    def port(self, dut, stream, part):
        """Return the handle of a stream's valid, ready or payload."""
        return getattr(dut, f"{stream}__{part}")

    def payloads(self):
        """Return every input payload: data, first of sample, last of timestep."""
        out = []
        for step, words in enumerate(self.words):
            for k, word in enumerate(words):
                payload = word << self.places["data"][0]
                payload |= int(step % self.steps == 0) << self.places["first"][0]
                payload |= int(k == len(words) - 1) << self.places["last"][0]
                out.append(payload)
        return out

    def wanted(self):
        """Return how many beats each stream must give."""
        counts = {p["trace"]: p["neurons"] * len(self.words) for p in self.populations}
        return {self.leave: self.populations[-1]["neurons"] * len(self.words), **counts}

    def field(self, stream, payload, name):
        """Return one field of a payload; v is signed."""
        offset, width = self.fields[stream][name]
        value = payload >> offset & ((1 << width) - 1)
        return signed(value, width) if name == "v" else value

    def is_last(self, payload):
        """Return whether an output payload ends a timestep."""
        return self.field(self.leave, payload, "last")

    def mismatches(self, beats, most=10):
        """Compare everything that was sampled with the vectors.

        Returns how many values differ, and a sentence for each of the first ``most``.
        """
        wrong, total = [], 0
        checks = [(p["trace"], e) for p, e in zip(self.populations, self.expected, strict=True)]
        checks.append((self.leave, self.expected[-1]))
        for stream, expected in checks:
            for k, payload in enumerate(beats[stream]):
                step, neuron = divmod(k, expected.neurons)
                want = {
                    "index": neuron,
                    "v": expected.v[step][neuron],
                    "first": int(step % self.steps == 0),
                    "last": int(neuron == expected.neurons - 1),
                }
                if expected.spiking:
                    want["spike"] = expected.spikes[step][neuron]
                for name, value in want.items():
                    got = self.field(stream, payload, name)
                    if got == value:
                        continue
                    total += 1
                    if len(wrong) < most:
                        sample, timestep = divmod(step, self.steps)
                        wrong.append(
                            f"{stream} ({expected.name}): {name} is {got}, not {value}, at sample "
                            f"{sample}, timestep {timestep}, neuron {neuron}"
                        )
        return total, wrong
