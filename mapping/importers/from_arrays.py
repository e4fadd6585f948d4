"""A topology in TOML beside arrays in .npy, .npz, .mat, .safetensors or .pt files.

Every field of a TrainedNetwork can be written; docs/importing.md gives the format. Arrays lie in
the TOML's folder or below. A field that holds numbers is a number, a list, or a reference:
``"file.npy"`` or ``"file.npz:entry"``. Unknown keys are refused, so that a misspelt one does not
pass for its default.
"""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from .. import real
from ..ops import Conv, Dense, Identity, Op, Pool
from ..plain import FileError
from ..ports import Input, Readout
from ..trained import Connection, Gate, Neuron, Norm, Population, TrainedNetwork
from . import probe, toml
from .chain import NEURONS, limited, meaning
from .parameters import READERS
from .weights import split

#: What ``op`` may be; an op's fields are the keys beside it.
OPS: dict[str, type[Op]] = {"dense": Dense, "conv": Conv, "pool": Pool, "identity": Identity}
_EDGE = {"source", "op", "scale", "bias", "norm", "gate", "delay"}
#: Fields that hold a number for each channel.
_VECTORS = {"threshold", "scale", "bias", "gamma", "beta", "mean", "var", "alpha"}


class Folder:
    """The arrays beside one TOML file, each file read once."""

    def __init__(self, topology: Path) -> None:
        self.topology = topology
        self.root = topology.resolve().parent
        self._read: dict[Path, Any] = {}

    def refuse(self, why: str) -> FileError:
        """Return the error that names the TOML file."""
        return FileError(f"{self.topology}: {why}")

    def file(self, name: str) -> Any:
        """Return the contents of a file in the folder or below it."""
        given = Path(name)
        path = (self.root / given).resolve()
        if given.is_absolute() or not path.is_relative_to(self.root):
            raise self.refuse(f"{name!r} lies outside of the topology's folder")
        if path.suffix not in READERS:
            known = ", ".join(READERS)
            raise self.refuse(f"{name!r} is no file of arrays that is read ({known})")
        if path not in self._read:
            self._read[path] = READERS[path.suffix](path)
        return self._read[path]

    def array(self, value: Any, label: str) -> np.ndarray:
        """Return a number, a list or a reference as an array of real numbers."""
        if isinstance(value, str):
            name, _, entry = value.partition(":")
            held = self.file(name)
            if isinstance(held, dict):
                if entry not in held:
                    has = ", ".join(map(repr, list(held)[:8])) or "nothing"
                    raise self.refuse(f"{label}: {name!r} holds {has}, not {entry!r}")
                held = held[entry]
            elif entry:
                raise self.refuse(f"{label}: {name!r} holds one array, not entries")
            array = np.asarray(held)
        else:
            try:
                array = np.asarray(value)
            except ValueError:
                raise self.refuse(f"{label} must be numbers in rows of equal length") from None
        if array.dtype.kind == "b" and isinstance(value, str):
            array = array.astype(np.int8)
        if array.dtype.kind not in "iuf":
            raise self.refuse(f"{label} must be real numbers, not {value!r}"[:200])
        return array.astype(array.dtype.newbyteorder("="))


def read(source: Path | str) -> tuple[TrainedNetwork, list[str]]:
    """Read a topology and its arrays.

    Args:
        source: the TOML file.

    Returns
    -------
        The network, and one line for each population and check.

    Raises
    ------
        FileError: one sentence with the file and what is wrong in it.
    """
    if not isinstance(source, (str, Path)):
        raise TypeError(f"a topology is a path, not {type(source).__name__}")
    path = Path(source)
    folder = Folder(path)
    tree = toml.read(path)
    _known(tree, {"timesteps", "input", "population", "readout", "check"}, "the file", folder)
    findings: list[str] = []
    try:
        enter = Input(**_table(tree, "input", {f.name for f in fields(Input)}, folder))
        if math.prod(enter.shape) > NEURONS:
            raise folder.refuse(f"the input has shape {enter.shape}, more than {NEURONS} values")
        populations = tuple(_population(p, folder, findings) for p in _tables(tree, folder))
        readout = Readout(**_table(tree, "readout", {f.name for f in fields(Readout)}, folder))
        if "timesteps" not in tree:
            raise folder.refuse("timesteps is missing")
        network = TrainedNetwork(enter, populations, readout, tree["timesteps"])
        limited(network)
    except FileError:
        raise
    except (TypeError, ValueError, OverflowError) as error:
        raise folder.refuse(_sentence(error)) from None
    findings.append(f"read-out: {readout.kind} of {readout.source!r}, T = {network.timesteps}")
    by = network[readout.source].neuron.fire_by
    if readout.fallback is not None and by is not None and by < network.timesteps:
        findings.append(
            f"read-out: its fall-back is never used: every neuron of {readout.source!r} fires, "
            f"since fire_by = {by}"
        )
    findings += _check(network, tree.get("check"), folder)
    return network, findings


def _sentence(error: Exception) -> str:
    text = " ".join(str(error).split())
    return (
        text.removeprefix("__init__() ").replace("Input.", "input ").replace("Readout.", "")[:400]
    )


def _known(table: Any, keys: set[str], label: str, folder: Folder) -> None:
    if not isinstance(table, dict):
        raise folder.refuse(f"{label} must be a table, not {table!r}"[:200])
    for key in table:
        if key not in keys:
            raise folder.refuse(
                f"{label} has an unknown key {key!r}; known are {', '.join(sorted(keys)) or 'none'}"
            )


def _table(tree: dict, name: str, keys: set[str], folder: Folder) -> dict[str, Any]:
    if name not in tree:
        raise folder.refuse(f"table [{name}] is missing")
    _known(tree[name], keys, f"[{name}]", folder)
    return tree[name]


def _tables(tree: dict, folder: Folder) -> list[dict]:
    tables = tree.get("population")
    if not isinstance(tables, list) or not tables:
        raise folder.refuse("there must be at least one [[population]]")
    return tables


def _population(table: Any, folder: Folder, findings: list[str]) -> Population:
    _known(table, {"name", "neuron", "connection"}, "a [[population]]", folder)
    name = table.get("name")
    label = f"population {name!r}"
    given = table.get("neuron", {})
    _known(given, {f.name for f in fields(Neuron)}, f"neuron of {label}", folder)
    neuron = Neuron(**_vectors(given, f"of {label}", folder))
    edges = table.get("connection")
    if not isinstance(edges, list) or not edges:
        raise folder.refuse(f"{label} needs at least one [[population.connection]]")
    connections = tuple(_connection(e, label, folder, findings) for e in edges)
    findings.append(f"{label}: {meaning(neuron)}")
    return Population(name, connections, neuron)


def _connection(table: Any, label: str, folder: Folder, findings: list[str]) -> Connection:
    if not isinstance(table, dict) or table.get("op") not in OPS:
        given = table.get("op") if isinstance(table, dict) else table
        raise folder.refuse(f"op of a connection of {label} must be one of {list(OPS)}: {given!r}")
    kind, source = OPS[table["op"]], table.get("source")
    label = f"connection {source!r} -> {label}"
    keys = {field.name for field in fields(kind)}
    keys |= {"transpose"} if "weights" in keys else set()
    _known(table, _EDGE | keys, label, folder)
    options = {key: value for key, value in table.items() if key in keys}
    if "weights" in keys:
        op, scale = _weighted(kind, options, label, folder)
    else:
        op, scale = kind(**options), 1.0
    given = _vectors({k: v for k, v in table.items() if k in _EDGE}, f"of {label}", folder)
    for field, build in (("norm", Norm), ("gate", Gate)):
        if field in given:
            _known(given[field], {f.name for f in fields(build)}, f"{field} of {label}", folder)
            given[field] = build(**_vectors(given[field], f"of {label}", folder))
    size = "x".join(map(str, getattr(op, "weights", np.zeros(())).shape))
    bits = f" of {op.bits} bits" if op.bits else ""
    findings.append(f"{label}: {op.name} {size}{bits}, delay {given.get('delay', 0)}")
    given["op"], given["scale"] = op, scale * given.get("scale", 1.0)
    return Connection(**given)


def _weighted(
    kind: type[Op], options: dict[str, Any], label: str, folder: Folder
) -> tuple[Op, Any]:
    """Return the op, and the scale that was taken out of its weights."""
    if "weights" not in options:
        raise folder.refuse(f"{label} needs weights")
    weights = folder.array(options.pop("weights"), f"weights of {label}")
    if options.pop("transpose", False):
        if weights.ndim != 2:
            raise folder.refuse(f"weights of {label} have shape {weights.shape}: no transpose")
        weights = weights.T
    scale: Any = 1.0
    if "bits" not in options:
        weights, scale, options["bits"] = split(weights, f"weights of {label}")
    try:
        return kind(weights, **options), scale
    except ValueError as error:
        raise folder.refuse(f"{label}: {error}") from None


def _vectors(given: dict, label: str, folder: Folder) -> dict[str, Any]:
    """Replace references and lists by arrays; MATLAB's vectors have two axes."""
    vectors = dict(given)
    for key in _VECTORS & set(given):
        array = folder.array(given[key], f"{key} {label}")
        if array.ndim == 2 and 1 in array.shape:
            array = array.ravel()
        vectors[key] = array
    return vectors


def _check(network: TrainedNetwork, table: Any, folder: Folder) -> list[str]:
    """Compare with recorded activity, where the file names it."""
    if table is None:
        return ["not probed: the file names no recorded activity ([check])"]
    _known(table, {"inputs", "spikes", "classes"}, "[check]", folder)
    if "inputs" not in table:
        raise folder.refuse("[check] needs inputs")
    try:
        inputs = folder.array(table["inputs"], "inputs of [check]")
        spikes = table.get("spikes", {})
        _known(spikes, {p.name for p in network.populations if p.spiking}, "[check.spikes]", folder)
        theirs = {
            name: folder.array(value, f"spikes of {name!r}").astype(np.float64)
            for name, value in spikes.items()
        }
        classes = None
        if "classes" in table:
            classes = folder.array(table["classes"], "classes of [check]").ravel()
        if not theirs and classes is None:
            raise folder.refuse("[check] names inputs, but no spikes or classes to compare")
        recorded_of = [*theirs.values(), *([] if classes is None else [classes])]
        if inputs.ndim < 2 or any(len(a) != len(inputs) for a in recorded_of):
            raise folder.refuse("[check] needs inputs, and as many spikes and classes as those")
        done = [0, 0]  # samples, and classes that differ

        def recorded(part: np.ndarray, trace: real.RealTrace) -> dict[str, np.ndarray]:
            now = slice(done[0], done[0] + len(part))
            done[0] += len(part)
            if classes is not None:
                done[1] += int((classes[now] != trace.classes).sum())
            return {name: array[now] for name, array in theirs.items()}

        ties = probe.check(network, inputs, recorded)
        if done[1] > probe.SHARE * len(inputs):
            raise folder.refuse(f"{done[1]} of {len(inputs)} classes differ from [check]")
    except FileError:
        raise
    except (TypeError, ValueError) as error:
        raise folder.refuse(f"[check]: {_sentence(error)}") from None
    compared = ", ".join([*theirs, *(["classes"] if classes is not None else [])])
    return probe.said(len(inputs), f"{compared} as recorded", ties)
