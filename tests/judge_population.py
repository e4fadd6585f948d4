"""The judge of one population: trained equations in exact arithmetic, from raw parameters.

It shares no code with fold, certify, affine or intervals. A value is a rational plus rational
multiples of square roots (one of each connection with batch norm, per channel), held as arrays of
Fractions; signs are decided by integers, never by floats where it is close.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

Parts = list[np.ndarray]  # rational part, then the coefficient of each root; object arrays

_fraction = np.vectorize(Fraction, otypes=[object])


def exactly(values: Any) -> np.ndarray:
    """Return Fractions of floats or integers."""
    return _fraction(np.asarray(values, dtype=object))


def _float(x: Fraction) -> float:
    try:
        return float(x)
    except OverflowError:
        return math.inf if x > 0 else -math.inf


floats = np.vectorize(_float, otypes=[float])


def root(w: Fraction) -> Fraction | None:
    """Return sqrt(w) if it is rational."""
    up, down = math.isqrt(w.numerator), math.isqrt(w.denominator)
    return Fraction(up, down) if up * up == w.numerator and down * down == w.denominator else None


def sign_of(parts: list[Fraction], roots: list[Fraction]) -> int:
    """Return the sign of ``parts[0] + sum_k parts[k] * sqrt(roots[k - 1])``."""
    terms: dict[Fraction, Fraction] = {Fraction(1): parts[0]}
    for s, w in zip(parts[1:], roots, strict=True):
        if not s:
            continue
        for known in terms:
            ratio = root(w / known)
            if ratio is not None:
                terms[known] += s * ratio
                break
        else:
            terms[w] = s
    terms = {w: s for w, s in terms.items() if s}
    if not terms:
        return 0
    for bits in (64, 300, 2000, 9000):
        low = high = 0
        for w, s in terms.items():
            square = s * s * w * (1 << 2 * bits)
            whole = math.isqrt(square.numerator // square.denominator)
            low += whole if s > 0 else -whole - 1
            high += whole + 1 if s > 0 else -whole
        if low > 0 or high < 0:
            return 1 if low > 0 else -1
    raise ArithmeticError("an undecided sign")


def op(kind: Any, source: np.ndarray) -> np.ndarray:
    """Return op(source) of Fractions, (samples, *shape), by loops over windows."""
    name = type(kind).__name__
    if name == "Identity":
        return source
    if name == "Dense":
        return source.reshape(len(source), -1) @ kind.weights.T.astype(object)
    rows, cols = kind.kernel if name == "Pool" else kind.weights.shape[2:]
    dilation = getattr(kind, "dilation", (1, 1))
    _, height, width = source.shape[1:]
    (pr, pc), (sr, sc) = kind.padding, kind.stride
    out_rows = (height + 2 * pr - dilation[0] * (rows - 1) - 1) // sr + 1
    out_cols = (width + 2 * pc - dilation[1] * (cols - 1) - 1) // sc + 1
    channels = source.shape[1] if name == "Pool" else kind.weights.shape[0]
    out = np.full((len(source), channels, out_rows, out_cols), Fraction(0), object)
    for r in range(out_rows):
        for c in range(out_cols):
            seen = []
            for i in range(rows):
                for j in range(cols):
                    y, x = r * sr + i * dilation[0] - pr, c * sc + j * dilation[1] - pc
                    inside = 0 <= y < height and 0 <= x < width
                    here = source[:, :, y, x] if inside else source[:, :, 0, 0] * 0
                    seen.append((i, j, here))
            if name == "Pool":
                stack = np.stack([here for _, _, here in seen])
                out[:, :, r, c] = stack.sum(axis=0) if kind.kind == "sum" else stack.max(axis=0)
                continue
            each, fan = channels // kind.groups, kind.weights.shape[1]
            for g in range(kind.groups):
                for i, j, here in seen:
                    w = kind.weights[g * each : (g + 1) * each, :, i, j].astype(object)
                    part = here[:, g * fan : (g + 1) * fan] @ w.T
                    out[:, g * each : (g + 1) * each, r, c] += part
    return out


def looked_up(gate: Any, acc: np.ndarray, t: int) -> np.ndarray:
    """Return the factors of a gate that is a table, to broadcast over acc (samples, C, ...)."""
    total = acc.reshape(*acc.shape[:2], -1).sum(axis=2) * exactly(gate.table.weights)
    if not gate.per_channel:
        total = total.sum(axis=1, keepdims=True)
    row = exactly(gate.table.factors[t])
    found = np.empty(total.shape, object)
    for place, value in np.ndenumerate(total + exactly(gate.table.offset)):
        found[place] = row[min(max(math.floor(value), 0), len(row) - 1)]
    return found.reshape(*found.shape, *(1 for _ in acc.shape[2:]))


class PopulationJudge:
    """One trained population, run in exact arithmetic; a sigmoid's factor alone is a float.

    Args:
        population: a mapping.trained.Population. shape: (samples, *shape) of its values.
    """

    def __init__(self, population: Any, shape: tuple[int, ...]) -> None:
        self.p, self.n = population, population.neuron
        self.shape = shape
        self.tau = Fraction(self.n.leak)
        self.roots: list[np.ndarray] = []  # per connection, (C,) of V = var + eps, or of ones
        for c in population.connections:
            ones = exactly(np.ones(shape[1], int))
            self.roots.append(
                ones if c.norm is None else exactly(c.norm.var) + Fraction(c.norm.eps)
            )
        zero = np.full(shape, Fraction(0), object)
        self.u: Parts = [zero + Fraction(self.n.v_init), *(zero for _ in self.roots)]
        self.seen: Parts = self.u
        self.late = zero
        self.fired = np.zeros(shape, int)
        self.rest = np.zeros(shape, int)
        self.ties = 0

    def wide(self, channels: Any) -> np.ndarray:
        """Return one number per channel, shaped to broadcast."""
        return exactly(channels).reshape(-1, *(1 for _ in self.shape[2:]))

    def currents(
        self, sources: list[np.ndarray | None], t: int, table: np.ndarray | None = None
    ) -> Parts:
        """Return input_gain * sum of currents; a source is None before its delay."""
        total = [np.full(self.shape, Fraction(0), object) for _ in self.u]
        for k, (c, source) in enumerate(zip(self.p.connections, sources, strict=True), 1):
            acc = np.full(self.shape, Fraction(0), object) if source is None else op(c.op, source)
            plain = self.wide(c.scale) * acc + self.wide(c.bias)
            rooted = plain * 0
            v = self.roots[k - 1].reshape(-1, *(1 for _ in self.shape[2:]))
            if c.norm is not None:
                # gamma (x - mean) / sqrt(V) = gamma (x - mean) / V * sqrt(V)
                rooted = self.wide(c.norm.gamma) * (plain - self.wide(c.norm.mean)) / v
                plain = self.wide(c.norm.beta) + rooted * 0
            if c.gate is not None:
                if c.gate.table is not None:
                    factor = looked_up(c.gate, acc, t)
                else:
                    factor = table if table is not None else sigmoid(c.gate, plain, rooted, v, t)
                plain, rooted = plain * factor, rooted * factor
            total[0], total[k] = total[0] + plain, total[k] + rooted
        return [part * Fraction(self.n.input_gain) for part in total]

    def step(
        self,
        sources: list[np.ndarray | None],
        t: int,
        table: np.ndarray | None = None,
        forced: np.ndarray | None = None,
    ) -> np.ndarray:
        """Take one timestep; return spikes (bool), or nothing of use without a threshold.

        Args:
            table: what a gate's table says for this timestep, to broadcast over the current.
            forced: spikes that are fired in the place of its own.

        Attributes ``ties`` and ``seen`` (the membrane before reset) are left behind.
        """
        n = self.n
        rest = Fraction(n.v_rest)
        currents = self.currents(sources, t, table)
        parts = [part * self.tau + more for part, more in zip(self.u, currents, strict=True)]
        parts[0] = parts[0] + rest * (1 - self.tau) - self.late
        if n.threshold is None:
            self.u = self.seen = parts
            return np.zeros(self.shape, bool)
        held = self.rest > 0
        if n.max_spikes is not None:
            held |= self.fired >= n.max_spikes
        parts[0] = np.where(held, Fraction(n.v_reset), parts[0])
        parts[1:] = [np.where(held, Fraction(0), part) for part in parts[1:]]
        threshold = np.broadcast_to(self.wide(n.threshold), self.shape)
        above = self.signs([parts[0] - threshold, *parts[1:]])
        self.ties += int(((above == 0) & ~held).sum())
        spikes = above > 0 if n.compare == ">" else above >= 0
        if n.fire_by == t:
            spikes |= self.fired == 0
        spikes &= ~held
        self.seen, parts = parts, list(parts)
        if forced is not None:
            spikes = forced
        self.late = np.full(self.shape, Fraction(0), object)
        if n.reset == "zero":
            parts[0] = np.where(spikes, Fraction(n.v_reset), parts[0])
            parts[1:] = [np.where(spikes, Fraction(0), part) for part in parts[1:]]
        elif n.reset == "subtract" and n.reset_delay:
            self.late = np.where(spikes, threshold, Fraction(0))
        elif n.reset == "subtract":
            parts[0] = np.where(spikes, parts[0] - threshold, parts[0])
        self.u = parts
        self.fired += spikes
        self.rest = np.where(spikes, n.refractory, np.maximum(self.rest - 1, 0))
        return spikes

    def signs(self, parts: Parts) -> np.ndarray:
        """Return the sign of every value; floats decide where they are far from zero."""
        roots = [r.reshape(-1, *(1 for _ in self.shape[2:])) for r in self.roots]
        with np.errstate(all="ignore"):  # what is beyond float64 is decided exactly
            total = floats(parts[0])
            size = np.abs(total) + 1e-30
            for part, w in zip(parts[1:], roots, strict=True):
                term = floats(part) * np.sqrt(floats(w))
                total, size = total + term, size + np.abs(term)
            clear = (np.abs(total) >= 1e-9 * size) & np.isfinite(size)
        found = np.sign(np.where(clear, total, 0.0)).astype(int)
        for at in map(tuple, np.argwhere(~clear)):
            found[at] = self.sign_at(parts, at)
        return found

    def sign_at(self, parts: list[np.ndarray], at: tuple[int, ...]) -> int:
        """Return the exact sign of one value."""
        return sign_of([part[at] for part in parts], [w[at[1]] for w in self.roots])

    def values(self) -> np.ndarray | None:
        """Return the membranes as Fractions if they are rational, else None."""
        total = self.seen[0]
        for part, w in zip(self.seen[1:], self.roots, strict=True):
            square = [root(x) for x in w]
            if any(s is None and (part[:, i] != 0).any() for i, s in enumerate(square)):
                return None
            whole = np.array([s or Fraction(0) for s in square], object)
            total = total + part * whole.reshape(-1, *(1 for _ in self.shape[2:]))
        return total


def sigmoid(gate: Any, plain: np.ndarray, rooted: np.ndarray, w: np.ndarray, t: int) -> np.ndarray:
    """Return a gate's factor, Fractions to broadcast over ``plain + rooted * sqrt(w)``."""
    if gate.constant is not None:
        return np.full((1,) * plain.ndim, Fraction(float(gate.constant[t])), object)
    # the mean is exact but for roots of 100 bits, whatever its size
    roots = np.vectorize(_near_root, otypes=[object])(w)
    x = plain + rooted * roots
    axes = tuple(range(2 if gate.per_channel else 1, x.ndim))
    mean = x.sum(axis=axes, keepdims=True) / math.prod(x.shape[a] for a in axes)
    inside = np.clip(floats(mean * Fraction(float(gate.alpha[t]))), -700, 700)
    return exactly(1 / (1 + np.exp(-inside)))


def _near_root(w: Fraction) -> Fraction:
    """Return sqrt(w) to 100 bits."""
    whole = math.isqrt(w.numerator * w.denominator << 200)
    return Fraction(whole, w.denominator << 100)
