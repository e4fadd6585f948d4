# amaranth: UnusedElaboratable=no
"""Stop: the entry is told to drop while its sample is the decided one, and at no other time."""

from __future__ import annotations

import random

from clocked import Bench, clocked
from hypothesis import given, settings
from hypothesis import strategies as st

from hdl.cores.stop import Stop

SAMPLES = 5


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 1 << 32))
def test_only_the_decided_sample_is_dropped(seed: int) -> None:
    """A model of the samples between the entry and the read-out, one event a cycle on each side."""
    rng = random.Random(seed)
    share = rng.choice((0.1, 0.4, 0.9))
    seen_drops = 0

    def bench() -> Bench[int]:
        nonlocal seen_drops
        at_entry, whole = -1, True  # number of the sample that comes in; its first block is whole
        inside: list[int] = []  # samples that have entered and not begun at the read-out
        at_readout, answered = -1, True
        told = -1  # the last sample that is to be dropped
        for _ in range(300):
            given = {"began": 0, "entered": 0, "begun": 0, "decided": 0}
            early = list(inside)  # a beat that enters comes to the read-out in a later cycle
            at_start = at_entry
            if rng.random() < share:
                if whole or rng.random() < 0.2:  # the next one; one that is cut never enters
                    given["began"], at_entry, whole = 1, at_entry + 1, False
                if not whole and len(inside) < SAMPLES and rng.random() < 0.6:
                    given["entered"], whole = 1, True
                    inside.append(at_entry)
            if rng.random() < share and early:
                given["begun"], at_readout, answered = 1, inside.pop(0), False
            decides = None
            if not answered and rng.random() < share:
                given["decided"], answered, decides = 1, True, at_readout
            drop = (yield given)["drop"]
            assert drop == (told == at_start and told >= 0), f"seed {seed}"
            seen_drops += drop
            if decides is not None and decides == at_entry and not given["began"]:
                told = decides
        return seen_drops

    clocked(Stop(SAMPLES), bench())


def test_it_drops_at_all() -> None:
    def bench() -> Bench[None]:
        yield {"began": 1}
        yield {"entered": 1}
        assert not (yield {"begun": 1, "decided": 1})["drop"]
        for _ in range(3):
            assert (yield {})["drop"]
        yield {"began": 1, "entered": 1}  # a block of one beat
        assert not (yield {"decided": 1})["drop"]  # of the sample before
        assert not (yield {"begun": 1})["drop"]
        assert not (yield {"decided": 1})["drop"]
        assert (yield {})["drop"]

    clocked(Stop(SAMPLES), bench())
