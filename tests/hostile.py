"""Files that no reader may believe, written by hand: each a function of a folder.

``FILES`` maps a name to (how it is read, a function that writes it). ``read`` reads it as a user
would: ``"npy"``, ``"npz"``, ``"mat"``, ``"state"`` (safetensors or torch), ``"toml"``, ``"nir"``
and ``"network"`` (our own files).
"""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import mapping
from mapping import confined
from mapping.confined import mat as matlab
from mapping.importers import examine, parameters

FILES: dict[str, tuple[str, Callable[[Path], Path]]] = {}
#: What a file that runs code would leave behind; tests look for it.
TRACE = "HOSTILE_FILE_RAN_CODE"


def read(how: str, path: Path) -> Any:
    """Read a file as a user would."""
    if how == "nir":
        return examine(
            path, "nir", input_shape=4, timesteps=2, dialect="spikingjelly", probes=100
        )  # fmt: skip
    if how == "toml":
        return examine(path, "arrays")
    if how == "mat":
        return confined.read(matlab, path)
    if how == "network":
        return mapping.load(path)
    if how == "state":
        return parameters.state(path)
    return parameters.READERS[f".{how}"](path)


def hostile(how: str, name: str) -> Callable:
    """Enter a file under a name."""

    def enter(write: Callable[[Path], Path]) -> Callable[[Path], Path]:
        label = f"{how}: {name}"
        assert label not in FILES
        FILES[label] = (how, write)
        return write

    return enter


def simple(how: str, suffix: str, contents: dict[str, bytes]) -> None:
    """Enter files that are just bytes."""
    for name, data in contents.items():

        def write(folder: Path, data: bytes = data) -> Path:
            path = folder / f"x{suffix}"
            path.write_bytes(data)
            return path

        hostile(how, name)(write)


class Code:
    """Runs code when it is unpickled."""

    def __reduce__(self) -> tuple:
        return os.mkdir, (TRACE,)


# --- .npy ------------------------------------------------------------------------------------


def header(text: str, data: bytes = b"", version: int = 1) -> bytes:
    raw = text.encode("latin-1")
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(raw)) + raw + data


def npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    return buffer.getvalue()


def described(descr: str, shape: str, order: str = "False") -> str:
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


GOOD = npy(np.arange(6.0))
simple(
    "npy",
    ".npy",
    {
        "empty": b"",
        "magic only": GOOD[:6],
        "wrong magic": b"\x93NUMPZ" + GOOD[6:],
        "version 9": GOOD[:6] + b"\x09" + GOOD[7:],
        "truncated header": GOOD[:40],
        "truncated data": GOOD[:-1],
        "more data than declared": GOOD + b"\0",
        "header beyond the file": GOOD[:8] + b"\xff\xff" + GOOD[10:],
        "declares 8 TB": header(described("'<f8'", "(1000000, 1000000)"), bytes(64)),
        "declares more than 64 bits": header(described("'<f8'", f"({'99999999999999999, ' * 7})")),
        "negative shape": header(described("'<f8'", "(-1,)"), bytes(8)),
        "objects": npy(np.array([1, "a", None], dtype=object)),
        "code in a pickle": npy(np.array([Code()], dtype=object)),
        "code in the header": header(described("'<f8'", "(__import__('os').abort(),)"), bytes(8)),
        "strings": npy(np.array(["a", "bc"])),
        "a structure": npy(np.zeros(2, dtype=[("a", "<f8"), ("b", "<i4")])),
        "complex numbers": npy(np.array([1j])),
        "dates": npy(np.array(["2020-01-01"], dtype="datetime64[D]")),
        "an unknown width": header(described("'<f1'", "(8,)"), bytes(8)),
        "no dictionary": header("[1, 2, 3]\n", bytes(8)),
        "nested brackets": header("(" * 9000 + "\n", bytes(8)),
    },
)  # fmt: skip


# --- .npz ------------------------------------------------------------------------------------


def archive(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as file:
        for name, data in entries.items():
            file.writestr(name, data)
    return buffer.getvalue()


def lying_size(data: bytes, size: int) -> bytes:
    """Return a zip whose directory declares another uncompressed size."""
    place = data.rindex(b"PK\x01\x02")
    return data[: place + 24] + struct.pack("<I", size) + data[place + 28 :]


ONE = archive({"x.npy": GOOD})
simple(
    "npz",
    ".npz",
    {
        "empty": b"",
        "no zip": b"hello" * 100,
        "truncated": ONE[:-10],
        "cut in half": ONE[: len(ONE) // 2],
        "objects": archive({"x.npy": npy(np.array([Code()], dtype=object))}),
        "an entry that is no array": archive({"x.txt": b"hello"}),
        "a pickle": archive({"x.npy": pickle.dumps(Code())}),
        "a path that climbs": archive({"../x.npy": GOOD}),
        "an absolute path": archive({"/tmp/x.npy": GOOD}),
        "a bomb": archive({"x.npy": header(described("'<f8'", "(30000000,)"), bytes(240_000_000))}),
        "declares less than it holds": lying_size(ONE, 90),
        "declares more than it holds": lying_size(ONE, 9000),
        "lzma": archive({"x.npy": GOOD}, zipfile.ZIP_LZMA),
        "damaged data": ONE[:50] + bytes([ONE[50] ^ 255]) + ONE[51:],
        "encrypted": ONE.replace(b"PK\x01\x02\x14\x03\x14\0\0", b"PK\x01\x02\x14\x03\x14\0\x01"),
        "a lie inside": archive({"x.npy": header(described("'<f8'", "(9999,)"), b"0")}),
    },
)  # fmt: skip


@hostile("npz", "20000 entries")
def _(folder: Path) -> Path:
    (folder / "x.npz").write_bytes(archive({f"{i}.npy": b"" for i in range(20_000)}, 0))
    return folder / "x.npz"


# --- .mat ------------------------------------------------------------------------------------


def mat(folder: Path, **arrays: Any) -> Path:
    import scipy.io

    scipy.io.savemat(folder / "x.mat", arrays, do_compression=True)
    return folder / "x.mat"


simple(
    "mat",
    ".mat",
    {
        "empty": b"",
        "text": b"hello world, this is no matrix at all, but rather long" * 4,
        "version 7.3": b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n",
        "header only": b"MATLAB 5.0 MAT-file".ljust(124, b" ") + b"\x00\x01IM",
        "a tag of 4 GB": b"MATLAB 5.0 MAT-file".ljust(124, b" ") + b"\x00\x01IM"
        + struct.pack("<II", 14, 0xFFFFFFF0) + bytes(64),
        "compressed rubbish": b"MATLAB 5.0 MAT-file".ljust(124, b" ") + b"\x00\x01IM"
        + struct.pack("<II", 15, 64) + bytes(64),
        "a compressed tag of 4 GB": b"MATLAB 5.0 MAT-file".ljust(124, b" ") + b"\x00\x01IM"
        + (lambda z: struct.pack("<II", 15, len(z)) + z)(
            zlib.compress(struct.pack("<II", 14, 0xFFFFFFF0) + bytes(1 << 20))),
        "version 4, huge": struct.pack("<iiiii", 0, 1 << 30, 1 << 30, 0, 2) + b"x\0" + bytes(64),
    },
)  # fmt: skip
hostile("mat", "cells")(lambda folder: mat(folder, x=np.array([1, "a"], dtype=object)))
hostile("mat", "a structure")(lambda folder: mat(folder, x={"a": 1}))
hostile("mat", "text in it")(lambda folder: mat(folder, x="hello"))
hostile("mat", "complex numbers")(lambda folder: mat(folder, x=np.array([1 + 2j])))


@hostile("mat", "truncated")
def _(folder: Path) -> Path:
    path = mat(folder, x=np.arange(1000.0))
    path.write_bytes(path.read_bytes()[:-40])
    return path


# --- states: safetensors and torch -------------------------------------------------------------


def safe(header: Any, body: bytes = b"", length: int | None = None) -> bytes:
    text = json.dumps(header).encode() if not isinstance(header, bytes) else header
    return struct.pack("<Q", len(text) if length is None else length) + text + body


def tensor(dtype: Any = "F64", shape: Any = (2,), offsets: Any = (0, 16)) -> dict:
    return {"dtype": dtype, "shape": shape, "data_offsets": offsets}


simple(
    "state",
    ".safetensors",
    {
        "empty": b"",
        "seven bytes": bytes(7),
        "a header of 2^60": safe({}, length=1 << 60),
        "no JSON": safe(b"{{{{"),
        "a list": safe([1]),
        "nested JSON": safe(b"[" * 100_000),
        "declares 8 TB": safe({"x": tensor(shape=[1 << 40], offsets=[0, 8 << 40])}, bytes(16)),
        "offsets beyond": safe({"x": tensor(offsets=[8, 24])}, bytes(16)),
        "negative shape": safe({"x": tensor(shape=[-2])}, bytes(16)),
        "a shape of text": safe({"x": tensor(shape="22")}, bytes(16)),
        "a shape of true": safe({"x": tensor(shape=[True, True])}, bytes(16)),
        "overlaps": safe({"x": tensor(), "y": tensor(offsets=[8, 24])}, bytes(24)),
        "an unknown type": safe({"x": tensor("F8_E5M2")}, bytes(16)),
        "truncated": safe({"x": tensor()}, bytes(15)),
    },
)


def torch_file(value: Any, **options: Any) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        import torch

        torch.save(value(torch), folder / "x.pt", **options)
        return folder / "x.pt"

    return write


simple(
    "state", ".pt", {"nothing": b"", "text ": b"hello" * 50, "a plain pickle": pickle.dumps(Code())}
)
hostile("state", "code")(torch_file(lambda torch: {"x": Code()}))
hostile("state", "code, old format")(
    torch_file(lambda torch: {"x": Code()}, _use_new_zipfile_serialization=False)
)
hostile("state", "a tensor, old format")(
    torch_file(lambda torch: {"x": torch.zeros(3)}, _use_new_zipfile_serialization=False)
)
hostile("state", "a module")(torch_file(lambda torch: torch.nn.Linear(2, 2)))
hostile("state", "a list of tensors")(torch_file(lambda torch: [torch.zeros(2)]))
hostile("state", "nested")(torch_file(lambda torch: {"x": {"y": torch.zeros(2)}}))
hostile("state", "numbers")(torch_file(lambda torch: {"x": 3}))
hostile("state", "complex")(torch_file(lambda torch: {"x": torch.zeros(2) * 1j}))
hostile("state", "sparse")(torch_file(lambda torch: {"x": torch.eye(2).to_sparse()}))
hostile("state", "an expanded tensor")(
    torch_file(lambda torch: {"x": torch.zeros(1).expand(1 << 30)})
)


#: Those that torch writes.
BY_TORCH = {
    name for name, (_, write) in FILES.items() if write.__qualname__.startswith("torch_file")
} | {"state: a truncated tensor file"}


@hostile("state", "a truncated tensor file")
def _(folder: Path) -> Path:
    path = torch_file(lambda torch: {"x": torch.arange(1000.0)})(folder)
    path.write_bytes(path.read_bytes()[:-200])
    return path


@hostile("state", "a zip of something else")
def _(folder: Path) -> Path:
    (folder / "x.pt").write_bytes(ONE)
    return folder / "x.pt"


def pickled(opcodes: bytes, **more: bytes) -> bytes:
    """Return a zip as torch writes it, of a pickle written by hand and one storage."""
    entries = {"x/data.pkl": b"\x80\x02" + opcodes, "x/data/0": bytes(32)}
    return archive(entries | {f"x/{name}": data for name, data in more.items()}, 0)


def storage(kind: bytes, key: str = "0") -> bytes:
    """Return opcodes of ``{"a": storage}``."""
    word, key_word, device = (
        b"X" + struct.pack("<I", len(w)) + w for w in (b"storage", key.encode(), b"cpu")
    )
    return b"}X\x01\0\0\0a(" + word + kind + key_word + device + b"K\x08tQs."


simple(
    "state",
    ".pt",
    {
        "a call": pickled(b"cos\nmkdir\nX\x05\0\0\0" + TRACE[:5].encode() + b"\x85R."),
        "a call of protocol 4": pickled(b"\x80\x04\x8c\x02os\x8c\x05mkdir\x93\x8c\x01x\x85R."),
        "a name with dots": pickled(b"ctorch._utils\n_rebuild_tensor_v2.__globals__\n."),
        "a function": pickled(b"ctorch._utils\n_rebuild_tensor_v2\n}X\x01\0\0\0aK\x01sb."),
        "100000 marks": pickled(b"(" * 100_000 + b"."),
        "tuples in tuples": pickled(b")" + b"\x85" * 1_000_000 + b"."),
        "a string of 2 GB": pickled(b"B\xff\xff\xff\x7f."),
        "a memo of 2 GB": pickled(b"Nr\xff\xff\xff\x7f."),
        "a storage of objects": pickled(storage(b"X\x01\0\0\0O")),
        "a storage elsewhere": pickled(storage(b"ctorch\nFloatStorage\n", "../../etc")),
        "a storage that is short": pickled(storage(b"ctorch\nDoubleStorage\n")),
        "the other byte order": pickled(b"}.", byteorder=b"big"),
        "no pickle": archive({"x/data/0": b""}),
        "two pickles": archive({"x/data.pkl": b"\x80\x02}.", "y/data.pkl": b"\x80\x02}."}, 0),
        "a bomb": archive({"x/data.pkl": b"\x80\x02}.", "x/data/0": bytes(200 << 20)}),
    },
)


# --- TOML --------------------------------------------------------------------------------------

TOML = """
timesteps = 2
[input]
shape = [4]
[readout]
source = "a"
[[population]]
name = "a"
neuron = { threshold = 1.0 }
[[population.connection]]
source = "input"
op = "dense"
weights = "w.npy"
"""


def topology(*changes: tuple[str, str]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        text = TOML
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        np.save(folder / "w.npy", np.ones((3, 4)))
        np.save(folder / "nan.npy", np.full((3, 4), np.nan))
        np.save(folder / "zero.npy", np.ones((0, 4)))
        (folder / "x.pkl").write_bytes(pickle.dumps(Code()))
        (folder / "x.toml").write_text(text)
        return folder / "x.toml"

    return write


simple(
    "toml",
    ".toml",
    {
        "empty": b"",
        "binary": bytes(range(256)),
        "no syntax": b"a = = 3",
        "not UTF-8": b"a = '\xff\xfe'",
        "nested": b"a = " + b"[" * 100_000,
        "tables without end": b"[" + b"a." * 50_000 + b"a]\nb = 1",
        "5 MB": b"#" * (5 << 20),
    },
)
for _name, _changes in {
    "climbs out": [('"w.npy"', '"../../etc/passwd.npy"')],
    "an absolute path": [('"w.npy"', '"/etc/hostname.npy"')],
    "a device": [('"w.npy"', '"/dev/zero"')],
    "a pickle": [('"w.npy"', '"x.pkl"')],
    "the topology itself": [('"w.npy"', '"x.toml"')],
    "NaN weights": [('"w.npy"', '"nan.npy"')],
    "no weights": [('"w.npy"', '"zero.npy"')],
    "weights of text": [('"w.npy"', '["a"]')],
    "a number of 40 digits": [("timesteps = 2", "timesteps = " + "9" * 40)],
    "a threshold of 40 digits": [("threshold = 1.0", "threshold = " + "9" * 40)],
    "an infinite leak": [("threshold = 1.0", "leak = inf")],
    "a date": [("timesteps = 2", "timesteps = 2020-01-01")],
    "padding of 2^30": [('op = "dense"\nweights = "w.npy"',
                         'op = "pool"\nkernel = 2\npadding = 1073741824'), ("[4]", "[1, 4, 4]")],
    "a huge map between": [('op = "dense"\nweights = "w.npy"',
                            'op = "pool"\nkernel = 1\npadding = 60000'), ("[4]", "[1, 4, 4]")],
    "padding that a stride hides": [('op = "dense"\nweights = "w.npy"',
        'op = "pool"\nkernel = 1\npadding = 60000\nstride = 60000'), ("[4]", "[1, 4, 4]")],
    "an input of 10^12": [("[4]", "[1000000000000]")],
    "bits": [('weights = "w.npy"', 'weights = "w.npy"\nbits = 99')],
    "population of populations": [("[[population]]\nname", "[[population.population]]\nname")],
}.items():  # fmt: skip
    hostile("toml", _name)(topology(*_changes))


# --- NIR: HDF5 ---------------------------------------------------------------------------------


def graph(file: Any) -> Any:
    """Write a valid graph into an HDF5 file; return its nodes."""
    import h5py

    text = h5py.string_dtype()
    file.create_dataset("version", data="1.0.8", dtype=text)
    node = file.create_group("node")
    node.create_dataset("type", data="NIRGraph", dtype=text)
    node["edges"] = np.array([[b"input", b"fc"], [b"fc", b"lif"], [b"lif", b"output"]])
    nodes = node.create_group("nodes")
    for name, kind in (("input", "Input"), ("fc", "Linear"), ("lif", "LIF"), ("output", "Output")):
        nodes.create_group(name).create_dataset("type", data=kind, dtype=text)
    nodes["input"]["shape"] = np.array([4])
    nodes["output"]["shape"] = np.array([3])
    nodes["fc"].create_dataset("weight", data=np.ones((3, 4)), compression="gzip")
    for key, value in (("tau", 2e-4), ("r", 2.0), ("v_leak", 0.0), ("v_threshold", 1.0)):
        nodes["lif"].create_dataset(key, data=np.full(3, value), compression="gzip")
    return nodes


def nir(change: Callable[[Any, Any], None]) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        import h5py

        (folder / "secret").write_bytes(bytes(1000))
        with h5py.File(folder / "x.nir", "w") as file:
            change(file, graph(file))
        return folder / "x.nir"

    return write


def put(nodes: Any, path: str, value: Any) -> None:
    """Replace a dataset."""
    if path in nodes:
        del nodes[path]
    nodes[path] = value


def _external(file: Any, nodes: Any) -> None:
    del nodes["fc/weight"]
    nodes["fc"].create_dataset("weight", (3, 4), "f8", external=[("secret", 0, 96)])


def _virtual(file: Any, nodes: Any) -> None:
    import h5py

    del nodes["fc/weight"]
    layout = h5py.VirtualLayout((3, 4), "f8")
    layout[:] = h5py.VirtualSource("secret", "x", (3, 4))
    nodes["fc"].create_virtual_dataset("weight", layout)


def _linked(kind: str) -> Callable[[Any, Any], None]:
    def change(file: Any, nodes: Any) -> None:
        import h5py

        del nodes["fc/weight"]
        link = {"external": h5py.ExternalLink("secret", "/x"), "soft": h5py.SoftLink("/version"),
                "dangling": h5py.SoftLink("/nowhere")}[kind]  # fmt: skip
        nodes["fc"]["weight"] = link

    return change


def _huge(file: Any, nodes: Any) -> None:
    del nodes["fc/weight"]
    nodes["fc"].create_dataset(
        "weight", (1 << 15, 1 << 15), "f8", chunks=(64, 64), compression="gzip"
    )


def _deep(file: Any, nodes: Any) -> None:
    for _ in range(40):
        nodes = nodes.create_group("g")


def _loop(file: Any, nodes: Any) -> None:
    nodes["again"] = nodes


def _filtered(file: Any, nodes: Any) -> None:
    del nodes["fc/weight"]
    nodes["fc"].create_dataset("weight", data=np.ones((3, 4), "i4"), scaleoffset=3)


def _edges(*pairs: tuple[bytes, bytes]) -> Callable[[Any, Any], None]:
    def change(file: Any, nodes: Any) -> None:
        put(file, "node/edges", np.array(pairs))

    return change


def _conv(**fields: Any) -> Callable[[Any, Any], None]:
    def change(file: Any, nodes: Any) -> None:
        put(nodes, "fc/type", "Conv2d")
        given = {"weight": np.ones((3, 1, 2, 2)), "stride": [1, 1], "padding": [0, 0],
                 "dilation": [1, 1], "groups": 1, "bias": np.zeros(3), **fields}  # fmt: skip
        for key, value in given.items():
            put(nodes, f"fc/{key}", value)

    return change


def _lif(**fields: Any) -> Callable[[Any, Any], None]:
    def change(file: Any, nodes: Any) -> None:
        for key, value in fields.items():
            put(nodes, f"lif/{key}", value)

    return change


def _fc(value: Any) -> Callable[[Any, Any], None]:
    return lambda file, nodes: put(nodes, "fc/weight", value)


simple("nir", ".nir", {"empty": b"", "magic only": b"\x89HDF\r\n\x1a\n", "text": b"hello" * 99})
for _name, _change in {
    "external storage": _external,
    "virtual storage": _virtual,
    "an external link": _linked("external"),
    "a soft link": _linked("soft"),
    "a dangling link": _linked("dangling"),
    "declares 8 GB": _huge,
    "groups in groups": _deep,
    "a group in itself": _loop,
    "an odd filter": _filtered,
    "a structure": _fc(np.zeros(3, dtype=[("a", "f8")])),
    "complex weights": _fc(np.ones((3, 4)) * 1j),
    "weights of text": _fc(np.array([[b"a"] * 4] * 3)),
    "a scalar weight": _fc(1.0),
    "weights of five axes": _fc(np.ones((1, 1, 1, 3, 4))),
    "NaN weights": _fc(np.full((3, 4), np.nan)),
    "infinite weights": _fc(np.full((3, 4), np.inf)),
    "no weights": _fc(np.ones((0, 4))),
    "no graph": lambda file, nodes: file.pop("node"),
    "a graph that is a number": lambda file, nodes: (file.pop("node"), put(file, "node", 3)),
    "no nodes": lambda file, nodes: file.pop("node/nodes"),
    "no edges": lambda file, nodes: file.pop("node/edges"),
    "edges of numbers": lambda file, nodes: put(file, "node/edges", np.zeros((3, 2))),
    "edges to nowhere": _edges((b"input", b"nobody"), (b"nobody", b"output")),
    "edges of three": lambda file, nodes: put(file, "node/edges", np.array([[b"a", b"b", b"c"]])),
    "edges in a ring": _edges(
        (b"input", b"fc"), (b"fc", b"lif"), (b"lif", b"fc"), (b"lif", b"output")
    ),
    "two outputs": lambda file, nodes: put(nodes, "fc/type", "Output"),
    "no input": lambda file, nodes: put(nodes, "input/type", "Linear"),
    "an unknown node": lambda file, nodes: put(nodes, "fc/type", "__import__('os')"),
    "a type of 1 MB": lambda file, nodes: put(nodes, "fc/type", "x" * (1 << 20)),
    "a type that is a number": lambda file, nodes: put(nodes, "fc/type", 3),
    "tau of 0": _lif(tau=np.zeros(3)),
    "tau of NaN": _lif(tau=np.full(3, np.nan)),
    "a negative tau": _lif(tau=np.full(3, -1.0)),
    "r of NaN": _lif(r=np.full(3, np.nan)),
    "a negative r": _lif(r=np.full(3, -2.0)),
    "a threshold of NaN": _lif(v_threshold=np.full(3, np.nan)),
    "a threshold of infinity": _lif(v_threshold=np.full(3, np.inf)),
    "thresholds for other neurons": _lif(v_threshold=np.arange(7.0)),
    "v_reset of text": _lif(v_reset=np.array([b"a", b"b"])),
    "no threshold": lambda file, nodes: nodes.pop("lif/v_threshold"),
    "a convolution of a vector": _conv(),
    "padding of 2^31": _conv(padding=[1 << 31, 1 << 31]),
    "a stride of 0": _conv(stride=[0, 0]),
    "no groups": _conv(groups=0),
    "groups of 1.5": _conv(groups=1.5),
    "padding by name": _conv(padding="everything"),
}.items():  # fmt: skip
    hostile("nir", _name)(nir(_change))


@hostile("nir", "truncated")
def _(folder: Path) -> Path:
    path = nir(lambda file, nodes: None)(folder)
    path.write_bytes(path.read_bytes()[:-1000])
    return path


# --- our own files -----------------------------------------------------------------------------


@hostile("network", "a NIR file")
def _(folder: Path) -> Path:
    return nir(lambda file, nodes: None)(folder)


simple("network", ".safetensors", {
    "a pickle": pickle.dumps(Code()),
    "another version": safe({"__metadata__": {"spikexact": '{"version": 7}'}}),
    "a number for a header": safe({"__metadata__": {"spikexact": "3"}}),
    "metadata of numbers": safe({"__metadata__": {"spikexact": 3}}),
})  # fmt: skip


def valid(how: str, folder: Path) -> Path:
    """Write a file that is read without complaint: what the fuzzer alters."""
    if how == "npy":
        (folder / "v.npy").write_bytes(GOOD)
        return folder / "v.npy"
    if how == "npz":
        (folder / "v.npz").write_bytes(
            archive({"x.npy": GOOD, "y.npy": npy(np.eye(3, dtype="f4"))})
        )
        return folder / "v.npz"
    if how == "mat":
        return mat(folder, x=np.eye(3), y=np.arange(4, dtype=np.int8))
    if how == "safetensors":
        (folder / "v.safetensors").write_bytes(safe({"x": tensor()}, bytes(16)))
        return folder / "v.safetensors"
    if how == "torch":
        return torch_file(lambda torch: {"x": torch.eye(3), "y": torch.arange(4)})(folder)
    if how == "toml":
        return topology()(folder)
    if how == "nir":
        return nir(lambda file, nodes: None)(folder)
    from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout

    p = Population("a", (Connection("input", Dense(np.ones((3, 4), int))),), Neuron(threshold=2))
    mapping.save(Network(Input((4,)), (p,), Readout("a"), 2), folder / "v.net")
    return folder / "v.net"


FORMATS = ("npy", "npz", "mat", "safetensors", "torch", "toml", "nir", "network")
