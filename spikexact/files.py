"""What the commands read and write: networks, inputs, JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mapping import Network, TrainedNetwork, load, plain
from mapping.files import beside, digest, folded_from


def network(path: Path) -> Network:
    """Load a Network; a TrainedNetwork is refused with what to do."""
    value = load(path, Network)
    assert isinstance(value, Network)
    return value


def source(path: Path, network: Path) -> TrainedNetwork:
    """Load the TrainedNetwork that a network file was folded from.

    Raises
    ------
        ValueError: the network file names another one.
    """
    value, origin = trained(path), folded_from(network)
    if origin is not None and origin != digest(value):
        raise ValueError(
            f"{path} is not what {network} was folded from ({digest(value)[:12]}, and it names "
            f"{origin[:12]}): give that one, or fold this one"
        )
    return value


def trained(path: Path) -> TrainedNetwork:
    """Load a TrainedNetwork."""
    value = load(path, TrainedNetwork)
    assert isinstance(value, TrainedNetwork)
    return value


def inputs(path: Path) -> np.ndarray:
    """Read a .npy of inputs; pickles are refused.

    Raises
    ------
        ValueError: missing, or no .npy of plain numbers.
    """
    return plain.npy(path)


def difference(value: TrainedNetwork, network: Network, batch: np.ndarray) -> dict[str, Any]:
    """Return how often float64 fires otherwise than these integers: in all, and by population."""
    from sim.disagreement import disagreement

    compared = disagreement(value, network, batch)
    rows = []
    for name, count in compared.spikes.items():
        certificate = network[name].certificate
        exact = certificate is not None and certificate.exact
        rows.append(
            {
                "name": name,
                "certificate": "exact" if exact else "bounded",
                "compared": count.compared,
                "mismatches": count.mismatches,
            }
        )
    return {
        "trained_sha256": digest(value),
        "samples": compared.samples,
        "differing_samples": compared.differing,
        "near_ties": compared.near_ties,
        "differing_classes": compared.classes,
        "populations": rows,
    }


def difference_rows(counts: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what ``difference`` counted as the rows of a table, a last one for the whole."""
    heads = {"name": "population", "compared": "spikes compared", "mismatches": "differ"}
    whole = {
        "population": f"{counts['samples']} samples",
        "certificate": f"{counts['differing_samples']} differ, "
        f"{counts['near_ties']} first at a near-tie",
        "spikes compared": "",
        "differ": f"{counts['differing_classes']} classes",
    }
    return [*({heads.get(k, k): v for k, v in r.items()} for r in counts["populations"]), whole]


def sha256(path: Path) -> str | None:
    """Return the SHA-256 of a file's bytes; None if there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def write_json(path: Path, value: Any) -> None:
    """Write JSON beside and rename it into place."""
    with beside(path) as part:
        part.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
        ValueError: missing or damaged.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path} is damaged: it holds no JSON object")
    return value


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a file of JSON objects, one a line; at least one.

    Raises
    ------
        ValueError: missing or damaged; the line is named.
    """
    rows: list[Any] = []
    try:
        for line in path.read_text(encoding="utf-8").splitlines():
            rows.append(json.loads(line))
    except FileNotFoundError:
        raise ValueError(f"{path} does not exist") from None
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged in line {len(rows) + 1}: {error}") from None
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise ValueError(f"{path} is damaged: it does not hold a JSON object in every line")
    return rows


@contextmanager
def whole(path: Path, command: str) -> Iterator[None]:
    """Turn what goes wrong within into one sentence about a file that lacks something."""
    try:
        yield
    except (LookupError, TypeError, AttributeError, ArithmeticError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged: it is not what spikexact {command} writes "
            f"({type(error).__name__}: {error})"
        ) from None
