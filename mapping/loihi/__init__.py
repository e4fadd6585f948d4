"""Neurocores of Loihi 1 and 2: limits, partition, placement on the mesh, energy and time.

Nothing here needs Lava, and no chip was ever run::

    placed = loihi.place(network, "loihi1", spikes=mean_spikes)   # cores, their places, traffic
    loihi.check(network, placed)                                  # every rule, counted anew
    counted = loihi.events(network, placed, outputs)              # what happens on every core
    loihi.estimate(network, placed, counted, "davies2018")        # energy and time of a sample

What is where, from the ground up:

``chips``                 limits as data, a source beside each number.
``values``                tiles, cores, placements.
``reach``, ``formula``    which sources reach a tile; bits of its synapses, axons.
``demand``, ``grids``     output axons that readers ask for; the split of one population.
``partition``             grids of all populations, cores filled.
``traffic``               spikes from core to core.
``mesh``, ``moves``, ``placement``  places, swaps that shorten the way, the whole of it.
``recount``, ``check``    the same rules, counted from the network alone.
``holds``                 what of a population the chip could compute as it is.
``profiles``, ``events``, ``estimate``  published constants, what happens on cores, the bill.
``sanafe``                files for SANA-FE.
``flows``, ``document``   packets over links; all of it as JSON.
"""

from .check import check
from .chips import CHIPS, Chip, Limit
from .estimate import estimate
from .events import events, mean_spikes, outputs_of
from .holds import Hold, holds
from .placement import place
from .profiles import PROFILES
from .sanafe import export as export_sanafe
from .values import Core, Placement, Tile

__all__ = [
    "CHIPS",
    "PROFILES",
    "Chip",
    "Core",
    "Hold",
    "Limit",
    "Placement",
    "Tile",
    "check",
    "estimate",
    "events",
    "export_sanafe",
    "holds",
    "mean_spikes",
    "outputs_of",
    "place",
]
