"""Answers of a device that reads out its classes, and what its own trace says they must be.

manifest.json names the read-out: "count" (the most spikes, or the largest sum of membranes),
"membrane" (the largest one, at a timestep or at the last that ran), or "first_spike" (the earliest;
of a sample without a spike the largest membrane, or class 0 with score 0). Ties go to the lowest
class. A device that stops sends its answer after the block of the first spike, and drops what it
has not taken in by then: how many blocks of a sample ran is in its trace alone.
"""

from dataclasses import replace

from hexfiles import signed


class StreamError(Exception):
    """The device broke a rule of its streams, hangs, or sent other beats than it should."""


class Answers:
    """The read-out of a device."""

    def __init__(self, device, output, population):
        """output, population: what manifest.json says of the stream, and of its population."""
        self.device, self.population = device, population
        self.stream, self.trace = output["stream"], population["trace"]
        self.kind, self.step, self.stop = output["readout"], output["step"], output["stop"]
        self.fallback = output["fallback"] is not None
        self.ports = tuple(port for port in output["ports"] if port != "valid")
        self.width = output["ports"]["score"]

    def answer(self, spikes, v):
        """Return class, score and whether a spike decided.

        spikes, v: a list of neurons for each timestep that ran.
        """
        last = len(v) - 1
        read = v[last if self.step is None else min(self.step, last)]
        if self.kind == "first_spike":
            for step, fired in enumerate(spikes):
                if any(fired):
                    return fired.index(1), step, 1
            if not self.fallback:
                return 0, 0, 0
        if self.kind == "count":
            of = spikes if self.population["spiking"] else v
            read = [sum(each) for each in zip(*of, strict=True)]
        return read.index(max(read)), max(read), 0

    def values(self, runs, beats, number):
        """Return spikes and membranes of a sample in the trace, timestep by timestep."""
        device, p = self.device, self.population
        lengths = [len(self.rows(run.blocks)) for run in runs[: number + 1]]
        start, steps = sum(lengths[:-1]), device.timesteps(runs[number].blocks)
        spikes, v = ([[0] * p["neurons"] for _ in range(steps)] for _ in range(2))
        for k, (step, neuron) in enumerate(self.rows(runs[number].blocks)):
            beat = beats[self.trace][start + k]
            for lane in range(p["lanes"]):
                v[step][neuron + lane] = device.value(self.trace, beat, ("v", lane))
                if p["spiking"]:
                    spikes[step][neuron + lane] = device.value(self.trace, beat, ("spike", lane))
        return spikes, v

    def rows(self, blocks):
        """Return what the trace's beats of so many blocks are."""
        return self.device.rows(self.trace, self.device.timesteps(blocks))

    def compare(self, runs, beats):
        """Compare every answer with the trace: how many there are, how many differ, and how."""
        want, wrong = [], []
        for number, run in enumerate(runs):
            spikes, v = self.values(runs, beats, number)
            if run.blocks and (run.ended or (self.stop and any(map(any, spikes)))):
                want.append((number, run, self.answer(spikes, v)))
        came = beats[self.stream]
        if len(came) != len(want):
            wrong.append(f"{self.stream}: {len(came)} answers came, not {len(want)}")
        for (number, run, right), (called, score, *fired) in zip(want, came, strict=False):
            got = (called, signed(score, self.width), *fired)
            if got != right[: len(got)]:
                wrong.append(
                    f"{self.stream}: class and score are {got}, not {right[: len(got)]}, of sample "
                    f"{run.sample} (number {number} of {len(runs)} sent)"
                )
        return len(want), len(wrong), wrong

    def went(self, runs, beats):
        """Return samples as they went through a device that stops, by the trace.

        Raises StreamError where the traces are not of these samples, or one ended without reason.
        """
        inside = [run for run in runs if run.blocks]
        index, starts = (self.device.ports[self.trace].index(n) for n in ("index", "starts"))
        came = beats[self.trace]
        at = [k for k, beat in enumerate(came) if beat[starts] and beat[index] == 0]
        if len(at) != len(inside):
            raise StreamError(f"{self.trace}: {len(at)} samples began, not {len(inside)}")
        sizes = {len(self.rows(n)): n for n in range(1, self.device.most + 1)}
        found = []
        for number, run in enumerate(inside):
            stop = at[number + 1] if number + 1 < len(at) else len(came)
            blocks = sizes.get(stop - at[number], self.device.most + 1)
            if blocks > run.blocks:
                raise StreamError(
                    f"{self.trace}: {stop - at[number]} beats of sample number {number} are not "
                    f"its {run.blocks} blocks, nor fewer"
                )
            ended = run.ended and blocks == run.blocks
            found.append(replace(run, blocks=blocks, sound=min(run.sound, blocks), ended=ended))
            if blocks < run.blocks and not any(map(any, self.values(found, beats, number)[0])):
                raise StreamError(
                    f"sample number {number} stopped after {blocks} of {run.blocks} blocks, and "
                    "nothing had fired"
                )
        for name in self.device.traces:
            want = sum(len(self.device.rows(name, self.device.timesteps(r.blocks))) for r in found)
            if len(beats[name]) != want:
                raise StreamError(
                    f"{name}: {len(beats[name])} beats, and by {self.trace} it is {want}"
                )
        return found
