"""The rules of AXI4-Stream and AXI4-Lite, cycle by cycle; whoever breaks one is a StreamError.

What is checked is what ARM's specifications ask of any two that talk (IHI 0051 for streams, IHI
0022 for AXI4-Lite), and nothing of this device:

- a transfer that is offered stays as it is until it is taken; during reset none is offered;
- a response to a write comes after its address and its data have been taken, one to a read after
  its address, one each, OKAY or SLVERR; in the end none is missing;
- nothing that goes out depends on what comes in within the same cycle (``independent``), so no
  VALID waits for a READY.
"""

from answers import StreamError

#: OKAY and SLVERR; an AXI4-Lite port has no exclusive accesses, and DECERR is an interconnect's.
RESPONSES = (0, 2)


class Handshake:
    """One VALID, its READY and what goes with it."""

    def __init__(self, name):
        self.name, self.taken = name, 0
        self.waits = None  # what was offered and not taken
        self.asleep = False  # reset has been seen by an edge

    def see(self, cycle, valid, ready, payload, reset=False):
        """See the values just before an edge; return whether a transfer is taken by it."""
        if reset:
            if self.asleep and valid:
                raise StreamError(f"{self.name}: valid during reset, in cycle {cycle}")
            self.asleep, self.waits = True, None
            return False
        if self.asleep and valid:
            raise StreamError(f"{self.name}: valid as reset ends, in cycle {cycle}")
        self.asleep = False
        if self.waits is not None and not valid:
            raise StreamError(f"{self.name}: withdrawn before it was taken, in cycle {cycle}")
        if self.waits is not None and payload != self.waits:
            raise StreamError(f"{self.name}: changed while it waited, in cycle {cycle}")
        self.waits = payload if valid and not ready else None
        self.taken += valid and ready
        return bool(valid and ready)


class Lite:
    """The five channels of one AXI4-Lite port."""

    CHANNELS = ("aw", "w", "b", "ar", "r")

    def __init__(self):
        self.of = {name: Handshake(name.upper()) for name in self.CHANNELS}

    def see(self, cycle, channels, reset=False):
        """See (valid, ready, payload) by channel; return the names of those that are taken.

        The payload of B is its response, that of R its data and response.
        """
        earlier = {name: one.taken for name, one in self.of.items()}
        taken = {n for n, one in self.of.items() if one.see(cycle, *channels[n], reset)}
        if reset:
            for one in self.of.values():
                one.taken = 0
            return set()
        if channels["b"][0]:
            if min(earlier["aw"], earlier["w"]) <= earlier["b"]:
                raise StreamError(f"B: a response before address and data, in cycle {cycle}")
            self._known("B", channels["b"][2], cycle)
        if channels["r"][0]:
            if earlier["ar"] <= earlier["r"]:
                raise StreamError(f"R: a response before an address, in cycle {cycle}")
            self._known("R", channels["r"][2][1], cycle)
        return taken

    @staticmethod
    def _known(name, response, cycle):
        if response not in RESPONSES:
            raise StreamError(f"{name}: response {response:#04b} in cycle {cycle}")

    def finish(self):
        """Check that everything was answered."""
        count = {name: one.taken for name, one in self.of.items()}
        if not count["aw"] == count["w"] == count["b"] or count["ar"] != count["r"]:
            told = ", ".join(f"{n.upper()} {c}" for n, c in count.items())
            raise StreamError(f"in the end not every access has one response: {told}")


def independent(cycle, before, after):
    """Compare what goes out, by port, before and after everything that comes in has changed."""
    for name, value in before.items():
        if after[name] != value:
            raise StreamError(f"{name} follows what comes in within cycle {cycle}")
