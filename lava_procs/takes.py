"""What is run on Lava of a network: by our own Processes, and by Lava's."""

from mapping.capabilities import Takes

#: Our Processes: everything that the contract has.
OWN = Takes("lava", ops=("Dense", "Conv", "Pool", "Identity"))

_DELAYED = "where a delay would carry spikes from one sample into the next"
#: Lava's Processes: before ``stock_plan`` asks whether they run a population exactly.
STOCK = Takes(
    "lava-stock",
    ops=("Dense", "Conv", "Pool", "Identity"),
    gates=False,
    shifts=False,
    streams=False,
    delays=False,
    recurrence=False,
    held=False,
    without_threshold=False,
    why={
        "delays": _DELAYED,
        "recurrence": _DELAYED,
        "held": "as stock LIF knows none of them",
        "gates": "as no stock process multiplies a current by what depends on the input",
        "streams": "as stock LIF sends no membranes",
        "shifts": "as no stock process rounds a current",
    },
)
