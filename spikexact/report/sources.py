"""What a report reads: a folder's network, and each other file, or that it is not there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mapping import Network
from mapping.files import digest, folded_from

from .. import files

NETWORK = "network.safetensors"
ACCURACY, TRAINING, EPOCHS = "accuracy.json", "trained.json", "trained.jsonl"
VERIFY, MANIFEST, PLACE = "verify.json", "rtl/manifest.json", "place.json"
#: What stands for a file that is not there. It ends with what to do about it.
ABSENT = {
    ACCURACY: "not measured: run spikexact evaluate DIR/network.safetensors DATA --json > "
    "DIR/accuracy.json",
    TRAINING: "not known how it was trained: run spikexact train .. --measures "
    "-o DIR/trained.safetensors",
    EPOCHS: "no curves: run spikexact train .. --measures -o DIR/trained.safetensors",
    VERIFY: "not compared: run spikexact verify DIR/network.safetensors -o DIR/verify.json",
    MANIFEST: "no Verilog: run spikexact verilog DIR/network.safetensors -o DIR/rtl",
}
#: Of a file that is a section where it lies, and is not missed where it does not.
OFFERED = {PLACE: "not placed: run spikexact place DIR/network.safetensors -o DIR/place.json"}
#: The command that writes each, as it is named where a file is damaged.
WRITTEN_BY = {
    ACCURACY: "evaluate",
    TRAINING: "train",
    EPOCHS: "train",
    VERIFY: "verify",
    MANIFEST: "verilog",
    PLACE: "place",
}


@dataclass(frozen=True)
class Sources:
    """A folder's network and files.

    Attributes
    ----------
        network_sha256: of the network. folded_from: hash of the trained network that its file
            names; None if it names none.
        contents: of each file of ABSENT and OFFERED; None where it is not there.
        epochs_sha256, verilog_sha256: of trained.jsonl and of the Verilog beside the manifest;
            None where there is none.
    """

    folder: Path
    network: Network
    network_sha256: str
    folded_from: str | None
    contents: dict[str, Any]
    epochs_sha256: str | None
    verilog_sha256: str | None


def read(folder: Path) -> Sources:
    """Read a folder.

    Raises
    ------
        ValueError: there is no network, or a file is damaged; it is named.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: give one with {NETWORK}")
    network = files.network(folder / NETWORK)
    contents = {name: _content(folder / name) for name in (*ABSENT, *OFFERED)}
    verilog = None
    if contents[MANIFEST] is not None:
        with files.whole(folder / MANIFEST, WRITTEN_BY[MANIFEST]):
            verilog = files.sha256(folder / "rtl" / contents[MANIFEST]["verilog"])
    return Sources(
        folder=folder,
        network=network,
        network_sha256=digest(network),
        folded_from=folded_from(folder / NETWORK),
        contents=contents,
        epochs_sha256=files.sha256(folder / EPOCHS),
        verilog_sha256=verilog,
    )


def remedy(file: str) -> str:
    """Return how to come by a file of ABSENT or OFFERED."""
    return (ABSENT | OFFERED)[file].partition(": ")[2]


def _content(path: Path) -> Any:
    """Return what a JSON file holds, or the lines of a .jsonl; None if there is no such file."""
    if not path.exists():
        return None
    if not path.is_file():
        raise ValueError(f"{path} is no file: remove it")
    return files.read_lines(path) if path.suffix == ".jsonl" else files.read_json(path)
