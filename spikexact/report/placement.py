"""Where a network's populations lie on a chip's mesh, and how much its links carry."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .drawing import INK, LINE, MARK, Drawing, svg

#: Tiles of a chip, as they are drawn: columns, rows.
CHIP = (8, 4)
#: Populations that get a colour of their own; more of them share the last.
COLOURS = (
    "#2456c8", "#b3261e", "#2e7d32", "#8e5bb5", "#d08700", "#00838f", "#ad1457", "#5d4037",
    "#607d8b", "#9e9d24", "#3949ab", "#6d6d6d",
)  # fmt: skip


@dataclass(frozen=True)
class Placed:
    """What a page says of place.json.

    Attributes
    ----------
        summary: of report.json. tiles: (x, y) to how many of its cores hold each population.
        links: x, y, x, y of both ends, and packets of a sample.
    """

    summary: dict[str, Any]
    tiles: dict[tuple[int, int], dict[str, int]]
    links: list[tuple[float, ...]]
    size: tuple[int, int]

    @property
    def populations(self) -> list[dict[str, Any]]:
        """Rows of a table: how each is split, and whether a chip could hold it as it is."""
        return [
            {
                "population": row["population"],
                "neurons": row["neurons"],
                "cores": row["cores"],
                "tile": " x ".join(map(str, row["tile"])),
                "binds": row["binds"],
                "as it is": "yes" if row["as_is"] else "no: " + "; ".join(row["reasons"][:2]),
            }
            for row in self.summary["populations"]
        ]

    @property
    def energies(self) -> list[dict[str, Any]]:
        """Rows of a table: a sample under each published profile."""
        return [
            {
                "profile": one["profile"],
                "microjoules": one["energy_pj"] * 1e-6,
                "microseconds": one["time_ns"] * 1e-3,
                "of it": "; ".join([one["about"], *one["beyond"]]),
            }
            for one in self.summary["estimates"]
        ]


def placed(found: dict[str, Any]) -> Placed:
    """Return what a page says of place.json; a lookup or a type that fails means a damaged file."""
    tiles: dict[tuple[int, int], dict[str, int]] = {}
    for core in found["cores"]:
        names = tiles.setdefault((int(core["x"]), int(core["y"])), {})
        for name in {tile["population"] for tile in core["tiles"]}:
            names[name] = names.get(name, 0) + 1
    same = (
        "chip", "measured", "seed", "cores_used", "chips", "spike_hops", "spike_hops_row_major",
        "broken",
    )  # fmt: skip
    holds = {row["population"]: row for row in found["holds"]}
    parts = ("profile", "about", "energy_pj", "time_ns", "beyond")
    summary = {
        **{key: found[key] for key in same},
        "populations": [
            {
                **row,
                "as_is": holds[row["population"]]["as_is"],
                "reasons": holds[row["population"]]["reasons"],
            }
            for row in found["populations"]
        ],
        "estimates": [{key: one[key] for key in parts} for one in found["estimates"]],
    }
    columns, rows = (int(n) for n in found["chips"])
    links = [tuple(float(n) for n in link) for link in found["links"]]
    return Placed(summary, tiles, links, (columns * CHIP[0], rows * CHIP[1]))


def drawings(part: Placed) -> list[Drawing]:
    """Draw the mesh: tiles by population, links as thick as what they carry; in ``styled``."""
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch, Rectangle

    width, height = part.size
    figure = Figure((7.2, max(2.2, 7.2 * height / width * 0.8 + 1)), layout="constrained")
    axes = figure.subplots()
    axes.set_aspect("equal")
    axes.axis("off")
    names = [row["population"] for row in part.summary["populations"]]
    colours = {name: COLOURS[min(k, len(COLOURS) - 1)] for k, name in enumerate(names)}
    for x in range(width):
        for y in range(height):
            held, left = part.tiles.get((x, y), {}), x - 0.3
            for name in sorted(held, key=names.index):
                each = 0.6 * held[name] / sum(held.values())
                axes.add_patch(Rectangle((left, y - 0.3), each, 0.6, facecolor=colours[name],
                                         alpha=0.75, linewidth=0))  # fmt: skip
                left += each
            axes.add_patch(Rectangle((x - 0.3, y - 0.3), 0.6, 0.6, fill=False, edgecolor=LINE,
                                     linewidth=0.6))  # fmt: skip
    for x in range(0, width, CHIP[0]):
        for y in range(0, height, CHIP[1]):
            axes.add_patch(Rectangle((x - 0.5, y - 0.5), *CHIP, fill=False, edgecolor=INK,
                                     linewidth=0.8))  # fmt: skip
    most = max((link[4] for link in part.links), default=1.0)
    ends = [((x0, y0), (x1, y1)) for x0, y0, x1, y1, _ in part.links]
    wide = [0.2 + 3.8 * link[4] / most for link in part.links]
    axes.add_collection(LineCollection(ends, linewidths=wide, colors=MARK, alpha=0.6, zorder=3))
    axes.set_xlim(-0.7, width - 0.3)
    axes.set_ylim(-0.7, height - 0.3)
    axes.legend(
        handles=[Patch(color=colours[name], alpha=0.75, label=name) for name in names[:24]],
        loc="upper center", bbox_to_anchor=(0.5, 0.0), ncols=6,
    )  # fmt: skip
    spread = "spikes of the data" if part.summary["measured"] else "one spike a neuron"
    text = (
        f"Mesh of {width} by {height} tiles; {len(part.tiles)} are used; the busiest link carries "
        f"{most:,.0f} packets a sample."
    )
    caption = (
        f"{part.summary['cores_used']} cores of {part.summary['chip']}, {spread}: a square is a "
        f"tile of four cores in the colours of their populations, a frame is a chip, and a line is "
        f"as thick as the packets that it carries (at most {most:,.0f} a sample)"
    )
    return [Drawing("placement-mesh", svg(figure, "placement-mesh", text), caption)]
