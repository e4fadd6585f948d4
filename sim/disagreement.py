"""How often an integer network fires otherwise than its trained one does in float64, on data.

The certificate speaks of real arithmetic and of one population given equal inputs; this measures
whole networks. A population whose certificate is exact can differ by float64's own rounding at a
near-tie, or because what it reads differed already.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mapping import Network, TrainedNetwork, real

from .compare import first_difference
from .counts import Count
from .run import run
from .verify import MEMORY, chunk_samples

#: A membrane this near its threshold, relative to it, is a near-tie.
NEAR = 1e-5


@dataclass(frozen=True)
class Difference:
    """What a trained network and its integers came to.

    Attributes
    ----------
        spikes: population name to spikes compared and differing.
        samples: compared. differing: those with any difference.
        near_ties: those among them whose first difference is a near-tie of float64.
        classes: samples whose class differs.
    """

    spikes: dict[str, Count]
    samples: int
    differing: int
    near_ties: int
    classes: int

    def __repr__(self) -> str:
        spikes = sum(c.compared or 0 for c in self.spikes.values())
        wrong = sum(c.mismatches for c in self.spikes.values())
        return (
            f"<Difference: {wrong:,} of {spikes:,} spikes differ, in {self.differing} of "
            f"{self.samples} samples, {self.near_ties} of them first at a near-tie; "
            f"{self.classes} classes differ>"
        )


def disagreement(
    value: TrainedNetwork, network: Network, inputs: np.ndarray, memory: int = MEMORY
) -> Difference:
    """Run both on the same inputs and compare their spikes.

    Raises
    ------
        ValueError: the network is not one that was folded from this value, or bad inputs.
    """
    names, others = ([p.name for p in v.populations if p.spiking] for v in (value, network))
    if names != others or value.shapes != network.shapes:
        raise ValueError("the trained network and the integer one have different populations")
    counts = dict.fromkeys(names, (0, 0))
    differing = near = classes = 0
    chunk = chunk_samples(network, network.timesteps, memory)
    for start in range(0, len(inputs), chunk):
        part = inputs[start : start + chunk]
        meant, integers = real.run(value, part), run(network, part, record=("spikes",))
        if integers.scores is not None:
            classes += int((meant.classes != integers.classes).sum())
        wrong = {n: meant.spikes[n] != integers.spikes[n] for n in names}
        for n in names:
            counts[n] = counts[n][0] + wrong[n].size, counts[n][1] + int(wrong[n].sum())
        for sample in range(len(part)):
            first = first_difference((n, w[sample : sample + 1]) for n, w in wrong.items())
            if first is not None:
                differing += 1
                near += _near(value, meant, first, sample)
    spikes = {n: Count(*pair) for n, pair in counts.items()}
    return Difference(spikes, len(inputs), differing, near, classes)


def _near(
    value: TrainedNetwork, meant: real.RealTrace, first: tuple[str, tuple[int, ...]], sample: int
) -> bool:
    name, (_, *place) = first
    threshold = float(value[name].neuron.threshold[place[1]])
    return bool(abs(meant.u[name][(sample, *place)] - threshold) <= NEAR * max(1, abs(threshold)))
