# amaranth: UnusedElaboratable=no
"""Leave: beats wait until they are taken, and a block is only begun where there is room for it."""

from __future__ import annotations

import random

import pytest
from clocked import Bench, clocked

from hdl.cores.leave import Leave

#: Beats of a block, of a sample's first one, blocks that are held, blocks of a sample.
SHAPES = [(1, 1, 1, 1), (1, 1, 2, 3), (4, 4, 2, 1), (5, 2, 2, 3), (3, 1, 1, 4), (6, 3, 4, 2)]


def run(shape, samples: int, slow: tuple[int, int], seed: int):
    """Send samples; return what was sent, and (cycle, beat) of all that was taken.

    slow: per cent of cycles without a beat, and in which nothing is taken.
    """
    beats, first_beats, banks, blocks = shape
    rng = random.Random(seed)
    sent, flat = [], []
    for _ in range(samples):
        count = rng.randint(1, blocks)
        for n in range(count):
            size = first_beats if n == 0 else beats
            data = [rng.getrandbits(7) for _ in range(size)]
            sent.append((data, int(n == 0), int(n == count - 1)))
            flat += [(d, int(n == 0 and k == 0), int(n == count - 1 and k == size - 1))
                     for k, d in enumerate(data)]  # fmt: skip

    def sender():
        room = yield {}
        for data, first, last in sent:
            while not room or rng.randrange(100) < slow[0]:
                room = yield {}
            yield {"reserve": 1}
            for value in data:
                while rng.randrange(100) < slow[0]:
                    yield {"i_data": rng.getrandbits(7)}
                room = yield {"i_valid": 1, "i_data": value, "i_first": first, "i_last": last}
        while True:
            yield {}

    def bench() -> Bench[list[tuple[int, tuple[int, int, int]]]]:
        feed, taken = sender(), []
        given, held, cycle = next(feed), None, 0
        sizes = [len(data) for data, _, _ in sent]
        started, begun = 0, []
        while len(taken) < len(flat):
            takes = int(rng.randrange(100) >= slow[1])
            seen = yield {**given, "o_ready": takes}
            left, gone = len(taken), 0
            while left >= sizes[gone]:
                left, gone = left - sizes[gone], gone + 1
            assert started - gone <= banks  # no more blocks than it holds
            if not seen["room"]:
                assert started - gone >= banks - 1
            beat = (seen["o_data"], seen["o_first"], seen["o_last"])
            if held is not None:
                assert seen["o_valid"] and beat == held  # nothing that waits is withdrawn
            held = beat if seen["o_valid"] and not takes else None
            if seen["o_valid"] and takes:
                taken.append((cycle, beat))
            if given.get("i_valid"):
                begun.append(cycle)
            started += given.get("reserve", 0)
            # The sender sees in which cycle there is room, and begins in the next.
            given, cycle = feed.send(bool(seen["room"]) and not given.get("reserve")), cycle + 1
        return [(c - s, beat) for (c, beat), s in zip(taken, begun, strict=True)]

    return flat, clocked(Leave(7, beats=beats, beats_first=first_beats, banks=banks), bench())


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("slow", [(0, 0), (50, 0), (0, 80), (50, 50)], ids=str)
def test_beats_leave_in_order_with_the_flags_of_their_sample(shape, slow, seed) -> None:
    sent, taken = run(shape, 12, slow, seed)
    assert [beat for _, beat in taken] == sent
    if slow[1] == 0:
        assert {late for late, _ in taken} == {Leave.latency}


@pytest.mark.parametrize(("beats", "banks"), [(1, 1), (1, 2), (3, 2), (4, 3)])
def test_it_holds_its_blocks_and_says_so(beats, banks) -> None:
    def bench() -> Bench[None]:
        for block in range(banks):
            assert (yield {"reserve": 1})["room"]
            for k in range(beats):
                flags = {"i_first": block == 0, "i_last": block == banks - 1}
                yield {"i_valid": 1, "i_data": block * beats + k, **flags}
        for _ in range(5):
            assert not (yield {})["room"]
        for k in range(banks * beats):
            seen = yield {"o_ready": 1}
            assert (seen["o_valid"], seen["o_data"]) == (1, k)
            if k < beats:
                assert not seen["room"]
            if k == beats - 1:  # the end of a block was taken: room, two cycles later
                assert not (yield {})["room"]
                assert (yield {})["room"]

    clocked(Leave(7, beats=beats, beats_first=beats, banks=banks), bench())
