"""Arrays of one's own: an .npz of inputs and labels, its test part beside or held out of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mapping import Input, plain

from .dataset import Arrays, DataSet, hold_back

#: Names of the two arrays; ``{part}`` becomes train or test.
KEYS = (("inputs", "labels"), ("x", "y"), ("x_{part}", "y_{part}"))


def pair(path: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Return inputs and labels of an .npz, by the first of KEYS that it holds.

    Args:
        part: "train", "test", or "all". Inputs and labels without parts are every part.

    Raises
    ------
        ValueError: missing or damaged, or it holds other names; one sentence.
    """
    held = plain.npz(path, kinds=plain.NUMBERS + "U")
    wanted = ("train", "test") if part == "all" else (part,)
    for inputs_key, labels_key in KEYS:
        pairs = [(inputs_key.format(part=p), labels_key.format(part=p)) for p in wanted]
        pairs = pairs if "{" in inputs_key else pairs[:1]
        if all(name in held for names in pairs for name in names):
            try:
                inputs, labels = (
                    np.concatenate([held[n] for n in k]) for k in zip(*pairs, strict=True)
                )
            except ValueError as error:
                raise ValueError(f"{path}: its arrays do not fit together: {error}") from None
            return inputs, labels
    raise ValueError(
        f"{path} must hold inputs and labels (or x and y, or x_test and y_test); it holds "
        f"{', '.join(held) or 'nothing'}"
    )


def arrays(
    folder: Path,
    *,
    bits: int = 0,
    unit: float = 0.0,
    by_step: bool = False,
    flat: bool = False,
    held_out: float = 0.2,
    split_seed: int = 0,
) -> DataSet:
    """Read an .npz: x_train, y_train, x_test and y_test, or inputs and labels (x and y).

    Without a test part, a share of every class is held out at random, always the same.

    Args:
        folder: the file.
        bits: of a value; as many as the largest one needs unless given.
        unit: what the integer 1 is worth; 1 / the largest value unless given.
        by_step: samples hold every timestep, (n, T, ..), instead of one tensor, (n, ..), which is
            (n,), (rows, cols) or (channels, rows, cols).
        flat: shape (n,).
        held_out: share of every class. split_seed: of that choice.

    Raises
    ------
        ValueError: damaged, or arrays that are no samples and classes; one sentence.
    """
    if "y_test" in plain.npz(folder, kinds=plain.NUMBERS + "U"):
        train, test = (_samples(folder, part, by_step, flat) for part in ("train", "test"))
        if train.inputs.shape[1:] != test.inputs.shape[1:]:
            raise ValueError(
                f"{folder} trains on samples of {train.inputs.shape[1:]} and tests on "
                f"{test.inputs.shape[1:]}"
            )
    else:
        whole = _samples(folder, "train", by_step, flat)
        parts = hold_back(whole, held_out, split_seed)
        train, test = (Arrays(whole.inputs[p.indices], p.labels) for p in parts)
        if not len(test):
            raise ValueError(f"{folder} has too few samples of a class to hold out {held_out:g}")
    classes = int(train.labels.max()) + 1
    absent = np.setdiff1d(np.arange(classes), train.labels)
    if absent.size:
        raise ValueError(f"{folder} holds labels up to {classes - 1}, but none is {absent[0]}")
    if int(test.labels.max()) >= classes:
        raise ValueError(f"{folder} tests on the label {test.labels.max()}, which is never learnt")
    top = max(int(part.inputs.max()) for part in (train, test))
    enter = Input(
        train.inputs.shape[1 + by_step :],
        bits=bits or max(1, top.bit_length()),
        coding="steps" if by_step else "direct",
        unit=unit or 1 / max(1, top),
    )
    if top > enter.top:
        raise ValueError(f"{folder} holds values up to {top}, which {bits} bits do not hold")
    steps = train.inputs.shape[1] if by_step else None
    return DataSet("arrays", enter, classes, train, test, steps)


def _samples(path: Path, part: str, by_step: bool, flat: bool) -> Arrays:
    """Return one part, its inputs unsigned and of the axes that a network reads."""
    inputs, labels = pair(path, part)
    if inputs.dtype.kind not in "iub" or (inputs.size and not 0 <= inputs.min()):
        raise ValueError(
            f"inputs of {path} must be integers of at least 0, not {inputs.dtype}: scale and round"
        )
    if inputs.size == 0 or int(inputs.max()) >= 1 << 16:
        raise ValueError(f"inputs of {path} must be samples of values of 16 bits at most")
    if labels.dtype.kind not in "iu" or labels.shape != (len(inputs),) or labels.min() < 0:
        raise ValueError(
            f"labels of {path} must be {len(inputs)} integers of at least 0, not {labels.dtype} "
            f"of shape {labels.shape}"
        )
    lead, axes = inputs.shape[: 1 + by_step], inputs.shape[1 + by_step :]
    if not 1 <= len(axes) <= 3:
        kind = "(n, T, ..)" if by_step else "(n, ..)"
        raise ValueError(
            f"inputs of {path} have shape {inputs.shape}, and must be {kind} with (n,), "
            "(rows, cols) or (channels, rows, cols) for each (timesteps: --set by_step=true)"
        )
    shape = (1, *axes) if len(axes) == 2 else axes
    shape = (int(np.prod(shape)),) if flat else shape
    kind = np.uint8 if int(inputs.max()) < 256 else np.uint16
    return Arrays(inputs.astype(kind).reshape(*lead, *shape), labels)
