"""Traces in files: an .npz of plain arrays, read strictly, without pickle.

Members: ``format`` (1), ``backend``, ``populations`` (all names, in order), ``info`` (JSON text),
``thresholds/NAME`` (C,) int64 of those that have one, ``spikes/NAME`` bool and ``v/NAME`` int64
(samples, T, *shape) of those recorded, ``scores`` (samples, classes) int64 where they are known,
``ran`` (samples,) int64 where a device stopped early.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mapping import plain, value
from mapping.files import beside

FORMAT = 1
#: Members by the word before the slash: type and number of axes (None: three or more).
ARRAYS = {"spikes": (np.bool_, None), "v": (np.int64, None), "thresholds": (np.int64, 1)}


def write(path: Path, trace: dict[str, Any]) -> None:
    """Write the fields of a Trace.

    Raises
    ------
        TypeError: ``info`` holds what JSON does not.
    """
    try:
        info = json.dumps(trace["info"], default=_plain, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise TypeError(f"info of a trace must hold JSON values: {error}") from None
    arrays: dict[str, Any] = {
        "format": np.array(FORMAT),
        "backend": np.array(trace["backend"]),
        "populations": np.array(list(trace["thresholds"]), np.str_),
        "info": np.array(info),
    }
    arrays |= {f"thresholds/{n}": a for n, a in trace["thresholds"].items() if a is not None}
    arrays |= {f"spikes/{n}": a for n, a in trace["spikes"].items()}
    arrays |= {f"v/{n}": a for n, a in trace["v"].items()}
    if trace["scores"] is not None:
        arrays["scores"] = trace["scores"]
    if trace["ran"] is not None:
        arrays["ran"] = trace["ran"]
    with beside(path) as part, part.open("wb") as file:
        np.savez_compressed(file, **arrays)


def read(path: Path) -> dict[str, Any]:
    """Return the fields of a Trace, read from a file; see ``Trace.load``."""
    arrays = plain.npz(path, kinds=plain.NUMBERS + "U")
    try:
        return _trace(arrays)
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path} is no trace that this version reads: {error}") from None


def _trace(arrays: dict[str, np.ndarray]) -> dict[str, Any]:
    """Check every member and the shapes of all of them beside each other."""
    version = _scalar(arrays, "format", "iu")
    if version != FORMAT:
        raise ValueError(f"its format is {version}, and only {FORMAT} is known")
    names = arrays.pop("populations", np.zeros(0))
    if names.dtype.kind != "U" or names.ndim != 1 or len(set(names.tolist())) != len(names):
        raise ValueError("populations must be different names")
    order = [value.name(n, "the name of a population") for n in names.tolist()]
    backend, info = (str(_scalar(arrays, word, "U")) for word in ("backend", "info"))
    scores, ran = arrays.pop("scores", None), arrays.pop("ran", None)
    kept: dict[str, dict[str, np.ndarray]] = {word: {} for word in ARRAYS}
    for member, array in arrays.items():
        word, _, name = member.partition("/")
        if word not in ARRAYS or name not in order:
            raise ValueError(f"{member!r} does not belong to a trace")
        kind, axes = ARRAYS[word]
        if array.dtype != kind or (array.ndim != axes if axes else array.ndim < 3):
            raise ValueError(f"{member} is {array.dtype} of shape {array.shape}")
        kept[word][name] = np.ascontiguousarray(array)
    thresholds = {name: kept["thresholds"].get(name) for name in order}
    spikes, v = ({n: kept[word][n] for n in order if n in kept[word]} for word in ("spikes", "v"))
    runs = {a.shape[:2] for a in (*spikes.values(), *v.values())}
    if len(runs) > 1:
        raise ValueError("its arrays are of different samples or timesteps")
    for name in order:
        _agree(name, spikes.get(name), v.get(name), thresholds[name])
    if scores is not None and (
        scores.dtype != np.int64 or scores.ndim != 2 or any(len(scores) != r[0] for r in runs)
    ):
        raise ValueError(f"scores are {scores.dtype} of shape {scores.shape}")
    if ran is not None and (ran.dtype != np.int64 or any(ran.shape != r[:1] for r in runs)):
        raise ValueError(f"ran is {ran.dtype} of shape {ran.shape}")
    return {
        "backend": backend, "spikes": spikes, "v": v, "thresholds": thresholds, "scores": scores,
        "info": _info(info), "ran": ran,
    }  # fmt: skip


def _agree(
    name: str, spikes: np.ndarray | None, v: np.ndarray | None, threshold: np.ndarray | None
) -> None:
    if spikes is not None and threshold is None:
        raise ValueError(f"{name!r} has spikes and no threshold")
    if spikes is not None and v is not None and spikes.shape != v.shape:
        raise ValueError(f"spikes of {name!r} have shape {spikes.shape}, and v {v.shape}")
    some = v if spikes is None else spikes
    if some is not None and threshold is not None and len(threshold) != some.shape[2]:
        raise ValueError(f"{name!r} has {some.shape[2]} channels and {len(threshold)} thresholds")


def _scalar(arrays: dict[str, np.ndarray], word: str, kinds: str) -> Any:
    array = arrays.pop(word, None)
    if array is None or array.ndim or array.dtype.kind not in kinds:
        raise ValueError(f"it does not hold {word!r}")
    return array.item()


def _info(text: str) -> dict[str, Any]:
    try:
        info = json.loads(text)
    except (ValueError, RecursionError):
        info = None
    if not isinstance(info, dict):
        raise ValueError("info is no JSON object")
    return info


def _plain(item: object) -> Any:
    """Turn a numpy number into a JSON one."""
    if isinstance(item, np.generic):
        return item.item()
    raise TypeError(f"{type(item).__name__} is none")
