"""The reader of one file of SHD, which runs in a child process (``mapping.confined``)."""

from __future__ import annotations

from typing import Any, BinaryIO

import numpy as np

from mapping.confined import hdf5

NAME = "SHD"
NEEDS = ("h5py", "data")
#: Most spikes of a sample.
MOST = 1 << 22


def prepare() -> None:
    """Load h5py, and read vectors of different lengths once."""
    import io

    import h5py

    hdf5.prepare()
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, base in (("times", np.float16), ("units", np.uint16)):
            rows = file.create_dataset(f"spikes/{name}", (1,), h5py.vlen_dtype(base))
            rows[0] = np.ones(2, base)
        file["labels"] = np.zeros(1, np.uint16)
    size = buffer.tell()
    buffer.seek(0)
    read(buffer, size)


def read(file: BinaryIO, size: int) -> dict[str, np.ndarray]:
    """Read every sample of a file.

    Returns
    -------
        ``labels`` (n,); ``times`` (float64 where they are not float16 or float32) and ``units``
        of all samples one after the other; ``starts`` (n + 1,), where each begins and ends.

    Raises
    ------
        ValueError: no file of SHD, or one that links or stores elsewhere.
    """
    import h5py

    if file.read(8) != hdf5.MAGIC:
        raise ValueError("is no HDF5 file, or is truncated")
    file.seek(0)
    with h5py.File(file, "r") as opened:
        spikes = hdf5.member(opened, "spikes") if "spikes" in opened else opened
        times, units = (_dataset(spikes, "spikes/", name) for name in ("times", "units"))
        labels = _dataset(opened, "", "labels")
        shapes = {times.shape, units.shape, labels.shape}
        if len(shapes) != 1 or times.ndim != 1 or not 0 < times.shape[0] <= size:
            raise ValueError(f"holds labels and spikes of shapes {sorted(shapes)}")
        _check_rows(times, "f")
        _check_rows(units, "iu")
        if labels.dtype.kind not in "iu":
            raise ValueError(f"holds labels of type {labels.dtype}")
        count = times.shape[0]
        starts = np.zeros(count + 1, np.int64)
        kept: dict[str, list[np.ndarray]] = {"times": [], "units": []}
        for sample in range(count):
            lengths = []
            for rows, name in ((times, "times"), (units, "units")):
                row = np.asarray(rows[sample])
                if row.ndim != 1 or len(row) > MOST:
                    raise ValueError(f"holds {row.shape} {name} at sample {sample}")
                kept[name].append(row)
                lengths.append(len(row))
            if lengths[0] != lengths[1]:
                raise ValueError(f"has {lengths[0]} times and {lengths[1]} units at {sample}")
            starts[sample + 1] = starts[sample] + lengths[0]
        joined = {name: np.concatenate(rows) for name, rows in kept.items()}
        return {"labels": labels[:], "starts": starts, **joined}


def _dataset(group: Any, inside: str, name: str) -> Any:
    import h5py

    missing = ValueError(f"holds no {inside + name!r}: it is not of SHD")
    if not isinstance(group, h5py.Group) or name not in group:
        raise missing
    item = hdf5.member(group, name)
    if not isinstance(item, h5py.Dataset):
        raise missing
    return item


def _check_rows(rows: Any, kinds: str) -> None:
    import h5py

    base = h5py.check_vlen_dtype(rows.dtype)
    if base is None or base.kind not in kinds or base.itemsize > 8:
        raise ValueError(f"holds {rows.name!r} of type {rows.dtype}")
