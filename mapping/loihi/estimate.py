"""Energy and time of a sample under a published profile: modelled, and no chip was measured.

A timestep takes as long as its slowest core, the longest route that a packet takes, and the
barrier of all tiles. Cores do their own events one after the other. What a profile leaves out
(static power, host, what lies between chips) is not in it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..network import Network
from ..value import Unsupported
from .events import EVENTS, Events
from .profiles import Profile, profile_named
from .values import Placement

#: What of a core's energy each event is.
PARTS = {
    "neurons": ("neuron_idle", "neuron_active"),
    "spikes": ("spike", "packet_out", "packet_in"),
    "synapses": ("synop_dense", "synop_window"),
    "hops": ("hop_x", "hop_y"),
}


@dataclass(frozen=True)
class Estimate:
    """What a sample costs, the mean over a run.

    Attributes
    ----------
        energy_pj: of a sample. time_ns: of a sample, timesteps one after the other.
        timestep_ns: (T,) mean over the samples.
        layers, cores: rows with counts and picojoules of a sample.
        beyond: what the profile has no number for, sentences.
    """

    profile: Profile
    energy_pj: float
    time_ns: float
    timestep_ns: np.ndarray
    layers: list[dict[str, Any]]
    cores: list[dict[str, Any]]
    beyond: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return {
            "profile": self.profile.name,
            "about": self.profile.about,
            "constants": self.profile.table(),
            "energy_pj": self.energy_pj,
            "time_ns": self.time_ns,
            "timestep_ns": self.timestep_ns.tolist(),
            "layers": self.layers,
            "cores": self.cores,
            "beyond": list(self.beyond),
        }


def estimate(
    network: Network, placement: Placement, counted: Events, profile: Profile | str
) -> Estimate:
    """Return energy and time of a sample.

    Args:
        counted: of ``events.events``.

    Raises
    ------
        Unsupported: the profile is of another chip: of Loihi 2 none is published.
    """
    named = profile_named(profile)
    if named.chip != placement.chip.name:
        raise Unsupported(
            f"profile {named.name!r} is of {named.chip}: what an operation of "
            f"{placement.chip.name} takes is not published"
        )
    constants = named.events
    samples = counted.samples
    pj = {e: counted.counts[e].sum(axis=0) / samples * (constants[e].pj or 0.0) for e in EVENTS}
    cores = np.array([core for core, _ in counted.tiles])
    many = len(placement.cores)
    busy = sum(counted.counts[e] * (constants[e].ns or 0.0) for e in EVENTS if "hop" not in e)
    of_core = np.zeros((len(busy), many))
    np.add.at(of_core, (slice(None), cores), busy)
    route = counted.farthest @ [constants["hop_x"].ns or 0.0, constants["hop_y"].ns or 0.0]
    tiles = len(np.unique(placement.places[:, :2], axis=0))
    steps = of_core.max(axis=1) + route + named.barrier_ns(tiles)
    steps = steps.reshape(samples, counted.timesteps).mean(axis=0)
    beyond = []
    if tiles > named.barrier[-1][0] and placement.chips != (1, 1):
        beyond.append(
            f"the barrier of {tiles} tiles on {placement.chips[0] * placement.chips[1]} chips: "
            f"that of {named.barrier[-1][0]} stands for it, and the time is too short"
        )
    if counted.crossings:
        beyond.append(
            f"{counted.crossings:,.0f} packets a sample that leave their chip: counted as hops"
        )
    names = np.array([name for _, name in counted.tiles])
    layers = [
        {"population": p.name, **_row(counted, pj, names == p.name)} for p in network.populations
    ]
    rows = [
        {
            "core": k,
            **_row(counted, pj, cores == k),
            "busy_ns": float(of_core[:, k].sum()) / samples,
        }
        for k in range(many)
    ]
    total = float(sum(x.sum() for x in pj.values()))
    return Estimate(named, total, float(steps.sum()), steps, layers, rows, tuple(beyond))


def _row(counted: Events, pj: dict[str, np.ndarray], chosen: np.ndarray) -> dict[str, Any]:
    """Return counts and picojoules of some tiles."""
    counts = {
        f"{e}s" if not e.startswith("neuron") else e: float(
            counted.counts[e][:, chosen].sum() / counted.samples
        )
        for e in EVENTS
    }
    parts = {
        f"pj_{part}": float(sum(pj[e][chosen].sum() for e in of)) for part, of in PARTS.items()
    }
    return {**counts, **parts, "pj": sum(parts.values())}
