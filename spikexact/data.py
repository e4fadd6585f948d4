"""Labelled samples for ``evaluate``: a data set by name, arrays, or a folder; fitted to a network.

What does not fit says what it is and what it must be. A sample may be flattened, or gain or lose an
axis of one channel; nothing else is changed.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Input, Network
from sim.tools import package

from . import files

PARTS = ("test", "train", "all")
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Samples:
    """Samples as a network reads them; files are decoded when they are asked for, in order.

    Attributes
    ----------
        parts: of a data set, one after the other. shape: of a sample.
    """

    parts: tuple[Any, ...]
    shape: Shape

    def __len__(self) -> int:
        return sum(map(len, self.parts))

    def __getitem__(self, chosen: slice | np.ndarray) -> np.ndarray:
        from training.data import batch

        indices = np.arange(len(self))[chosen]
        batches, start = [], 0
        for part in self.parts:
            here = indices[(indices >= start) & (indices < start + len(part))] - start
            if here.size:
                batches.append(batch(part, here)[0])
            start += len(part)
        return np.concatenate(batches).reshape(len(indices), *self.shape)


def labelled(
    network: Network,
    source: str,
    labels: Path | None = None,
    folder: Path | None = None,
    part: str = "test",
    settings: Iterable[str] = (),
) -> tuple[Any, np.ndarray]:
    """Return samples, an array or Samples, and their classes.

    Args:
        source: a name of ``training.data.SETS``, a .npy or .npz, or a folder of IDX files or of
            pictures.
        labels: a .npy beside a .npy. folder: of a data set by name. part: of PARTS.
        settings: of a data set, as name=value; what is left out is taken from the network.

    Raises
    ------
        ValueError, TypeError: a file is missing or damaged, or does not fit; one sentence.
    """
    from training.data import SETS, arrays, idx

    if part not in PARTS:
        raise ValueError(f"part must be {', '.join(map(repr, PARTS))}, not {part!r}")
    path, given = Path(source), list(settings)
    named = source in SETS
    if labels is not None and (named or path.suffix != ".npy"):
        raise ValueError(f"--labels belongs to a .npy of inputs, not to {source}")
    if folder is not None and not named:
        raise ValueError(f"--data belongs to a data set's name, not to {source}")
    if named:
        return _of_set(network, source, folder, part, given)
    if path.is_dir() and not _has(path, idx.NAMES):
        from training.data import own

        if not own.folders(path):
            names = " and ".join(idx.NAMES["train" if part == "train" else "test"])
            raise ValueError(
                f"{path} must hold {names}, or a folder of pictures for every class, or train and "
                "test of such folders"
            )
        return _of_set(network, "images", path, part, given)
    if given:
        raise ValueError(f"--set belongs to a data set's name or to pictures, not to {source}")
    if path.is_dir():
        wanted = ("train", "test") if part == "all" else (part,)
        pairs = [idx.pair(path, name) for name in wanted]
        inputs, classes = (np.concatenate(arrays) for arrays in zip(*pairs, strict=True))
    elif path.suffix == ".npz":
        inputs, classes = arrays.pair(path, part)
    elif labels is None and path.is_file():
        raise ValueError(f"{path}: give --labels beside a .npy, or an .npz that holds both")
    elif not path.exists():
        raise ValueError(
            f"{source} is no file or folder, and no data set: these are {', '.join(SETS)}"
        )
    else:
        inputs, classes = files.inputs(path), files.inputs(labels)  # type: ignore[arg-type]
    return fitted(network, inputs, source), classes


def fitted(network: Network, inputs: np.ndarray, what: str) -> np.ndarray:
    """Return an array in the shape that a network reads; its values are checked.

    Raises
    ------
        ValueError: it does not fit; the sentence says what it is and what it must be.
    """
    enter = network.input
    if inputs.dtype.kind not in "iub":
        raise ValueError(
            f"{what} holds {inputs.dtype}, and the network reads integers 0..{enter.top}, of which "
            f"1 is worth {enter.unit:.6g} in the trained network: divide by that and round"
        )
    lead = 2 if enter.coding == "steps" else 1
    if inputs.ndim <= lead or not len(inputs):
        raise ValueError(f"{what} has shape {inputs.shape}, and must have {_wanted(network)}")
    have = inputs.shape[lead:]
    if not _same_values(have, enter.shape):
        raise ValueError(f"{what} has shape {inputs.shape}, and must have {_wanted(network)}")
    if lead == 2 and not 1 <= inputs.shape[1] <= network.timesteps:
        raise ValueError(
            f"{what} has {inputs.shape[1]} timesteps a sample; the network runs 1 to "
            f"{network.timesteps}"
        )
    low, high = int(inputs.min()), int(inputs.max())
    if low < 0 or high > enter.top:
        raise ValueError(
            f"{what} holds values {low}..{high}, and the network's input must lie within "
            f"0..{enter.top} ({enter.bits} bits)"
        )
    return inputs.reshape(*inputs.shape[:lead], *enter.shape)


def _of_set(
    network: Network, name: str, folder: Path | None, part: str, settings: list[str]
) -> tuple[Samples, np.ndarray]:
    """Open a data set as the network reads it."""
    from training.data import SETS, open_set

    if name == "digits":
        package("sklearn", "the data set digits", "train")
    knows = inspect.signature(SETS[name]).parameters
    if folder is None and "folder" in knows and Path(name).is_dir():
        folder = Path(name)  # a folder that is named as its data set
    options = {k: v for k, v in suited(network).items() if k in knows}
    data = open_set(name, folder, **(options | _options(settings)))
    enter = network.input
    if enter.coding == "latency" and data.enter.coding == "direct":
        from training.latency import coded

        data = coded(data, network.timesteps)
    _check_set(network, name, data.enter, data.timesteps)
    if data.enter.unit != enter.unit:
        from . import console

        console.note(
            f"note: the integer 1 is worth {data.enter.unit:.6g} in {name}, and {enter.unit:.6g} "
            "in what this network was trained on"
        )
    chosen = {"train": (data.train,), "test": (data.test,), "all": (data.train, data.test)}[part]
    steps = () if data.timesteps is None else (data.timesteps,)
    return Samples(chosen, (*steps, *enter.shape)), np.concatenate([p.labels for p in chosen])


def suited(network: Network) -> dict[str, Any]:
    """Return the options of a data set that a network's input suggests."""
    enter = network.input
    options: dict[str, Any] = {"flat": len(enter.shape) == 1, "bits": enter.bits}
    options["timesteps"] = network.timesteps
    if len(enter.shape) == 3:
        channels, rows, cols = enter.shape
        options |= {"rows": rows, "cols": cols, "size": rows, "colour": channels == 3}
    return options


def _options(settings: list[str]) -> dict[str, Any]:
    from training.data.sets import value

    options = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise ValueError(f"a setting must be name=value, not {setting!r}")
        options[name] = value(text)
    return options


def _check_set(network: Network, name: str, have: Input, steps: int | None) -> None:
    """Raise ValueError where a data set's samples are not what the network reads."""
    enter = network.input
    if (have.coding == "steps") != (enter.coding == "steps"):
        held = f"{steps} timesteps a sample" if steps else "one tensor a sample"
        raise ValueError(f"{name} has {held}, and the network reads {_wanted(network)}")
    if not _same_values(have.shape, enter.shape):
        raise ValueError(
            f"samples of {name} have shape {have.shape}, and the network reads {enter.shape}"
        )
    if steps is not None and steps > network.timesteps:
        raise ValueError(
            f"{name} has {steps} timesteps a sample; the network runs 1 to {network.timesteps}: "
            f"--set timesteps={network.timesteps}"
        )
    if have.bits > enter.bits:
        raise ValueError(
            f"values of {name} have {have.bits} bits, and the network's input must lie within "
            f"0..{enter.top} ({enter.bits} bits)"
        )


def _same_values(have: Shape, want: Shape) -> bool:
    """Whether one shape is the other, flattened or without its one channel."""
    flat = len(have) == 1 or len(want) == 1
    return (flat and math.prod(have) == math.prod(want)) or _bare(have) == _bare(want)


def _bare(shape: Shape) -> Shape:
    return shape[1:] if len(shape) == 3 and shape[0] == 1 else shape


def _wanted(network: Network) -> str:
    lead = "(samples, T, " if network.input.coding == "steps" else "(samples, "
    return lead + ", ".join(map(str, network.input.shape)) + ")"


def _has(folder: Path, names: dict[str, tuple[str, str]]) -> bool:
    every = (name for pair in names.values() for name in pair)
    return any((folder / f"{name}{end}").is_file() for name in every for end in ("", ".gz"))
