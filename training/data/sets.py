"""Data sets by name."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .arrays import arrays
from .cifar import cifar10, cifar100
from .dataset import DataSet
from .digits import digits
from .idx import data_set, fashion_mnist, mnist
from .own import images
from .pictures import caltech, imagenet
from .recordings import dvs_cifar10, dvs_gesture
from .shd import shd
from .synthetic import synthetic_events

#: From a name to what reads it: a function of a folder, where there is one, and of options.
SETS: dict[str, Callable[..., DataSet]] = {
    "digits": digits,
    "mnist": mnist,
    "fashion-mnist": fashion_mnist,
    "idx": data_set,
    "images": images,
    "arrays": arrays,
    "cifar10": cifar10,
    "cifar100": cifar100,
    "caltech-face-motorcycle": caltech,
    "imagenet": imagenet,
    "dvs-gesture": dvs_gesture,
    "dvs-cifar10": dvs_cifar10,
    "shd": shd,
    "synthetic-events": synthetic_events,
}


def open_set(name: str, folder: Path | str | None = None, **options: Any) -> DataSet:
    """Open a data set; nothing is ever downloaded.

    Args:
        name: one of SETS.
        folder: where its files lie; None of those that need none (digits, synthetic-events).
        options: of its function in SETS: ``flat``, ``timesteps``, ``size``, ``bits`` and others.

    Raises
    ------
        ValueError: no such data set or option, or files are missing or damaged; one sentence.
        TypeError: an option of a wrong type.
    """
    if name not in SETS:
        raise ValueError(f"data set must be one of {', '.join(SETS)}, not {name!r}")
    read = SETS[name]
    knows = dict(inspect.signature(read).parameters)
    reads_files = knows.pop("folder", None) is not None
    for option, value in options.items():
        if option not in knows:
            raise ValueError(
                f"data set {name!r} has no option {option!r}; it has {', '.join(knows)}"
            )
        _same_type(name, option, value, knows[option].default)
    if not reads_files:
        if folder is not None:
            raise ValueError(f"data set {name!r} reads no files: leave the folder away")
        return read(**options)
    if folder is None:
        raise ValueError(f"data set {name!r} is read from files: name their folder (--data DIR)")
    return read(Path(folder), **options)


def value(text: str) -> Any:
    """Return a text as what it looks like: true, false, a number, a list of them, or a word."""
    if "," in text:
        return tuple(value(part) for part in text.split(","))
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _same_type(name: str, option: str, value: Any, default: Any) -> None:
    kinds = (float, int) if isinstance(default, float) else type(default)
    if not isinstance(value, kinds) or isinstance(value, bool) != isinstance(default, bool):
        kind = {bool: "true or false", int: "an integer", float: "a number", str: "a word"}
        raise TypeError(
            f"option {option!r} of {name!r} must be {kind[type(default)]}, not {value!r}"
        )
