"""What the layers of a network are made of, chosen once; networks are built from it."""

from __future__ import annotations

from dataclasses import dataclass, field

from mapping import INPUT, Input
from mapping.value import integer

from .gate import Gate
from .graph import Connection, Population, SpikingNetwork
from .neurons import Dynamics, Integrator, Lif, Neurons, Stream
from .norm import Norm
from .ops import Conv, Dense, Identity, Op, Pool
from .weights import Bipolar, Fixed, Real, Weights

WEIGHTS = ("binary", "8bit", "float")


@dataclass(frozen=True)
class Style:
    """Choices that hold for all layers of a network.

    Attributes
    ----------
        weights, first, last, downsample: weights of the layers between, of the first, of the last,
            and of the 1x1 convolutions beside a stride: ``"binary"``, ``"8bit"`` or ``"float"``
            (which cannot be mapped).
        dynamics: of every LIF population.
        gates: an adaptive gate after each binary layer between the ends.
        gate_axes: what a gate's mean runs over, ``"all"`` or ``"map"``.
        gate_skip: whether a skip is added ``"after"`` the gate, or ``"before"`` it.
        norm: batch norm after each layer; without it layers have no bias at all.
    """

    weights: str = "binary"
    first: str = "8bit"
    last: str = "8bit"
    downsample: str = "binary"
    dynamics: Dynamics = field(default_factory=Dynamics)
    gates: bool = False
    gate_axes: str = "all"
    gate_skip: str = "after"
    norm: bool = True

    def __post_init__(self) -> None:
        for name in ("weights", "first", "last", "downsample"):
            if getattr(self, name) not in WEIGHTS:
                raise ValueError(
                    f"{name} must be one of {', '.join(WEIGHTS)}, not {getattr(self, name)!r}"
                )
        if self.gate_axes not in ("all", "map"):
            raise ValueError(f"gate_axes must be 'all' or 'map', not {self.gate_axes!r}")
        if self.gate_skip not in ("after", "before"):
            raise ValueError(f"gate_skip must be 'after' or 'before', not {self.gate_skip!r}")


class Builder:
    """A network that grows population by population; shapes follow from what is there.

    Args:
        enter: how samples enter. timesteps: T. style: of the layers.
    """

    def __init__(self, enter: Input, timesteps: int, style: Style) -> None:
        self.enter, self.timesteps, self.style = enter, timesteps, style
        self.populations: list[Population] = []
        self.shapes: dict[str, tuple[int, ...]] = {INPUT: enter.shape}

    def kind_of(self, kind: str, shared: bool = False) -> Weights:
        """Return the weights of a kind; ``shared``: one scale for the layer."""
        scale = "layer" if shared else "channel"
        return {"binary": Bipolar(scale), "8bit": Fixed(8, scale), "float": Real()}[kind]

    def conv(
        self, source: str, outputs: int, size: int = 3, stride: int = 1, kind: str | None = None,
        gate: bool = False,
    ) -> Connection:  # fmt: skip
        """Return a convolution with its norm, and a gate if the style has them."""
        integer(outputs, "channels of a layer", 1)
        weights = self.kind_of(kind or self.style.weights, shared=not self.style.norm)
        op = Conv(self.shapes[source][0], outputs, size, weights, stride)
        return self._layer(source, op, outputs, gate)

    def dense(
        self, source: str, outputs: int, kind: str | None = None, gate: bool = False
    ) -> Connection:
        """Return a dense layer with its norm, and a gate if the style has them."""
        integer(outputs, "neurons of a layer", 1)
        weights = self.kind_of(kind or self.style.weights, shared=not self.style.norm)
        op = Dense(self._size(source), outputs, weights)
        return self._layer(source, op, outputs, gate)

    def _layer(self, source: str, op: Op, outputs: int, gate: bool) -> Connection:
        norm = Norm(outputs) if self.style.norm else None
        return Connection(source, op, norm, self.gate() if gate else None)

    def gate(self) -> Gate | None:
        """Return a gate, if the style has them."""
        return Gate(self.timesteps, self.style.gate_axes) if self.style.gates else None

    def skip(self, source: str) -> Connection:
        """Return the source itself."""
        return Connection(source, Identity())

    def lif(self, name: str, *connections: Connection) -> str:
        """Add a spiking population; return its name.

        With ``gate_skip="before"`` a gate beside a skip moves behind their sum, a stream.
        """
        gated = [c for c in connections if c.gate is not None]
        if gated and len(connections) > 1 and self.style.gate_skip == "before":
            return self.add(name, Lif(self.style.dynamics), self._gated_sum(name, connections))
        return self.add(name, Lif(self.style.dynamics), *connections)

    def stream(self, name: str, *connections: Connection) -> str:
        """Add a population without neurons; return its name. Gates as of ``lif``."""
        gated = [c for c in connections if c.gate is not None]
        if gated and len(connections) > 1 and self.style.gate_skip == "before":
            return self.add(name, Stream(), self._gated_sum(name, connections))
        return self.add(name, Stream(), *connections)

    def _gated_sum(self, name: str, connections: tuple[Connection, ...]) -> Connection:
        gate = next(c.gate for c in connections if c.gate is not None)
        for c in connections:
            c.gate = None
        return Connection(self.add(f"{name}.sum", Stream(), *connections), Identity(), gate=gate)

    def pool(
        self, name: str, source: str, size: int, kind: str = "mean", stride: int | None = None,
        padding: int = 0,
    ) -> str:  # fmt: skip
        """Add a pool; return its name."""
        return self.add(name, Stream(), Connection(source, Pool(size, stride, padding, kind)))

    def add(self, name: str, neurons: Neurons, *connections: Connection) -> str:
        """Add a population; return its name."""
        self.populations.append(Population(name, neurons, list(connections)))
        first = connections[0]
        self.shapes[name] = out_shape(first.op, self.shapes[first.source])
        return name

    def finish(self, source: str, classes: int) -> SpikingNetwork:
        """Add the read-out, whose classes share one scale, and return the network."""
        weights = self.kind_of(self.style.last, shared=True)
        op = Dense(self._size(source), classes, weights, bias=self.style.norm)
        self.add("out", Integrator(), Connection(source, op))
        return SpikingNetwork(self.enter, self.populations, self.timesteps)

    def _size(self, source: str) -> int:
        size = 1
        for n in self.shapes[source]:
            size *= n
        return size


def out_shape(op: Op, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the shape of what an operator makes of a source of this shape."""
    return op.geometry().out_shape(shape)
