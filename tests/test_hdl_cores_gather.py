# amaranth: UnusedElaboratable=no
"""Gather: lanes become beats; what the last neuron cuts off stands in the high bits."""

from __future__ import annotations

import pytest
from clocked import joined, lanes, played

from hdl.cores.gather import Gather


@pytest.mark.parametrize(
    ("at_once", "wide", "bits", "neurons"),
    [(1, 1, 1, 5), (1, 4, 1, 12), (1, 4, 1, 10), (2, 6, 1, 16), (2, 2, 3, 8), (3, 6, 5, 15),
     (1, 8, 1, 3), (4, 8, 2, 4)],
)  # fmt: skip
@pytest.mark.parametrize("gaps", [False, True])
def test_elements_stand_in_their_order(at_once, wide, bits, neurons, gaps, rng) -> None:
    rows, wanted = [], []
    for block in range(6):
        values = rng.integers(0, 1 << bits, neurons).tolist()
        first, last = int(block % 3 == 0), int(block % 3 == 2)
        for at in range(0, neurons, at_once):
            while gaps and rng.random() < 0.4:
                rows.append({"data": int(rng.integers(1 << bits)), "end": int(rng.integers(2))})
            data = joined(values[at : at + at_once], bits)
            end = int(at + at_once == neurons)
            rows.append({"valid": 1, "data": data, "end": end, "first": first, "last": last})
            so_far = at + at_once
            if end or so_far % wide == 0:
                here = (so_far - 1) % wide + 1
                wanted.append((len(rows) - 1, values[so_far - here : so_far], first, last))
    seen = played(Gather(at_once, wide, bits), [*rows, {}, {}])
    came = [c for c, s in enumerate(seen) if s["o_valid"]]
    assert came == [c + Gather.latency for c, *_ in wanted]
    for c, (_, values, first, last) in zip(came, wanted, strict=True):
        assert lanes(seen[c]["o_data"], bits, wide)[-len(values) :] == values
        assert (seen[c]["o_first"], seen[c]["o_last"]) == (first, last)


def test_lanes_that_do_not_divide_a_beat_are_refused() -> None:
    with pytest.raises(ValueError, match="3 lanes do not divide a beat of 8"):
        Gather(3, 8)
