"""Published energies and times of what happens on Loihi 1, in picojoules and nanoseconds.

``davies2018``: table 2 of M. Davies et al., IEEE Micro 38(1), 2018: simulated before silicon, at
0.75 V. ``sanafe-nahuku``: ``arch/loihi.yaml`` of SANA-FE (J. Boyle et al., IEEE TCAD 2025, doi
10.1109/TCAD.2025.3537971), fitted by its authors to measurements on a Nahuku board; the file's own
head says that all come from Davies 2018, which only those of hops do.

The two differ by design. Nobody has published what an operation of Loihi 2 takes: it has none.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..value import choice


@dataclass(frozen=True)
class Constant:
    """Energy (pJ) and time (ns) of one event, and the line it is from; None: not published."""

    pj: float | None
    ns: float | None
    source: str


@dataclass(frozen=True)
class Profile:
    """Constants of every event.

    Attributes
    ----------
        chip: that they are of.
        events: by the names of ``events.EVENTS``.
        barrier: (tiles, ns) of the barrier at the end of a timestep, ascending in tiles.
        between: whether the barrier grows evenly between two of them, or in steps.
        voltage, about: of the whole.
    """

    name: str
    chip: str
    events: dict[str, Constant]
    barrier: tuple[tuple[int, float], ...]
    between: bool
    barrier_source: str
    about: str

    def barrier_ns(self, tiles: int) -> float:
        """Return the barrier of so many tiles; of more than there are published, the last."""
        low = self.barrier[0]
        for high in self.barrier:
            if tiles < high[0]:
                if not self.between or high is self.barrier[0]:
                    return low[1]
                share = (tiles - low[0]) / (high[0] - low[0])
                return low[1] + share * (high[1] - low[1])
            low = high
        return low[1]

    def table(self) -> list[dict[str, object]]:
        """Return every constant with its source, as rows."""
        rows: list[dict[str, object]] = [
            {"event": name, "pj": c.pj, "ns": c.ns, "source": c.source}
            for name, c in self.events.items()
        ]
        for tiles, ns in self.barrier:
            event = f"barrier of {tiles} tile{'s' * (tiles > 1)}"
            rows.append({"event": event, "pj": None, "ns": ns, "source": self.barrier_source})
        return rows


_DAVIES = "Davies 2018, table 2"
_SANAFE = "SANA-FE, loihi.yaml, fitted to Nahuku"
_HOPS = "SANA-FE, loihi.yaml, after Davies 2018, table 2"
PROFILES = {
    p.name: p
    for p in (
        Profile(
            "davies2018",
            "loihi1",
            {
                "neuron_idle": Constant(52.0, 5.3, f"{_DAVIES}: neuron update, inactive"),
                "neuron_active": Constant(81.0, 8.4, f"{_DAVIES}: neuron update, active"),
                "spike": Constant(None, None, "within the neuron update"),
                "synop_dense": Constant(23.6, 3.5, f"{_DAVIES}: synaptic operation"),
                "synop_window": Constant(23.6, 3.5, f"{_DAVIES}: synaptic operation"),
                "packet_out": Constant(1.7, 2.1, f"{_DAVIES}: spike within a tile"),
                "packet_in": Constant(None, None, "within the synaptic operations"),
                "hop_x": Constant(3.0, 4.1, f"{_DAVIES}: tile hop, east and west"),
                "hop_y": Constant(4.0, 6.5, f"{_DAVIES}: tile hop, north and south"),
            },
            ((1, 113.0), (32, 465.0)),
            True,
            f"{_DAVIES}: 113 to 465 ns for 1 to 32 tiles; evenly between is ours",
            "modelled before silicon, 0.75 V; without static power, host, and programming",
        ),
        Profile(
            "sanafe-nahuku",
            "loihi1",
            {
                "neuron_idle": Constant(51.2, 6.0, f"{_SANAFE}: access"),
                "neuron_active": Constant(51.2 + 21.6, 6.0 + 3.7, f"{_SANAFE}: access, update"),
                "spike": Constant(69.3, 30.0, f"{_SANAFE}: spike out"),
                "synop_dense": Constant(35.5, 3.8, f"{_SANAFE}: dense synapse"),
                "synop_window": Constant(24.0, 3.1, f"{_SANAFE}: convolution synapse"),
                "packet_out": Constant(111.0, 5.1, f"{_SANAFE}: message out"),
                "packet_in": Constant(0.0, 16.0, f"{_SANAFE}: message in"),
                "hop_x": Constant(3.0, 4.1, f"{_HOPS}: east and west"),
                "hop_y": Constant(4.2, 6.5, f"{_HOPS}: north and south; 4.0 there"),
            },
            ((1, 600.0), (2, 1000.0), (4, 1400.0), (29, 1800.0)),
            False,
            f"{_SANAFE}: table, by the tiles that are reached",
            "fitted to silicon; without static power, host, and programming",
        ),
    )
}


def profile_named(name: str | Profile) -> Profile:
    """Return a profile by its name.

    Raises
    ------
        ValueError: there is none of this name.
    """
    return name if isinstance(name, Profile) else PROFILES[choice(name, "profile", tuple(PROFILES))]
