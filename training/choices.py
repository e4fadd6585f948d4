"""Settings by name: ``--set name=value`` finds out what it belongs to."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from typing import Any

from .data import SETS
from .data.sets import value
from .methods import style_of
from .networks import NETWORKS
from .neurons import Dynamics
from .recipe import Recipe, of
from .spike_time_network import SpikeTimeNetwork
from .style import Style

DEFAULTS: dict[str, Any] = {"recipe": Recipe(), "style": Style(), "dynamics": Dynamics()}


@dataclass(frozen=True)
class Choices:
    """Settings, sorted.

    Attributes
    ----------
        data: options of the data set. recipe: changes of it. style: of the layers, ``dynamics``
            whole. options: of the network.
    """

    data: dict[str, Any] = field(default_factory=dict)
    recipe: Recipe = field(default_factory=Recipe)
    style: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def sort(dataset: str, method: str, net: str, settings: Iterable[str]) -> Choices:
    """Sort ``name=value`` texts by what has a field of that name.

    Raises
    ------
        ValueError: no ``=``, or nothing has such a field; one sentence that lists what there is.
    """
    knows = fields_of(dataset, method, net)
    chosen: dict[str, dict[str, Any]] = {kind: {} for kind in knows}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"a setting must be name=value, not {setting!r}")
        kinds = [kind for kind, names in knows.items() if name in names]
        if not kinds:
            every = sorted(set().union(*knows.values()))
            raise ValueError(f"there is no setting {name!r} here; there are {', '.join(every)}")
        for kind in kinds:
            chosen[kind][name] = value(text)
    for kind, example in DEFAULTS.items():
        for name, given in chosen[kind].items():
            _same_type(name, given, getattr(example, name))
    style = chosen["style"]
    if chosen["dynamics"]:
        style["dynamics"] = replace(style_of(method, net).dynamics, **chosen["dynamics"])
    if "hidden" in chosen["options"] and not isinstance(chosen["options"]["hidden"], tuple):
        chosen["options"]["hidden"] = (chosen["options"]["hidden"],)
    return Choices(
        chosen["data"], of(dataset, method, **chosen["recipe"]), style, chosen["options"]
    )


def fields_of(dataset: str, method: str, net: str) -> dict[str, set[str]]:
    """Return what can be set, by what it belongs to; no name belongs to two."""
    builder = SpikeTimeNetwork if method == "latency" else NETWORKS[net]
    known = {
        "recipe": {f.name for f in fields(Recipe)},
        "style": {f.name for f in fields(Style)} - {"dynamics"},
        "dynamics": {f.name for f in fields(Dynamics)},
        "data": _options(SETS[dataset]) - {"folder"},
        "options": _options(builder) - {"enter", "classes", "timesteps", "style"},
    }
    if method == "latency":
        known["style"] = known["dynamics"] = set()
        known["recipe"] -= {"loss", "smoothing", "settle"}
    return known


def _same_type(name: str, given: Any, default: Any) -> None:
    wanted = (int, float) if isinstance(default, float) else type(default)
    if not isinstance(given, wanted) or isinstance(given, bool) != isinstance(default, bool):
        kind = {bool: "true or false", int: "an integer", float: "a number", str: "a word"}
        raise ValueError(f"setting {name!r} must be {kind[type(default)]}, not {given!r}")


def _options(function: Any) -> set[str]:
    return set(inspect.signature(function).parameters)
