"""What the input stream's rules make of any beats: which blocks go on, and which errors are raised.

A sample is the beats of its blocks, ``first`` on its first beat, ``last`` on its last one. It may
end after any whole block. Everything else is an error, kept until the next reset:

- cut: ``first`` comes before the sample before has ended;
- short: ``last`` comes within a block; that block is dropped;
- long: the beat that completes a sample of all its blocks lacks ``last``; what follows is dropped
  up to the next ``first``;
- stray: a beat comes after the end of a sample, without ``first``; it is dropped.

Where lines go on before their block is whole, a block that is cut or short cannot be dropped: it
goes on, filled up with whatever, and means nothing.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Beat:
    """A beat of input: its data and flags, and the place in the vectors that the data are from."""

    data: int
    first: bool
    last: bool
    sample: int
    place: int


@dataclass
class Run:
    """A sample as it goes through the device: what must come of it is known.

    sample: whose vectors it begins with. blocks: that go on. sound: of these, how many hold
    exactly what the vectors' do, from the first on. ended: whether the last block is flagged so.
    """

    sample: int
    blocks: int = 0
    sound: int = 0
    ended: bool = False


class Rules:
    """Takes beats one by one; ``runs`` and ``errors`` then say what the device must do."""

    def __init__(self, beats, first, blocks, fills=False):
        """beats, first: of a block, and of a sample's first one. blocks: of a whole sample.

        fills: whether a block that is given up goes on, filled up.
        """
        self.sizes, self.blocks, self.fills = (first, beats), blocks, fills
        self.runs, self.errors = [], set()
        self.open = self.dropping = False
        self.inside = self.count = 0  # beats of the block at hand, of the sample
        self.intact = True

    def take(self, beat):
        """Take one beat."""
        if beat.first:
            if self.open:
                self.errors.add("cut")
                self._give_up()
            self.runs.append(Run(beat.sample))
            self.open, self.dropping, self.intact = True, False, True
            self.inside = self.count = 0
        elif not self.open:
            if not self.dropping:
                self.errors.add("stray")
            return
        run = self.runs[-1]
        self.intact = self.intact and (beat.sample, beat.place) == (run.sample, self.count)
        self.inside, self.count = self.inside + 1, self.count + 1
        complete = self.inside == self.sizes[run.blocks > 0]
        if beat.last and not complete:
            self.errors.add("short")
            self.open = False
            self._give_up()
        elif complete:
            run.blocks, self.inside = run.blocks + 1, 0
            run.sound += self.intact
            run.ended = beat.last or run.blocks == self.blocks
            if run.ended and not beat.last:
                self.errors.add("long")
                self.dropping = True
            self.open = not run.ended

    def _give_up(self):
        """Count the block at hand, if some of it has gone on."""
        if self.fills and self.inside:
            self.runs[-1].blocks += 1
