"""What importers find: layers, and the terms ``norm(scale * op(source) + bias)`` they add up to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from ..ops import Identity, Op, Shape
from ..trained import Norm


@dataclass(frozen=True, eq=False)
class Layer:
    """What one module computes.

    Attributes
    ----------
        path, kind: of the module; sentences call it ``module 'path' (kind)``.
        does: ``"enter"``, ``"weigh"``, ``"scale"``, ``"norm"``, ``"apply"``, ``"flatten"``,
            ``"join"`` or ``"fire"``.
        sources: layers that it reads.
        data: of weigh: real ``weights`` whose first axis are the outputs, ``bias`` or None, and
            ``make``, which takes integer weights and their ``bits`` and returns the op; of scale:
            ``scale``, ``bias`` (scalars or (C,)); of norm: ``norm``; of apply: ``op``, ``scale``;
            of fire: ``neuron``.
    """

    path: str
    kind: str
    does: str
    sources: tuple[Layer, ...] = ()
    data: dict = field(default_factory=dict)

    def __str__(self) -> str:
        return f"module {self.path!r} ({self.kind})"


@dataclass(frozen=True, eq=False)
class Term:
    """``norm(scale * op(source) + bias)``, one connection to be."""

    source: str
    op: Op = field(default_factory=Identity)
    scale: np.ndarray = np.float64(1)  # type: ignore[assignment]
    bias: np.ndarray = np.float64(0)  # type: ignore[assignment]
    norm: Norm | None = None

    @property
    def bare(self) -> bool:
        """Whether it is its source itself."""
        return self.of_source and bool((self.scale == 1).all() and (self.bias == 0).all())

    @property
    def of_source(self) -> bool:
        """Whether it is its source, scaled and shifted."""
        return self.op == Identity() and self.norm is None

    def scaled(self, scale: np.ndarray, bias: np.ndarray) -> Term:
        """Return ``scale * self + bias``."""
        if self.norm is None:
            return replace(self, scale=self.scale * scale, bias=self.bias * scale + bias)
        norm = self.norm
        gamma, beta = norm.gamma * scale, norm.beta * scale + bias
        return replace(self, norm=replace(norm, gamma=gamma, beta=beta))


@dataclass(frozen=True, eq=False)
class Value:
    """What a layer outputs: a sum of terms of this shape, perhaps flattened since."""

    terms: tuple[Term, ...]
    shape: Shape
    flat: bool = False

    @property
    def bare(self) -> bool:
        return len(self.terms) == 1 and self.terms[0].bare
