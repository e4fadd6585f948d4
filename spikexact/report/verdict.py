"""What each file of a folder gives reason for, verify.json's checks apart (``agreement``)."""

from __future__ import annotations

from typing import Any

from mapping import Network

from .. import files
from . import agreement
from .finding import Finding, claim
from .sources import (
    ACCURACY,
    EPOCHS,
    MANIFEST,
    NETWORK,
    PLACE,
    TRAINING,
    VERIFY,
    WRITTEN_BY,
    Sources,
    remedy,
)


def findings(sources: Sources) -> list[Finding]:
    """Return everything but what is good: files of other networks, checks that failed, ..

    Raises
    ------
        ValueError: a file is not what its command writes; it is named.
    """
    contents, network = sources.contents, sources.network_sha256
    rules = {
        ACCURACY: lambda accuracy: of_accuracy(accuracy, network),
        TRAINING: lambda training: of_training(training, sources.folded_from),
        EPOCHS: lambda _: of_epochs(sources.epochs_sha256, contents[TRAINING], sources.folded_from),
        MANIFEST: lambda manifest: of_verilog(manifest, sources.verilog_sha256, network),
        PLACE: lambda placement: of_placement(placement, network),
        VERIFY: lambda verified: agreement.of_checks(
            verified, network, sources.folded_from, sources.verilog_sha256
        ),
    }
    reasons: list[Finding] = []
    for file, rule in rules.items():
        if contents[file] is not None:
            # What trained.jsonl is of, trained.json says.
            damaged = TRAINING if file == EPOCHS else file
            with files.whole(sources.folder / damaged, WRITTEN_BY[file]):
                reasons += rule(contents[file])
    if contents[VERIFY] is None:
        text = "no backend was compared with the reference"
        reasons.append(Finding("not_compared", VERIFY, text))
    return reasons


def of_accuracy(accuracy: dict[str, Any], network: str) -> list[Finding]:
    """Return what accuracy.json gives reason for."""
    named = accuracy["network_sha256"] if "format" in accuracy else None
    reasons = claim(ACCURACY, named, network)
    if not reasons and accuracy.get("mismatches", 0) > 0:
        text = (
            f"{accuracy['backend']} differs from reference in {accuracy['mismatches']:,} of "
            f"{accuracy['compared']:,} neuron-values ({ACCURACY})"
        )
        reasons.append(Finding("mismatch", ACCURACY, text, str(accuracy.get("divergence"))))
    return reasons


def of_placement(placement: dict[str, Any], network: str) -> list[Finding]:
    """Return what place.json gives reason for."""
    reasons = claim(PLACE, placement["network_sha256"], network)
    if not reasons and placement["broken"]:
        text = f"the placement breaks {len(placement['broken'])} rules of its chip ({PLACE})"
        reasons.append(Finding("failed", PLACE, text, str(placement["broken"][0])))
    return reasons


def of_training(
    training: dict[str, Any], folded_from: str | None, file: str = TRAINING
) -> list[Finding]:
    """Return what trained.json gives reason for: it is of what the network was folded from."""
    if "format" not in training:
        return claim(file, None, None)
    if folded_from is not None and training["trained_sha256"] is None:
        detail = f"it is of a training of full precision, which is not mapped; {remedy(file)}"
        return [Finding("foreign", file, f"{file} is of another network", detail)]
    return claim(file, training["trained_sha256"], folded_from)


def of_epochs(
    epochs_sha256: str | None, training: dict[str, Any] | None, folded_from: str | None
) -> list[Finding]:
    """Return what trained.jsonl, of this hash, gives reason for: trained.json says whose it is."""
    if training is None or "format" not in training:
        return claim(EPOCHS, None, None)
    if training["epochs_sha256"] != epochs_sha256:
        text = f"{EPOCHS} is not the one that trained.json is of"
        return [Finding("foreign", EPOCHS, text, remedy(EPOCHS))]
    return of_training(training, folded_from, EPOCHS)


def of_verilog(manifest: dict[str, Any], verilog_sha256: str | None, network: str) -> list[Finding]:
    """Return what rtl/manifest.json gives reason for.

    Args:
        verilog_sha256: hash of the Verilog that lies beside it; None if there is none.
    """
    named = manifest["network_sha256"] if manifest["format"] != 1 else None
    reasons = claim(MANIFEST, named, network)
    name = f"rtl/{manifest['verilog']}"
    if verilog_sha256 is None:
        reasons.append(Finding("altered", name, f"{name} is not there", remedy(MANIFEST)))
    elif manifest["format"] != 1 and verilog_sha256 != manifest["verilog_sha256"]:
        text = f"{name} was changed after it was written"
        reasons.append(Finding("altered", name, text, remedy(MANIFEST)))
    return reasons


def certified(network: Network) -> Finding:
    """Return what the certificates say."""
    if network.exact:
        text = (
            "every layer is certified exact: it does what the trained layer does, for every input"
        )
        return Finding("exact", NETWORK, text)
    return Finding("bounded", NETWORK, "not every layer is certified exact; the table says why")
