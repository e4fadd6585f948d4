"""The device as manifest.json describes it, and its vectors: ports, streams, order of beats."""

import json
from pathlib import Path

from answers import Answers
from answers import StreamError as StreamError  # of all that comes
from hexfiles import VectorError, read_expected, read_image, read_input, signed
from protocol import Beat, Rules, Run


class Device:
    """manifest.json, input.hex and expected.hex of one folder, read strictly.

    Raises VectorError where one of them is missing or damaged.
    """

    def __init__(self, folder):
        try:
            manifest = json.loads((Path(folder) / "manifest.json").read_text("utf-8"))
            self._describe(manifest)
            named = [(p["name"], p["neurons"], p["spiking"]) for p in self.populations]
        except (OSError, ValueError, KeyError, TypeError) as error:
            why = f"{type(error).__name__}: {error}"
            raise VectorError(f"manifest.json cannot be read ({why})") from None
        self.manifest = manifest
        path = Path(folder)
        self.samples, self.steps, self.blocks, self.words = read_input(
            path / "input.hex", *self.sizes, self.width
        )
        over = self.timesteps(self.blocks) - self.steps
        if self.blocks > self.most or over < 0 or (over >= self.block and self.blocks > 1):
            raise VectorError(
                f"input.hex holds {self.blocks} blocks a sample, which are "
                f"{self.timesteps(self.blocks)} timesteps, and says it is of {self.steps}"
            )
        self.expected = read_expected(path / "expected.hex", self.samples, self.steps, named)
        #: Words that write the network into the device, and of each but the last the bits it keeps.
        self.image, self.kept = None, []
        if self.loads:
            count = manifest["loading"]["words"]
            self.image = read_image(path / "image.hex", count)
            self.kept = [
                min(32, memory["bits"] - 32 * k)
                for memory in manifest["loading"]["memories"]
                for _ in range(memory["rows"])
                for k in range(memory["words"])
            ]
        #: Cycles without any beat after which the device is taken to hang.
        self.silence = 8 * (self.period + self.latency) + 1000

    def _describe(self, manifest):
        if manifest["format"] != 3:
            raise ValueError(f"format {manifest['format']!r}, not 3")
        enter, leave = manifest["input"], manifest["output"]
        self.populations = manifest["populations"]
        self.clock, self.reset = manifest["clock"], manifest["reset"]
        self.enter, self.leave = enter["stream"], leave["stream"]
        self.width = enter["beat_bits"]
        self.sizes = (enter["beats_per_block"], enter["beats_of_first_block"])
        self.errors = manifest["errors"]
        #: Whether a block of input that is given up goes on, filled up.
        self.fills = enter["fills"]
        self.total, self.constant = manifest["timesteps"], enter["constant"]
        self.block, self.first = manifest["block"], manifest["block_first"]
        self.period, self.latency = manifest["cycles_per_sample"], manifest["latency"]
        self.settles = manifest["settles"]
        self.loads = manifest["loading"]["stream"] if "loading" in manifest else None
        #: Whether samples may take fewer cycles than are published.
        self.bound = manifest["cycles_are"] == "at most"
        #: Blocks that a sample has at most, as they come in.
        self.most = 1 if self.constant else 1 + (self.total - self.first) // self.block
        names = [p["name"] for p in self.populations]
        self.output = names.index(leave["population"])
        #: Of each stream: what is published of it, and its ports but valid and ready.
        self.layouts, self.ports = {}, {}
        for p in self.populations:
            self.layouts[p["trace"]] = p
            self.ports[p["trace"]] = tuple(port for port in p["ports"] if port != "valid")
        self.layouts[self.leave] = leave
        self.ports[self.leave] = ("data", "first", "last")
        self.traces = [p["trace"] for p in self.populations]
        self.answers = None
        if leave["values"] == "classes":
            self.answers = Answers(self, leave, self.populations[self.output])
            self.ports[self.leave] = self.answers.ports
        #: Whether it depends on the data how many beats come.
        self.stops = self.answers is not None and self.answers.stop
        self._rows = {}

    def __str__(self):
        """Return one line: what is tested on what."""
        names = ", ".join(f"{p['name']} {p['neurons']}" for p in self.populations)
        return f"{self.samples} samples of {self.steps} timesteps through {names}"

    @property
    def values(self):
        """Return how many spikes and membranes are compared."""
        per_step = sum(e.neurons * (1 + bool(e.spiking)) for e in self.expected)
        return per_step * self.samples * self.steps

    @property
    def pace(self):
        """Return the cycles of a block, about."""
        return -(-self.period // self.most)

    def port(self, dut, stream, part):
        """Return the handle of a port of a stream."""
        return getattr(dut, f"{stream}_{part}")

    def timesteps(self, blocks):
        """Return the timesteps that come of so many blocks of a sample's input."""
        if blocks == 0:
            return 0
        return self.total if self.constant else self.first + (blocks - 1) * self.block

    def rules(self):
        """Return the rules of the input stream, at rest."""
        return Rules(*self.sizes, self.most, self.fills)

    def errors_possible(self):
        """Return the errors that the shape of the input lets happen."""
        _, ends = self.beats(0)
        found = {"stray"}
        if ends[-1]:
            found.add("cut")
        if len(ends) <= ends[-1]:
            found.add("short")
        if self.blocks == self.most:
            found.add("long")
        return found

    def beats(self, sample):
        """Return the input beats of a sample, and the places of those that end a block."""
        words = self.words[sample * self.blocks : (sample + 1) * self.blocks]
        flat, ends = [], []
        for block in words:
            flat += block
            ends.append(len(flat) - 1)
        final = len(flat) - 1
        return [Beat(w, k == 0, k == final, sample, k) for k, w in enumerate(flat)], ends

    def whole(self, sample):
        """Return what comes of a sample."""
        return Run(sample, self.blocks, self.blocks, True)

    def rows(self, stream, steps):
        """Return timestep and first neuron of every beat of a sample of so many timesteps.

        Block follows block; within it tile follows tile, within that timestep follows timestep,
        and within that beat follows beat.
        """
        if (stream, steps) not in self._rows:
            layout = self.layouts[stream]
            place = self.output if stream == self.leave else self.populations.index(layout)
            neurons = self.populations[place]["neurons"]
            tile, lanes = layout["tile"], layout["lanes"]
            ends = [*range(self.first, steps + 1, self.block)]
            self._rows[stream, steps] = [
                (t, n)
                for start, stop in zip([0, *ends], ends, strict=False)
                for at in range(0, neurons, tile)
                for t in range(start, stop)
                for n in range(at, min(at + tile, neurons), lanes)
            ]
        return self._rows[stream, steps]

    def wanted(self, runs):
        """Return how many beats each stream must give; None where the data decide."""
        if self.stops:
            return dict.fromkeys(self.layouts)
        steps = [self.timesteps(run.blocks) for run in runs]
        streams = self.traces if self.answers else self.layouts
        found = {name: sum(len(self.rows(name, n)) for n in steps) for name in streams}
        return {self.leave: sum(run.ended for run in runs), **found}

    def mismatches(self, runs, beats, most=10):
        """Compare everything that was sampled with what must come of some samples.

        Returns how many values were compared, how many differ, and a sentence for each of the
        first ``most`` of these.
        """
        compared, total, wrong = self.answers.compare(runs, beats) if self.answers else (0, 0, [])
        for stream, layout in self.layouts.items():
            if self.answers and stream == self.leave:
                continue
            place = self.output if stream == self.leave else self.populations.index(layout)
            expected, came = self.expected[place], iter(beats[stream])
            for n, run in enumerate(runs):
                steps = self.timesteps(run.blocks)
                for (step, neuron), beat in zip(self.rows(stream, steps), came, strict=False):
                    want = self._beat(stream, layout, expected, run, steps, step, neuron)
                    for name, value in want.items():
                        got = self.value(stream, beat, name)
                        compared += 1
                        if got == value:
                            continue
                        total += 1
                        if len(wrong) < most:
                            wrong.append(
                                f"{stream} ({expected.name}): {_port(name)} is {got}, not {value}, "
                                f"at sample {run.sample}, timestep {step}, neuron "
                                f"{self._neuron(name, neuron)} (number {n} of {len(runs)} sent)"
                            )
        return compared, total, wrong

    def _beat(self, stream, layout, expected, run, steps, step, neuron):
        """Return what a beat must hold: values by port, of lanes by (port, lane)."""
        lanes, count = layout["lanes"], expected.neurons
        if stream == self.leave:
            rows = self.rows(stream, steps)
            want = {
                "first": int((step, neuron) == rows[0]),
                "last": int(run.ended and (step, neuron) == rows[-1]),
            }
            values = {"data": expected.spikes if layout["values"] == "spikes" else expected.v}
        else:
            want = {"index": neuron // lanes, "starts": int(step == 0)}
            values = {"v": expected.v, **({"spike": expected.spikes} if expected.spiking else {})}
        if step < min(self.timesteps(run.sound), self.steps):
            here = run.sample * self.steps + step
            for name, of in values.items():
                for lane in range(min(lanes, count - neuron)):
                    want[name, lane] = of[here][neuron + lane]
        return want

    def value(self, stream, beat, name):
        """Return the value of a port, or of one lane of it."""
        port, lane = name if isinstance(name, tuple) else (name, None)
        word = beat[self.ports[stream].index(port)]
        if lane is None:
            return word
        layout = self.layouts[stream]
        if stream == self.leave:
            width, is_signed = layout["bits"], layout["values"] != "spikes"
        else:
            width, is_signed = (layout["v_bits"], True) if port == "v" else (1, False)
        value = word >> (lane * width) & ((1 << width) - 1)
        return signed(value, width) if is_signed else value

    @staticmethod
    def _neuron(name, neuron):
        return neuron + (name[1] if isinstance(name, tuple) else 0)


def _port(name):
    return name[0] if isinstance(name, tuple) else name
