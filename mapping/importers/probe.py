"""The probe: the source model and what was read of it, compared spike by spike.

A difference is forgiven only as a near-tie: in the float64 run, at a sample's first divergence,
``|u - threshold| <= 1e-5 * max(1, |threshold|)``. At most 1 % of the samples may hold one, and
each is listed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from .. import real
from ..ops import Identity
from ..ports import Input
from ..trained import Connection, Neuron, Population, TrainedNetwork
from ..value import Unsupported

NEAR = 1e-5
SHARE = 0.01
#: Bytes that a run may keep at a time.
CHUNK = 256 << 20
#: Membranes at which a neuron is driven alone, in thresholds: rest, below, ties, far overshoot,
#: negative.
LEVELS = (0, 0.25, 0.5, 1, 1, 1.5, 2, 2.5, 4, -0.5, -1, -3)


@dataclass(frozen=True)
class Divergence:
    """The first difference of one sample.

    Attributes
    ----------
        sample, timestep, population, neuron: where.
        u, threshold: in the float64 run. ours, theirs: spikes of either side.
        near: whether it is a near-tie, and every other neuron that differs there too.
    """

    sample: int
    timestep: int
    population: str
    neuron: tuple[int, ...]
    u: float
    threshold: float
    ours: float
    theirs: float
    near: bool

    def __str__(self) -> str:
        return (
            f"sample {self.sample}, timestep {self.timestep}, population {self.population!r}, "
            f"neuron {self.neuron}: u = {self.u!r} against threshold {self.threshold!r}; "
            f"{self.ours:g} spikes here, {self.theirs:g} in the source"
        )


def draw(enter: Input, timesteps: int, samples: int, seed: int) -> np.ndarray:
    """Draw probe inputs: silence, everything at its top, then random ones from rare to dense."""
    rng = np.random.default_rng(seed)
    steps = (timesteps,) if enter.coding == "steps" else ()
    shape = (samples, *steps, *enter.shape)
    high = rng.integers(0, enter.top, shape, endpoint=True)
    share = rng.uniform(0.02, 0.98, samples).reshape(-1, *(1 for _ in shape[1:]))
    inputs = np.where(rng.random(shape) < share, np.maximum(high, 1), 0)
    inputs[0] = 0
    if samples > 1:
        inputs[1] = enter.top
    return inputs


def first_divergences(
    network: TrainedNetwork, trace: real.RealTrace, theirs: dict[str, np.ndarray]
) -> list[Divergence]:
    """Find where samples first differ.

    Args:
        network, trace: what was read, and its run.
        theirs: population name to spikes (samples, T, *shape) of the source, as many as it gives.

    Returns
    -------
        One Divergence for each sample that differs: earliest timestep, first population, and
        there the neuron that is farthest from its threshold.
    """
    samples = len(trace.scores)
    first = np.full(samples, 1 << 30)
    best: dict[int, tuple[str, np.ndarray]] = {}
    for p in network.populations:
        if p.name not in theirs:
            continue
        ours, other = trace.spikes[p.name], theirs[p.name]
        if ours.shape != other.shape:
            raise Unsupported(
                f"population {p.name!r} has shape {ours.shape} here, {other.shape} in the source"
            )
        odd = ours.astype(np.float64) != other
        when = np.where(odd.reshape(samples, ours.shape[1], -1).any(axis=2), 1, 0)
        for sample in np.flatnonzero(when.any(axis=1)):
            t = int(when[sample].argmax())
            if t < first[sample]:
                first[sample] = t
                best[int(sample)] = (p.name, odd[sample, t])
    divergences = []
    for sample, (name, odd) in sorted(best.items()):
        t = int(first[sample])
        u = trace.u[name][sample, t]
        theta = np.broadcast_to(
            network[name].neuron.threshold.reshape(-1, *(1 for _ in u.shape[1:])), u.shape
        )
        off = np.where(odd, np.abs(u - theta) / np.maximum(1, np.abs(theta)), -1.0)
        worst = tuple(int(i) for i in np.unravel_index(off.argmax(), off.shape))
        divergences.append(
            Divergence(
                sample,
                t,
                name,
                worst,
                float(u[worst]),
                float(theta[worst]),
                float(trace.spikes[name][sample, t][worst]),
                float(theirs[name][sample, t][worst]),
                bool(off.max() <= NEAR),
            )
        )
    return divergences


def chunks(network: TrainedNetwork, samples: int) -> list[slice]:
    """Split samples so that what a run keeps of each part stays below CHUNK bytes, or is one."""
    each = network.timesteps * sum(math.prod(s) for s in network.shapes.values()) * 24
    size = max(1, CHUNK // each)
    return [slice(i, min(i + size, samples)) for i in range(0, samples, size)]


def check(
    network: TrainedNetwork,
    inputs: np.ndarray,
    theirs: Callable[[np.ndarray, real.RealTrace], dict[str, np.ndarray]],
    share: float = SHARE,
) -> list[Divergence]:
    """Compare runs of the source with the network, part by part; return the near-ties.

    Args:
        inputs: as sim.run takes them.
        theirs: a part of the inputs, and the network's run of it, to the spikes of the source by
            population, as many populations as it gives.
        share: of the samples, that may hold a near-tie.

    Raises
    ------
        Unsupported: one sentence with the first divergence that is no near-tie, or too many.
    """
    near_ties: list[Divergence] = []
    for part in chunks(network, len(inputs)):
        trace = real.run(network, inputs[part])
        for divergence in first_divergences(network, trace, theirs(inputs[part], trace)):
            divergence = replace(divergence, sample=divergence.sample + part.start)
            if not divergence.near:
                raise Unsupported(f"what was read does not do what the source does: {divergence}")
            near_ties.append(divergence)
    if len(near_ties) > share * len(inputs):
        raise Unsupported(
            f"{len(near_ties)} of {len(inputs)} samples hold a near-tie, more than "
            f"{100 * share:g} % (near_ties={share:g}); the first: {near_ties[0]}"
        )
    return near_ties


def said(samples: int, what: str, ties: list[Divergence]) -> list[str]:
    """Say in lines what a probe showed; each near-tie is listed."""
    but = f" but for {len(ties)} near-ties" if ties else ""
    return [f"probe: {samples} samples, {what}{but}", *(f"near-tie: {tie}" for tie in ties)]


def currents(
    neuron: Neuron, shape: tuple[int, ...], timesteps: int, seed: int, calm: bool = False
) -> np.ndarray:
    """Draw currents that put a neuron at rest, at exact ties, below, beyond and far below.

    Args:
        calm: let no membrane pass twice its threshold.

    Returns
    -------
        (samples, timesteps, *shape) float32; from the first timestep on, where the sums are
        exact, membranes hit the threshold itself.
    """
    rng = np.random.default_rng(seed)
    samples = max(1, min(64, (1 << 20) // (timesteps * int(np.prod(shape)))))
    levels = rng.choice(LEVELS, (samples, timesteps, *shape))
    levels[1::2] = rng.integers(-64, 160, levels[1::2].shape) / 64
    theta = np.asarray(neuron.threshold).reshape(-1, *(1 for _ in shape[1:]))
    base = neuron.v_rest + neuron.leak * (neuron.v_init - neuron.v_rest)
    size = np.where(theta == 0, 1.0, theta)
    wanted = levels * size - base
    if calm:
        wanted = np.minimum(wanted, (2 - neuron.leak) * theta)
    return (wanted / neuron.input_gain).astype(np.float32)


def check_neuron(
    neuron: Neuron,
    given: np.ndarray,
    theirs: np.ndarray,
    label: str,
    membranes: np.ndarray | None = None,
) -> int:
    """Compare one neuron module, driven alone, with the equation that was read of it.

    Args:
        neuron: thresholds (C,). given: currents (N, T, *shape). theirs: spikes of the module.
        membranes: its float64 membranes as they were compared, where it shows them: they must be
            the same but for float64 rounding, and only that rounding excuses a near-tie.

    Returns
    -------
        How many neurons differ after a near-tie.

    Raises
    ------
        Unsupported: a spike differs that is no near-tie.
    """
    itself = Population("alone", (Connection("input", Identity()),), neuron)
    state = real.Membranes(itself, (len(given), *given.shape[2:]))
    theta = np.asarray(neuron.threshold).reshape(-1, *(1 for _ in given.shape[3:]))
    gone = np.zeros((len(given), *given.shape[2:]), bool)
    for t in range(given.shape[1]):
        ours, u = state.step(given[:, t].astype(np.float64), t)
        odd = (ours != theirs[:, t]) & ~gone
        near = np.abs(u - theta) <= NEAR * np.maximum(1, np.abs(theta))
        if t == 0 and neuron.v_rest == neuron.v_init == 0:
            near &= u != theta  # one product: a tie here is one in float32 too, and tells > from >=
        if membranes is not None:
            near &= u != membranes[:, t]
            _same(u, membranes[:, t], gone, f"{label}, driven alone, timestep {t}")
        bad = np.argwhere(odd & ~near)
        if len(bad):
            at = tuple(int(i) for i in bad[0])
            raise Unsupported(
                f"{label}, driven alone, does not do what was read of it: timestep {t}, neuron "
                f"{at[1:]}: u = {float(u[at])!r} against threshold "
                f"{float(np.broadcast_to(theta, u.shape)[at])!r}; {ours[at]:g} spikes here, "
                f"{theirs[:, t][at]:g} in the source"
            )
        gone |= odd
    return int(gone.sum())


def _same(ours: np.ndarray, theirs: np.ndarray, gone: np.ndarray, label: str) -> None:
    """Compare membranes of neurons that have not parted at a near-tie."""
    odd = np.argwhere((np.abs(ours - theirs) > 1e-9 * np.maximum(1, np.abs(theirs))) & ~gone)
    if len(odd):
        at = tuple(int(i) for i in odd[0])
        raise Unsupported(
            f"{label}, does not do what was read of it: neuron {at[1:]}: u = {float(ours[at])!r} "
            f"here, {float(theirs[at])!r} in the source"
        )
