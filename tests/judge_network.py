"""The judge of folded networks: every population beside its trained one, given equal inputs.

Spikes, values, orders and classes of exact populations must be the trained ones; membranes of
bounded ones must keep their bound. The trained side is ``judge_population``'s, in exact arithmetic.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
from judge_population import PopulationJudge, exactly, op, sign_of

#: The kinds of certificate whose claims are judged here, and whether populations of that kind have
#: a threshold. Any other is an error: what nobody judges must not pass as judged.
KINDS = {"spikes": {True}, "whole": {True, False}, "classes": {False}, "table": {True},
         "rounded": {True, False}}  # fmt: skip


KIND_COUNTS = tuple(f"kind {kind}" for kind in KINDS)


def kind_of(folded: Any, spiking: bool) -> str:
    """Return what a certificate claims.

    Raises
    ------
        ValueError: a kind that is not judged, or that contradicts the rest of the certificate.
    """
    certificate = folded.certificate
    kind = str(certificate.kind)
    if kind not in KINDS:
        raise ValueError(f"population {folded.name!r}: the judge knows no certificate of {kind!r}")
    bounded = certificate.bound is not None
    if spiking not in KINDS[kind] or certificate.exact and (kind == "rounded" or bounded):
        raise ValueError(f"population {folded.name!r}: {kind!r} is not what it may be")
    if not certificate.exact and not bounded and kind != "spikes":
        raise ValueError(f"population {folded.name!r}: neither exact nor bounded")
    return kind


def judge(value: Any, network: Any, x: np.ndarray, trace: Any) -> dict[str, Any]:
    """Run every population of a folded network beside the judge, given equal inputs.

    Exact ones must fire alike, or have the same values or the same order of classes; bounded ones
    must keep their bound, given the same spikes so far.

    Args:
        value: the TrainedNetwork. network: what fold made of it.
        x: encoded inputs, (samples, T, *shape). trace: of the integer network, all recorded.

    Returns
    -------
        Counts: populations judged, spikes and values compared, bounded ones, wrong, ties; and
        what was wrong.
    """
    samples, steps = x.shape[:2]
    if not samples or not steps:
        raise ValueError("nothing to compare: there are no samples")
    unit = Fraction(value.input.unit)
    given = {"input": [exactly(x[:, t].astype(int)) * unit for t in range(steps)]}
    counts = ("populations", "compared", "classes", "bounded", "wrong", "ties", *KIND_COUNTS)
    found: dict[str, Any] = {**dict.fromkeys(counts, 0), "problems": []}
    for p in value.populations:
        if p.neuron.threshold is not None:
            given[p.name] = [exactly(trace.spikes[p.name][:, t].astype(int)) for t in range(steps)]
    for p, folded in zip(value.populations, network.populations, strict=True):
        feeds = [
            [given[c.source][t - c.delay] if t >= c.delay else None for c in p.connections]
            for t in range(steps)
        ]
        shape, spiking = (samples, *value.shapes[p.name]), p.neuron.threshold is not None
        kind, exact, before = kind_of(folded, spiking), folded.certificate.exact, found["compared"]
        found[f"kind {kind}"] += 1
        if folded.certificate.bound is not None:
            judge_bound(found, PopulationJudge(p, shape), folded, feeds, trace)
        if spiking and kind != "rounded":
            tables = [None] * steps
            if kind == "table":
                tables = [table_of(folded, trace, x, t, shape) for t in range(steps)]
            readout = value.readout if exact else None
            judge_spikes(found, PopulationJudge(p, shape), feeds, tables, trace, readout)
            if kind == "whole":
                judge_values(found, PopulationJudge(p, shape), folded, feeds, trace)
        elif kind == "rounded" and not spiking:  # readers see the integers, whatever they stand for
            worth = Fraction(float(folded.certificate.unit[0]))
            given[p.name] = [exactly(trace.v[p.name][:, t]) * worth for t in range(steps)]
        elif not spiking:
            values = judge_values(found, PopulationJudge(p, shape), folded, feeds, trace)
            if values is not None:
                given[p.name] = values
        if exact and value.readout.source == p.name:
            judge_classes(found, PopulationJudge(p, shape), feeds, value.readout, trace)
        complain(found, found["compared"] == before, p.name, "nothing was compared")
    return found


def judge_classes(
    found: dict[str, Any], judged: PopulationJudge, feeds: list, readout: Any, trace: Any
) -> None:
    """Compare the class of every sample, read out of an exact population."""
    spikes, parts = [], []
    for t, sources in enumerate(feeds):
        spikes.append(judged.step(sources, t).reshape(len(trace.classes), -1))
        parts.append([part.reshape(len(trace.classes), -1) for part in judged.seen])
    last = len(feeds) - 1
    membranes = parts[last if readout.step is None else min(readout.step, last)]
    fired = np.stack(spikes, axis=1)
    for s, got in enumerate(trace.classes.tolist()):
        if readout.kind == "membrane" or (readout.fallback and not fired[s].any()):
            best = largest([part[s] for part in membranes], judged)
        elif readout.kind == "first_spike":
            when = [row.tolist().index(True) if row.any() else last + 1 for row in fired[s].T]
            best = when.index(min(when))
        elif judged.n.threshold is not None:
            best = int(fired[s].sum(axis=0).argmax())
        else:  # the sum of what a stream gave out
            sums = [sum(one[k][s] for one in parts) for k in range(len(membranes))]
            best = largest(sums, judged)
        complain(found, got != best, judged.p.name, "class", s, got, best)
        found["classes"] += 1


def largest(parts: list[np.ndarray], judged: PopulationJudge) -> int:
    """Return the least index of the largest membrane, ``parts[0] + sum_k parts[k] * root_k``."""
    area = math.prod(judged.shape[2:])
    best = 0
    for i in range(1, len(parts[0])):
        if above(parts, judged, area, i, best) > 0:
            best = i
    return best


def above(parts: list[np.ndarray], judged: PopulationJudge, area: int, i: int, j: int) -> int:
    """Return the sign of membrane i less membrane j."""
    signed, roots = [parts[0][i] - parts[0][j]], []
    for part, w in zip(parts[1:], judged.roots, strict=True):
        signed += [part[i], -part[j]]
        roots += [w[i // area], w[j // area]]
    return sign_of(signed, roots)


def complain(found: dict[str, Any], wrong: int, *where: Any) -> None:
    """Count what was wrong, and keep where."""
    if wrong:
        found["wrong"] += int(wrong)
        found["problems"].append(where)


def judge_spikes(
    found: dict[str, Any], judged: PopulationJudge, feeds: list, tables: list, trace: Any,
    readout: Any,
) -> None:  # fmt: skip
    """Compare the spikes of a proved population, and the order of membranes that are read.

    Args:
        readout: None if no order is claimed.
    """
    name = judged.p.name
    found["populations"] += 1
    for t, (sources, table) in enumerate(zip(feeds, tables, strict=True)):
        spikes = judged.step(sources, t, table)
        wrong = spikes != trace.spikes[name][:, t]
        found["compared"] += wrong.size
        if wrong.any():
            complain(found, wrong.sum(), name, t, np.argwhere(wrong)[0].tolist())
            return
        if readout is not None and readout.source == name and readout.reads_membrane:
            now = trace.v[name][:, t].reshape(len(wrong), -1)
            found["compared"] += now.size
            complain(found, wrong_order(judged, now), name, t, "the order of membranes")
    found["ties"] += judged.ties


def judge_values(
    found: dict[str, Any], judged: PopulationJudge, folded: Any, feeds: list, trace: Any
) -> list[np.ndarray] | None:
    """Compare whole values, of each channel in its unit, or the order of a read-out's.

    Return the former if they are a stream's.
    """
    name, spiking = judged.p.name, judged.n.threshold is not None
    kind, units = str(folded.certificate.kind), folded.certificate.unit
    found["populations"] += not spiking
    found["compared"] += trace.v[name].size
    values = []
    for t, sources in enumerate(feeds):
        judged.step(sources, t)
        if kind == "classes":  # nobody else reads it
            now = trace.v[name][:, t].reshape(len(trace.v[name]), -1)
            complain(found, wrong_order(judged, now), name, t, "the order of classes")
            continue
        values.append(judged.values())
        if values[-1] is None:
            complain(found, 1, name, t, "irrational values were called exact")
            return None
    if kind == "classes":
        return None
    if not spiking:
        complain(found, bool(why := wrong_values(values, trace.v[name], units)), name, why)
        return values
    rest = Fraction(judged.n.v_rest)  # from which the integer membrane counts
    for i in range(judged.shape[1]):
        one = [v[:, i] - rest for v in values]
        why = wrong_values(one, trace.v[name][:, :, i], units[i : i + 1])
        complain(found, bool(why), name, i, why)
    return None


def judge_bound(
    found: dict[str, Any], judged: PopulationJudge, folded: Any, feeds: list, trace: Any
) -> None:
    """Check that a population's membranes keep their bound, its spikes forced; exactly."""
    name, certificate = folded.name, folded.certificate
    found["bounded"] += 1
    if not math.isfinite(certificate.bound):
        return complain(found, 1, name, f"a bound of {certificate.bound}")
    spiking, bound = judged.n.threshold is not None, Fraction(certificate.bound)
    rest = Fraction(judged.n.v_rest) if spiking else 0  # the integer membrane counts from rest
    worth = judged.wide(certificate.unit)
    for t, sources in enumerate(feeds):
        judged.step(sources, t, forced=trace.spikes[name][:, t] if spiking else None)
        error = [exactly(trace.v[name][:, t]) * worth - judged.seen[0] + rest]
        error += [-part for part in judged.seen[1:]]
        above = judged.signs([error[0] - bound, *error[1:]])
        below = judged.signs([error[0] + bound, *error[1:]])
        wrong = (above > 0) | (below < 0)
        found["compared"] += wrong.size
        if wrong.any():
            at = tuple(np.argwhere(wrong)[0].tolist())
            parts = [float(part[at]) for part in error]
            told = f"error {parts} (of one and of roots) beyond the bound {certificate.bound}"
            return complain(found, wrong.sum(), name, t, at, told)


def table_of(folded: Any, trace: Any, x: np.ndarray, t: int, shape: tuple) -> np.ndarray:
    """Return what the table-gated network multiplies its current with: entry / 256."""
    (c,) = folded.connections
    at = t - c.delay
    if c.source == "input":
        source = x[:, max(at, 0)]
    else:
        source = trace.spikes.get(c.source, trace.v[c.source])[:, max(at, 0)]
    acc = op(c.op, exactly(source.astype(int))).reshape(shape[0], shape[1], -1)
    if at < 0:
        acc = acc * 0
    total = acc.sum(axis=2) * c.gate.weights
    if not c.gate.per_channel:
        total = total.sum(axis=1, keepdims=True)
    row = c.gate.table[t]
    factor = np.empty(total.shape, object)
    for place, value in np.ndenumerate(total + c.gate.offset):
        entry = row[min(max(int(value) >> c.gate.shift, 0), len(row) - 1)]
        factor[place] = Fraction(int(entry), 256)
    return factor.reshape(*factor.shape, *(1 for _ in shape[2:]))


def wrong_values(values: list[Any], numbers: np.ndarray, units: np.ndarray) -> str:
    """Say where exact values are not one multiple of the integers, the units, or nothing."""
    exact = np.stack(values, axis=1)
    worth = None
    for value, number in zip(exact.ravel(), numbers.ravel().tolist(), strict=True):
        if number == 0 or value == 0:
            if number != value:
                return f"{value} became {number}"
        elif worth is None:
            worth = value / number
            if worth <= 0 or any(float(worth) != unit for unit in units.tolist()):
                return f"1 is worth {float(worth)}, and its certificate says {units.tolist()}"
        elif value != number * worth:
            return f"{value} became {number}, not {value / worth}"
    return ""


def wrong_order(judged: PopulationJudge, numbers: np.ndarray) -> int:
    """Count pairs of classes that the integers (samples, classes) order otherwise."""
    parts = [part.reshape(len(numbers), -1) for part in judged.seen]
    area = math.prod(judged.shape[2:])
    wrong = 0
    for s, row in enumerate(numbers):
        one = [part[s] for part in parts]
        for i in range(len(row)):
            for j in range(i + 1, len(row)):
                wrong += (above(one, judged, area, i, j) >= 0) != (row[i] >= row[j])
    return wrong
