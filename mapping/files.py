"""Both network values in safetensors files with a versioned header; no pickle.

A file holds arrays, and one metadata entry, ``spikexact``, a JSON object: ``version``, ``kind``,
``value`` (the tree of fields, arrays replaced by references, one-bit weights packed eight to a
byte) and ``sha256`` over all of it and the arrays, so that an altered file is refused. (One
entry, because the library writes several in no fixed order.) What is read is built through the
same constructors as by hand, and so validated once more.

That ``sha256`` is ``digest`` of the value: what verify.json, accuracy.json and a manifest name a
network by. The file of a folded network also says what it was folded from, under a ``seal``.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import math
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from . import network, ports, temporary, tensors, trained
from .ops import OPS
from .plain import FileError, regular
from .value import Value

#: The versions of each kind of file that are read. Network 2: a certificate has a kind and a cause
#: beside its sentence; 3: it may also say which ways failed. A network is written, and digested, in
#: the least version that can say all of it, so that what older files hold keeps its digest.
VERSIONS = {"TrainedNetwork": (1,), "Network": (2, 3)}

_SHARED = {c.__name__: c for c in (*OPS, ports.Input)}
_SHARED["Readout"] = ports.Readout
_NODES = ("Gate", "Connection", "Neuron", "Population")
_KINDS: dict[str, dict[str, type]] = {
    "TrainedNetwork": _SHARED
    | {n: getattr(trained, n) for n in (*_NODES, "Norm", "Table", "TrainedNetwork")},
    "Network": _SHARED | {n: getattr(network, n) for n in (*_NODES, "Certificate", "Network")},
}
#: Safetensors files that training writes beside networks, by what their metadata call them.
_OTHERS = {
    "spikexact-parameters-1": "holds the parameters of a training in full precision (method fp), "
    "which has no binary weights and cannot be folded: train with ste, agmm or latency",
    "spikexact-checkpoint-1": "is the checkpoint of a training that was stopped: run the same "
    "training again to finish it",
}
_FOREIGN = (
    "is a safetensors file, but not one written by spikexact; parameters of another framework's "
    "model come in by 'spikexact import package.module:builder --weights FILE'"
)


@contextlib.contextmanager
def beside(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it into place on success, else remove it.

    A link is followed: the file that it names is replaced, beside itself.

    Raises
    ------
        FileError: ``path`` is a folder, a device, a pipe, or write-protected.
        OSError: it cannot be written; the sentence names it.
    """
    real = target(path)
    with temporary.passing(temporary.name(real)) as part:
        try:
            os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
            yield part
            part.replace(real)
        except OSError as error:
            if error.filename is not None and Path(error.filename).absolute() != part:
                raise
            why = error.strerror or str(error)
            raise type(error)(f"{path} cannot be written: {why}") from None


def target(path: Path) -> Path:
    """Return the file that a writer of ``path`` replaces: ``path``, or what its links name.

    Raises
    ------
        FileError: what is there is no regular file, or is write-protected.
        FileNotFoundError: its folder does not exist.
    """
    real = Path(os.path.realpath(path)) if path.is_symlink() else path
    named = str(path) if real is path else f"{path}, a link to {real},"
    if real.is_symlink():
        raise FileError(f"{path} is a link that leads round in a circle: name a file")
    try:
        mode = real.stat().st_mode
    except FileNotFoundError:
        if not real.absolute().parent.is_dir():
            note = "" if real is path else f" ({path} is a link into it)"
            raise FileNotFoundError(
                f"folder {real.absolute().parent} does not exist: create it first{note}"
            ) from None
        return _within(real)
    except NotADirectoryError:
        raise FileError(f"{named} lies in a file: name a folder that exists") from None
    except OSError as error:
        raise FileError(f"{path} cannot be written: {error.strerror}") from None
    if stat.S_ISDIR(mode):
        raise FileError(f"{named} is a folder: name a file")
    if not stat.S_ISREG(mode):
        kinds = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
        kind = kinds.get(stat.S_IFMT(mode), "a device")
        raise FileError(f"{named} is {kind}: only regular files are written, name another")
    if not os.access(real, os.W_OK):
        raise FileError(f"{named} is write-protected: name another file")
    return _within(real)


def _within(path: Path) -> Path:
    if not os.access(path.absolute().parent, os.W_OK | os.X_OK):
        raise FileError(
            f"{path} cannot be written: folder {path.absolute().parent} is write-protected"
        )
    return path


def sweep(path: Path) -> None:
    """Remove what writers of ``path`` that were killed left beside it."""
    path = target(path)
    name = re.compile(re.escape(f".{path.name}.") + "[a-z0-9_]{8}")  # as temporary.name draws them
    for leftover in path.parent.iterdir():
        if name.fullmatch(leftover.name):
            leftover.unlink(missing_ok=True)


def save(
    value: network.Network | trained.TrainedNetwork,
    path: Path | str,
    folded_from: str | None = None,
) -> None:
    """Write a network to a safetensors file, beside and renamed.

    Args:
        folded_from: of a Network that ``fold`` has just made, ``digest`` of the TrainedNetwork.

    Raises
    ------
        TypeError: not a network. OSError: the file cannot be written.
    """
    from safetensors.numpy import save as pack

    kind, version, tree, arrays = _taken_apart(value, "save")
    sha256 = _digest(kind, version, tree, arrays)
    header = {"version": version, "kind": kind, "sha256": sha256, "value": tree}
    if folded_from is not None:
        header |= {"folded_from": folded_from, "seal": _seal(sha256, folded_from)}
    with beside(Path(path)) as part:
        part.write_bytes(pack(arrays, metadata={"spikexact": json.dumps(header)}))


def digest(value: network.Network | trained.TrainedNetwork) -> str:
    """Return the SHA-256 of a network's content: of every field, names and certificates too.

    The same content has the same digest, whatever file it comes from.

    Raises
    ------
        TypeError: not a network.
    """
    return _digest(*_taken_apart(value, "digest"))


def folded_from(path: Path | str) -> str | None:
    """Return the digest of the TrainedNetwork that a file's network was folded from.

    None where the file does not say: an older one, a network made by hand, a TrainedNetwork.

    Raises
    ------
        FileError: as of ``load``.
    """
    return _parts(Path(path), None)[0]["folded_from"]


def load(path: Path | str, kind: type | None = None) -> network.Network | trained.TrainedNetwork:
    """Read a network from a file written by ``save``.

    Args:
        path: the file.
        kind: Network or TrainedNetwork, if only that will do.

    Raises
    ------
        FileError: missing, truncated, altered, of another version, or not of that kind.
    """
    path = Path(path)
    meta, arrays = _parts(path, kind)
    return _built(meta, arrays, str(path))


def apart(
    value: network.Network | trained.TrainedNetwork,
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return a network as a header, which JSON holds, and arrays: what other formats carry along.

    Raises
    ------
        TypeError: not a network.
    """
    kind, version, tree, arrays = _taken_apart(value, "apart")
    sha256 = _digest(kind, version, tree, arrays)
    return {"version": version, "kind": kind, "sha256": sha256, "value": tree}, arrays


def together(
    header: dict[str, Any], arrays: dict[str, np.ndarray], where: str
) -> network.Network | trained.TrainedNetwork:
    """Return the network that ``apart`` took apart.

    Args:
        where: what an error's sentence begins with.

    Raises
    ------
        FileError: damaged, altered, or of another version.
    """
    return _built(_checked(header, arrays, where, None), arrays, where)


def _parts(path: Path, kind: type | None) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Read a file's header and arrays, and check all but the value itself."""
    entries, arrays = _read(path)
    try:
        meta = json.loads(entries["spikexact"])
    except (ValueError, RecursionError):
        meta = None
    return _checked(meta, arrays, str(path), kind), arrays


def _checked(
    meta: Any, arrays: dict[str, np.ndarray], path: str, kind: type | None
) -> dict[str, Any]:
    """Return a header that fits its arrays."""
    if not isinstance(meta, dict):
        raise FileError(f"{path} is damaged: its header is not JSON")
    named = meta.get("kind", "")
    if not isinstance(named, str) or named not in _KINDS:
        raise FileError(f"{path} holds a {named!r}, neither a Network nor a TrainedNetwork")
    version, readable = meta.get("version"), VERSIONS[named]
    if version not in readable or isinstance(version, bool):
        older = isinstance(version, int) and version < readable[0]
        again = ": fold the trained network again" if older and named == "Network" else ""
        reads = " and ".join(map(str, readable))
        raise FileError(
            f"{path} has format version {version} of a {named}; this program reads {reads}{again}"
        )
    if kind is not None and named != kind.__name__:
        hint = "fold it first" if named == "TrainedNetwork" else "give the trained file"
        raise FileError(f"{path} holds a {named}, but a {kind.__name__} is needed: {hint}")
    sha256 = _digest(named, version, meta.setdefault("value", ""), arrays)
    origin = meta.setdefault("folded_from", None)
    sealed = _seal(sha256, origin) if isinstance(origin, str) else origin
    if meta.get("sha256") != sha256 or meta.get("seal") != sealed:
        raise FileError(f"{path} is damaged or was altered: its checksum does not match")
    return meta


def _built(
    meta: dict[str, Any], arrays: dict[str, np.ndarray], path: str
) -> network.Network | trained.TrainedNetwork:
    """Return the value of a header and its arrays."""
    named, tree = meta["kind"], meta["value"]
    try:
        value = _decode(json.loads(tree), arrays, _KINDS[named])
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise FileError(f"{path} does not hold a valid {named}: {error}") from None
    if type(value) is not _KINDS[named][named]:
        raise FileError(f"{path} does not hold a {named}")
    if digest(value) != meta["sha256"]:
        raise FileError(f"{path} is damaged or was altered: it holds more than its network")
    return value


def _taken_apart(value: Any, what: str) -> tuple[str, int, str, dict[str, np.ndarray]]:
    """Return a network's kind and version, its tree as JSON, and its arrays."""
    kind = type(value).__name__
    if kind not in _KINDS or type(value) is not _KINDS[kind][kind]:
        raise TypeError(f"{what} needs a Network or a TrainedNetwork, not {value!r}")
    arrays: dict[str, np.ndarray] = {}
    tree = json.dumps(_encode(value, arrays), sort_keys=True)
    return kind, _version(value), tree, arrays


def _version(value: network.Network | trained.TrainedNetwork) -> int:
    """Return the least version of a network's kind that can say all of it."""
    if isinstance(value, trained.TrainedNetwork):
        return 1
    certificates = (p.certificate for p in value.populations)
    return 3 if any(c is not None and c.failed for c in certificates) else 2


def _seal(sha256: str, origin: str) -> str:
    return hashlib.sha256(f"{sha256} folded from {origin}".encode()).hexdigest()


def _digest(kind: str, version: int, tree: str, arrays: dict[str, np.ndarray]) -> str:
    digest = hashlib.sha256(f"{version} {kind} {tree}".encode())
    for key in sorted(arrays):
        array = arrays[key]
        digest.update(f" {key} {array.dtype.str} {array.shape} ".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _encode(value: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        key = f"a{len(arrays):06d}"
        if value.dtype == np.int8 and value.size and (np.abs(value) == 1).all():
            arrays[key] = np.packbits(value.ravel() > 0)
            return {"bits": key, "shape": list(value.shape)}
        if value.ndim and value.size and (value == value.flat[0]).all() and value.ndim == 1:
            return {"all": value.flat[0].item(), "of": value.dtype.str, "n": len(value)}
        arrays[key] = value
        return {"array": key}
    if isinstance(value, Value):
        fields = {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        if isinstance(value, network.Certificate) and not value.failed:
            del fields["failed"]  # as in version 2
        return {
            "is": type(value).__name__,
            **{k: _encode(v, arrays) for k, v in fields.items()},
        }
    if isinstance(value, tuple):
        return [_encode(v, arrays) for v in value]
    return value


def _decode(node: Any, arrays: dict[str, np.ndarray], classes: dict[str, type]) -> Any:
    if isinstance(node, list):
        return tuple(_decode(v, arrays, classes) for v in node)
    if not isinstance(node, dict):
        return node
    if "is" in node:
        fields = {k: _decode(v, arrays, classes) for k, v in node.items() if k != "is"}
        return classes[node["is"]](**fields)
    if "array" in node:
        return arrays[node["array"]]
    if "bits" in node:
        shape = tuple(int(n) for n in node["shape"])
        packed = arrays[node["bits"]]
        size = math.prod(shape)
        if packed.dtype != np.uint8 or packed.ndim != 1 or len(packed) != (size + 7) // 8:
            raise ValueError(f"packed weights do not have shape {shape}")
        return (np.unpackbits(packed, count=size).astype(np.int8) * 2 - 1).reshape(shape)
    if "all" in node:
        if not 0 <= int(node["n"]) <= 1 << 24 or node["of"] not in ("<i8", "<f8"):
            raise ValueError("a constant array is too long or of a wrong type")
        return np.full(int(node["n"]), node["all"], np.dtype(node["of"]))
    raise ValueError("a node of no known form")


def _foreign(path: Path, meta: dict[str, str]) -> FileError:
    return FileError(f"{path} {_OTHERS.get(str(meta.get('kind')), _FOREIGN)}")


def _read(path: Path) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Return the metadata and the arrays of a file that spikexact wrote."""
    regular(path)
    data = path.read_bytes()
    header, start = tensors.header_of(data, str(path))
    meta = header.get("__metadata__", {})
    if "spikexact" not in meta:
        raise _foreign(path, meta)
    return meta, tensors.arrays_of(data, header, start, str(path))
