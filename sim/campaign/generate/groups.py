"""The networks of one group of a campaign; odd groups are drawn as TrainedNetworks and folded.

Of every kind, a group is families: networks of one structure, which share a loadable design. What
no design can be loaded with makes a family of one network, and the group goes on with another.
"""

from __future__ import annotations

from collections import Counter

from mapping import WIDTH_MAX, Network, TooWide, TrainedNetwork, Unsupported, fold

from .alike import draw_trained_whole_like, draw_whole_like
from .all_kinds import draw_whole
from .dense import draw_like, draw_network
from .trained_all_kinds import draw_trained_whole
from .trained_dense import draw_trained, draw_trained_like

#: Networks that may be passed over for one; a fold that refuses all of them is a problem.
TRIES = 50


def draw_group(
    group: int, count: int, seed: int, passed_over: Counter[str] | None = None
) -> list[Network]:
    """Draw the networks of one group: the same structure, odd groups by folding.

    Args:
        passed_over: counts, by reason, the drawn networks that fold refuses by name.
    """
    base = (seed * 1_000_003 + group) * 1000
    if not group % 2:
        first_network = draw_network(base, extras=True)
        others = (draw_like(first_network, base + k) for k in range(1, count))
        return [first_network, *others]
    first: TrainedNetwork | None = None
    networks: list[Network] = []
    for number in range(base, base + count + TRIES):
        if first is None:
            value = draw_trained(number)
        else:
            value = draw_trained_like(first, number)
        network = _folded(value, passed_over)
        if network is not None:
            first = first or value
            networks.append(network)
            if len(networks) == count:
                return networks
    raise RuntimeError(f"fold refused more than {TRIES} of the networks drawn")


def draw_any(
    group: int, count: int, seed: int, passed_over: Counter[str] | None = None
) -> list[Network]:
    """Draw one network of any kind; of odd groups by folding. Arguments as of ``draw_group``."""
    return draw_families(group, 1, seed, passed_over)[0]


def draw_families(
    group: int, count: int, seed: int, passed_over: Counter[str] | None = None
) -> list[list[Network]]:
    """Draw networks of any kind in families; of odd groups by folding.

    Args:
        count: networks in all. passed_over: as of ``draw_group``; networks that fold to another
            structure than the first of their family are among them.
    """
    number, left = seed * 1_000_003 + group, count
    families = []
    while left:
        family = (_trained_family if group % 2 else _family)(number, left, passed_over)
        families.append(family)
        left -= len(family)
        number += 2_000_000_011
    return families


def _family(number: int, count: int, passed_over: Counter[str] | None) -> list[Network]:
    first = draw_whole(number, passed_over)
    more = range(1, count) if shares(first) else ()
    return [first, *(draw_whole_like(first, number * 1000 + k, passed_over) for k in more)]


def _trained_family(number: int, count: int, passed_over: Counter[str] | None) -> list[Network]:
    for attempt in range(TRIES):
        value = draw_trained_whole(number + attempt * 1_000_000_007)
        first = _folded(value, passed_over)
        if first is not None:
            break
    else:
        raise RuntimeError(f"fold refused all of the {TRIES} networks drawn")
    family = [first]
    for k in range(count + TRIES):
        if len(family) == count or not shares(first):
            break
        other = _folded(draw_trained_whole_like(value, number * 1000 + k), passed_over)
        if other is None:
            continue
        if _structure(other) == _structure(first):
            family.append(other)
        elif passed_over is not None:
            passed_over["of another structure once folded"] += 1
    return family


def shares(network: Network) -> bool:
    """Return whether a design can be loaded with networks of its structure."""
    from hdl.takes import LOADABLE

    return LOADABLE.refusal(network) is None


def _structure(network: Network) -> object:
    from hdl.structure import structure

    return structure(network)


def _folded(value: TrainedNetwork, passed_over: Counter[str] | None) -> Network | None:
    """Fold, or count the reason of a refusal by name; whatever else is raised goes through."""
    try:
        network = fold(value)
        if not isinstance(network, Network):
            raise TypeError(f"fold gave {network!r}, which is no Network")
        network.facts  # noqa: B018  refuses widths
    except Unsupported as error:
        if passed_over is not None:
            passed_over[reason(error)] += 1
        return None
    return network


def reason(error: Unsupported) -> str:
    """Return why something was refused, without the place; all that is too wide is one reason."""
    if isinstance(error, TooWide):
        return f"needs more than {WIDTH_MAX} bits"
    return str(error).rpartition(": ")[2]
