"""What stands in the memories of a plan: of its own network, or of another of its structure."""

from __future__ import annotations

from mapping import Network

from .cores import lane_shape
from .cores.lane_shape import LaneShape
from .cores.placing import positions
from .cores.tables import Table
from .numbers import packed, streamed
from .planned import Plan, label
from .sizes import mapped


def weights(plan: Plan, network: Network, k: int, j: int) -> list[int]:
    """Return the ROM words of connection j into population k; none where it has no weights."""
    c = plan.populations[k].connections[j]
    connection = network.populations[k].connections[j]
    if not connection.op.bits:
        return []
    ordered = streamed(connection.op, mapped(network, connection.source))
    if isinstance(c.shape, LaneShape):
        return lane_shape.packed(ordered, c.shape)
    if c.sweep is not None:
        return packed(ordered, c.shape, range(ordered.shape[1]))
    return packed(ordered, c.shape, positions(c.placing, gathered=c.source >= 0))


def memories(plan: Plan, network: Network) -> dict[str, list[int]]:
    """Return the rows of every memory by name.

    One row alone is a constant of the design, unless it is loadable.
    """
    rows = {}
    for k, p in enumerate(plan.populations):
        for j in range(len(p.connections)):
            if words := weights(plan, network, k, j):
                rows[f"weights_{label(plan, k, j)}"] = words
        for j, widths in p.gates.items():
            gating = plan.gating(network, k, j)
            table = Table(gating.columns(), p.order.lanes, gating.memory)
            if gating.counts and table.row_bits:
                rows[f"weighing_{label(plan, k, j)}"] = table.rows()
            rows[f"factors_{label(plan, k, j)}"] = gating.rows(p.order, widths.factor)
        columns = p.parameters(network.populations[k]).columns()
        table = Table(columns, p.order.lanes, p.memory)
        if table.row_bits:
            rows[f"parameters_{k}"] = table.rows()
    return rows
