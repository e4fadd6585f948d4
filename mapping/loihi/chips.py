"""Limits of Loihi 1 and 2, each with its source; None where nobody has published it.

Davies 2018: M. Davies et al., "Loihi: a neuromorphic manycore processor with on-chip learning",
IEEE Micro 38(1), 2018. Davies 2021: M. Davies et al., Proc. IEEE 109(5), 2021. nengo-loihi: its
source, version 1.1 (Apache-2.0), written against Intel's NxSDK. Brief: Intel's technology brief
"Taking neuromorphic computing to the next level with Loihi 2", 2021. Lava: lava-nc 0.10.0.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from ..value import choice


@dataclass(frozen=True)
class Limit:
    """A number, and where it is from.

    Attributes
    ----------
        value: most of it, or None: unpublished, and then nothing is checked.
        source: who says so.
    """

    value: int | None
    source: str

    def holds(self, used: int) -> bool:
        """Whether so much keeps it."""
        return self.value is None or used <= self.value


UNPUBLISHED = "not published"


@dataclass(frozen=True)
class Chip:
    """What a neurocore has of everything that is counted, and the mesh that cores stand on.

    Attributes
    ----------
        compartments: neurons. synapse_bits: of synaptic memory. memory_bytes: of all memory.
        axons_in, axons_out: entries of input axons, and slots of output axons.
        thresholds: distinct ones. configurations: of leak, refractory time and delay of decay.
        formats: of synapses; a group of synapses from one connection into one tile has one.
        atoms: neurons that share a population axon.
        base_reach: compartments that a population axon's base can name.
        state_bytes: of memory_bytes that a neuron takes.
        weight_bits: of a stored weight. delay: timesteps of a synapse. payload_bits: of a spike.
        columns, rows: tiles of the mesh. cores_per_tile, cores: of a chip. chips: of a system.
    """

    name: str
    compartments: Limit
    synapse_bits: Limit
    memory_bytes: Limit
    axons_in: Limit
    axons_out: Limit
    thresholds: Limit
    configurations: Limit
    formats: Limit
    atoms: Limit
    base_reach: Limit
    state_bytes: Limit
    weight_bits: Limit
    delay: Limit
    payload_bits: Limit
    columns: Limit
    rows: Limit
    cores_per_tile: Limit
    cores: Limit
    chips: Limit

    def table(self) -> list[dict[str, object]]:
        """Return every limit with its source, as rows."""
        limits = [(f.name, getattr(self, f.name)) for f in fields(self) if f.name != "name"]
        return [{"limit": name, "value": one.value, "source": one.source} for name, one in limits]


_NENGO = "nengo-loihi"
LOIHI1 = Chip(
    name="loihi1",
    compartments=Limit(1024, "Davies 2018, p. 89"),
    synapse_bits=Limit(16384 * 64, "Davies 2018, p. 89: 128 KB a core"),
    memory_bytes=Limit(None, "state and synapses have memories of their own"),
    axons_in=Limit(4096, "Davies 2018, p. 89"),
    axons_out=Limit(4096, "Davies 2018, p. 89"),
    thresholds=Limit(8, f"{_NENGO}: MAX_VTH_CFGS; its validator lets 16 pass"),
    configurations=Limit(32, f"{_NENGO}: compartment configurations of a core"),
    formats=Limit(8, f"{_NENGO}: MAX_SYNAPSE_CFGS; its validator lets 16 pass"),
    atoms=Limit(512, f"{_NENGO}: 9 bits of a population's atom"),
    base_reach=Limit(256, f"{_NENGO}: base of a population axon"),
    state_bytes=Limit(24, "Intel, Loihi 2 brief: fixed in Loihi 1"),
    weight_bits=Limit(8, "Davies 2018, p. 87: and a sign"),
    delay=Limit(62, "Davies 2018, p. 92"),
    payload_bits=Limit(1, "Davies 2018: a spike carries no number"),
    columns=Limit(8, "SANA-FE's loihi.yaml; 32 tiles: Davies 2018, table 2"),
    rows=Limit(4, "SANA-FE's loihi.yaml; 32 tiles: Davies 2018, table 2"),
    cores_per_tile=Limit(4, "Davies 2018: 128 cores in 32 tiles"),
    cores=Limit(128, "Davies 2018, p. 86"),
    chips=Limit(16384, "Davies 2018, p. 86"),
)
_AS_1 = "as Loihi 1: its own is not published"
LOIHI2 = Chip(
    name="loihi2",
    compartments=Limit(8192, "Intel brief 2021, by public transcriptions"),
    synapse_bits=Limit(128 * 1024 * 8, "Intel brief 2021, by transcriptions: 128 KB of 192"),
    memory_bytes=Limit(192 * 1024, "Intel brief 2021, by public transcriptions"),
    axons_in=Limit(None, UNPUBLISHED),
    axons_out=Limit(None, UNPUBLISHED),
    thresholds=Limit(None, "thresholds are a neuron program's: Intel brief 2021"),
    configurations=Limit(None, "decays are a neuron program's: Intel brief 2021"),
    formats=Limit(None, UNPUBLISHED),
    atoms=Limit(512, _AS_1),
    base_reach=Limit(None, UNPUBLISHED),
    state_bytes=Limit(8, "ours: two words a neuron, membrane and threshold or counter"),
    weight_bits=Limit(8, "arXiv 2601.10035, section III"),
    delay=Limit(62, "lava-dl netx clamps its 6 bits"),
    payload_bits=Limit(32, "Intel brief 2021: graded spikes"),
    columns=Limit(8, "arXiv 2601.10035: 8 x 4 routers"),
    rows=Limit(4, "arXiv 2601.10035: 8 x 4 routers"),
    cores_per_tile=Limit(4, "arXiv 2601.10035: 4 cores a router"),
    cores=Limit(128, "Intel brief 2021; boards report 120 to 128 usable ones"),
    chips=Limit(16384, _AS_1),
)
CHIPS = {chip.name: chip for chip in (LOIHI1, LOIHI2)}


def chip_named(name: str | Chip) -> Chip:
    """Return a chip by its name.

    Raises
    ------
        ValueError: there is none of this name.
    """
    return name if isinstance(name, Chip) else CHIPS[choice(name, "chip", tuple(CHIPS))]
