"""The wrapper as its registers must show it: what a host may rely on, in a page of Python."""

from device import Device
from hexfiles import VectorError, signed
from protocol import Beat

#: Bits of STATUS that are followed here, and the one that says a word can be written.
OPEN, WAITS, GOOD, LOADING, ROOM = (1 << k for k in range(5))


class Wrapped(Device):
    """A device of which only the wrapper's ports are seen: what leaves, and no traces."""

    def __init__(self, folder):
        super().__init__(folder)
        if "axis" not in self.manifest:
            raise VectorError("manifest.json knows of no AXI wrapper")
        self.axis = self.manifest["axis"]
        self.layouts, self.traces = {self.leave: self.layouts[self.leave]}, []
        words = self.axis["registers"]["words"]
        self.registers = {word["name"]: word for word in words}
        self.at = {word["name"]: word["address"] for word in words}
        self.constants = {c["name"]: c["value"] for c in self.axis["registers"]["constants"]}

    def transfers(self, beats):
        """Return beats as transfers: (data, first, last, beat, number within the beat)."""
        into = self.axis["input"]
        bits, count = 8 * into["bytes"], into["transfers"]
        mask = (1 << bits) - 1
        return [
            (b.data >> k * bits & mask, b.first and k == 0, b.last and k == count - 1, b, k)
            for b in beats
            for k in range(count)
        ]

    def beats_of(self, transfers):
        """Return transfers that left as beats, and a sentence for each that is malformed."""
        out = self.axis["output"]
        bits, count, wide = 8 * out["bytes"], out["transfers"], out["beat_bits"]
        beats, wrong = [], []
        for at in range(0, len(transfers) - count + 1, count):
            group = transfers[at : at + count]
            word = sum(data << k * bits for k, (data, _, _) in enumerate(group))
            first, last = group[0][1], group[-1][2]
            if any(f for _, f, _ in group[1:]) or any(e for _, _, e in group[:-1]):
                wrong.append(f"transfer {at}: TUSER or TLAST within a beat")
            if word >> wide:
                wrong.append(f"transfer {at}: bits above its {wide} are not 0")
            if not self.answers:
                beats.append((word, int(first), int(last)))
                continue
            if not (first and last):
                wrong.append(f"transfer {at}: an answer without TUSER or TLAST")
            beats.append(tuple(self._field(word, field) for field in out["fields"]))
        if len(transfers) % count:
            wrong.append("the last beat lacks transfers")
        return beats, wrong

    @staticmethod
    def _field(word, field):
        whole = word >> 8 * field["at"] & ((1 << 8 * field["bytes"]) - 1)
        return signed(whole, 8 * field["bytes"]) if field["signed"] else whole

    def told(self, runs):
        """Return the answer of each sample that has one, by the vectors alone."""
        expected, found = self.expected[self.output], []
        for run in runs:
            if run.ended:
                at = slice(run.sample * self.steps, run.sample * self.steps + self.steps)
                spikes, v = expected.spikes[at], expected.v[at]
                steps = min(self.timesteps(run.blocks), self.steps)
                answer = self.answers.answer(spikes[:steps], v[:steps])
                found.append(answer[: len(self.answers.ports)] if run.sound == run.blocks else None)
        return found

    def compared(self, runs, transfers):
        """Compare all that left: how many values, how many differ, and sentences."""
        beats, wrong = self.beats_of(transfers)
        if not self.answers:
            count, bad, told = self.mismatches(runs, {self.leave: beats})
            want = self.wanted(runs)[self.leave]
        else:
            right = self.told(runs)
            pairs = list(zip(right, beats, strict=False))
            told = [f"answer {b} must be {a}" for a, b in pairs if a is not None and a != b]
            count, bad, want = len(pairs), len(told), len(right)
        if len(beats) != want:
            wrong.append(f"{len(beats)} beats left, not {want}")
        return count, bad + len(wrong), wrong + told


class Model:
    """What the registers hold in every cycle; events are those seen just before its edge."""

    def __init__(self, device):
        self.device = device
        self.by_last, self.begins = False, True
        self.restart()
        self.count = dict.fromkeys(
            ("samples_in", "samples_out", "cycles", "stalls_in", "stalls_out"), 0
        )
        self.errors, self.before, self.new, self.raised = 0, 0, 0, 0

    def restart(self):
        """Forget all that a soft reset of the core forgets."""
        self.rules = self.device.rules()
        self.parts = []  # transfers of the beat at hand

    def written(self, name, value):
        """Let a write take effect: its response has just been offered."""
        if name == "control" and value & 2:
            self.count = dict.fromkeys(self.count, 0)
        elif name == "framing":
            self.by_last = bool(value & 1)
        elif name == "errors":
            self.errors = (self.before & ~value) | self.new

    def shown(self, name, waits):
        """Return the value of a register and the bits of it that are known."""
        if name in self.device.constants:
            return self.device.constants[name], ~0
        if name in self.count:
            return self.count[name] & 0xFFFFFFFF, ~0
        if name == "status":
            good = 0 if self.device.loads else GOOD
            value = (OPEN if self.rules.open else 0) | (WAITS if waits else 0) | good
            return value, OPEN | WAITS | good
        if name == "errors":
            return self.errors, ~(1 << self.device.axis["errors"].index("load"))
        return (int(self.by_last), ~0) if name == "framing" else (0, 0)

    def passes(self, entered, left, stalled_in, stalled_out):
        """Let a cycle pass: (data, first, last, beat, number) that was taken, TLAST that left."""
        names = self._take(entered) if entered is not None else set()
        bits = self.device.axis["errors"]
        self.before = self.errors
        self.new = sum(1 << bits.index(name) for name in names)
        self.errors |= self.new
        self.raised |= self.new
        self.count["cycles"] += 1
        self.count["samples_out"] += left
        self.count["stalls_in"] += stalled_in
        self.count["stalls_out"] += stalled_out

    def _take(self, transfer):
        """Take a transfer; return the names of the errors of it."""
        data, first, last, beat, number = transfer
        if self.by_last:
            first = self.begins
        self.begins = last
        count, found = self.device.axis["input"]["transfers"], set()
        if self.parts and first:
            found.add("partial")
            self.parts = []
        self.parts.append((data, first, beat, number))
        if len(self.parts) < count:
            if last:
                found.add("partial")
                self.parts = []
            return found
        parts, self.parts = self.parts, []
        sound = all(b is beat and k == n for k, (_, _, b, n) in enumerate(parts))
        place = beat.place if sound else -1
        taken = Beat(beat.data, parts[0][1], last, beat.sample, place)
        self.rules.errors = set()
        ended = [run.ended for run in self.rules.runs[-1:]]
        fresh = len(self.rules.runs)
        self.rules.take(taken)
        now = self.rules.runs
        if now and now[-1].ended and (len(now) > fresh or not ended[0]):
            self.count["samples_in"] += 1
        return found | self.rules.errors
