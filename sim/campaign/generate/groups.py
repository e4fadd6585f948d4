"""The networks of one group of a campaign; odd groups are drawn as TrainedNetworks and folded."""

from __future__ import annotations

from collections import Counter

from mapping import WIDTH_MAX, Network, TooWide, TrainedNetwork, Unsupported, fold

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
    number = seed * 1_000_003 + group
    if not group % 2:
        return [draw_whole(number, passed_over)]
    for attempt in range(TRIES):
        value = draw_trained_whole(number + attempt * 1_000_000_007)
        network = _folded(value, passed_over)
        if network is not None:
            return [network]
    raise RuntimeError(f"fold refused all of the {TRIES} networks drawn")


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
