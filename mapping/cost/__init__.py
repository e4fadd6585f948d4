"""What a network costs: its size, and the operations and the energy of a sample.

``size`` and ``storage`` need the network alone, ``cost`` what it did on data::

    trace = sim.run(network, inputs)
    mapping.cost.cost(network, inputs, trace)     # SOPs, MACs, energy, firing rates; JSON
"""

from .activity import Activity, cost
from .energy import CONSTANTS, Constants
from .size import Size, size
from .storage import Storage, storage
from .summary import summary
from .work import Work, lines, operations, totals

__all__ = [
    "CONSTANTS",
    "Activity",
    "Constants",
    "Size",
    "Storage",
    "Work",
    "cost",
    "lines",
    "operations",
    "size",
    "storage",
    "summary",
    "totals",
]
