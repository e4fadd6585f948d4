"""What stands in the memories of a plan: of its own network, or of another of its structure."""

from __future__ import annotations

from mapping import Network

from .cores.tables import Table
from .numbers import packed
from .planned import Plan, label, positions


def weights(plan: Plan, network: Network, k: int, j: int) -> list[int]:
    """Return the ROM words of connection j into population k."""
    c = plan.populations[k].connections[j]
    places = positions(c.placing, gathered=c.source >= 0)
    return packed(network.populations[k].connections[j].op, c.shape, places)


def memories(plan: Plan, network: Network) -> dict[str, list[int]]:
    """Return the rows of every memory by name.

    One row alone is a constant of the design, unless it is loadable.
    """
    rows = {}
    for k, p in enumerate(plan.populations):
        for j in range(len(p.connections)):
            rows[f"weights_{label(plan, k, j)}"] = weights(plan, network, k, j)
        columns = p.parameters(network.populations[k]).columns()
        table = Table(columns, p.order.lanes, p.memory)
        if table.row_bits:
            rows[f"parameters_{k}"] = table.rows()
    return rows
