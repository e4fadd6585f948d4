"""What the files of a folder say of its network, and the worst of it, which is a page's headline.

A file that belongs to a network names it by its content. One that names another, or none, is never
taken as a word on this one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import mapping
from sim import written
from sim.verify import READ_RTL

from .page import remedy

#: From the worst to the best, and what a headline begins with.
STATUSES = {
    "failed": "A check FAILED: ",
    "mismatch": "A MISMATCH: ",
    "foreign": "Files of ANOTHER NETWORK: ",
    "altered": "The Verilog was ALTERED: ",
    "nothing_compared": "NOTHING WAS COMPARED: ",
    "unknown": "NOT KNOWN of which network: ",
    "bounded": "",
    "not_compared": "",
    "exact": "",
}
OURS, OTHER, FOREIGN, UNKNOWN = "ours", "other", "foreign", "unknown"


@dataclass(frozen=True)
class Finding:
    """One thing that a page says of its files.

    Attributes
    ----------
        status: of STATUSES. file: that it was found in. text: a clause of the headline.
        detail: what else there is to say, and what to do; may be empty.
    """

    status: str
    file: str
    text: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.text}: {self.detail}" if self.detail else self.text


def whose(named: object, wanted: str | None) -> str:
    """Return whether a file that names something by a hash is of ours."""
    if not isinstance(named, str) or wanted is None:
        return UNKNOWN
    return OURS if named == wanted else FOREIGN


def claim(file: str, named: object, wanted: str | None) -> list[Finding]:
    """Return a finding if a file is of another network, or does not say of which; else none."""
    found = whose(named, wanted)
    if found == OURS:
        return []
    if found == FOREIGN:
        detail = f"it names {short(named)}, where {short(wanted)} belongs; {remedy(file)}"
        return [Finding("foreign", file, f"{file} is of another network", detail)]
    return [Finding("unknown", file, f"{file}: not known which network it is of", remedy(file))]


def short(digest: object) -> str:
    """Return as much of a hash as a person compares."""
    return str(digest)[:12]


def of_accuracy(found: dict[str, Any], network: str) -> list[Finding]:
    """Return what accuracy.json gives reason for."""
    file = "accuracy.json"
    findings = claim(file, found["network_sha256"] if "format" in found else None, network)
    if not findings and found.get("mismatches", 0) > 0:
        text = (
            f"{found['backend']} differs from reference in {found['mismatches']:,} of "
            f"{found['compared']:,} neuron-values ({file})"
        )
        findings.append(Finding("mismatch", file, text, str(found.get("divergence"))))
    return findings


def of_training(
    found: dict[str, Any], folded_from: str | None, file: str = "trained.json"
) -> list[Finding]:
    """Return what trained.json gives reason for: it is of what the network was folded from."""
    if "format" not in found:
        return claim(file, None, None)
    if folded_from is not None and found["trained_sha256"] is None:
        detail = f"it is of a training of full precision, which is not mapped; {remedy(file)}"
        return [Finding("foreign", file, f"{file} is of another network", detail)]
    return claim(file, found["trained_sha256"], folded_from)


def of_epochs(
    lines: str | None, training: dict[str, Any] | None, folded_from: str | None
) -> list[Finding]:
    """Return what trained.jsonl, of this hash, gives reason for: trained.json says whose it is."""
    file = "trained.jsonl"
    if training is None or "format" not in training:
        return claim(file, None, None)
    if training["epochs_sha256"] != lines:
        text = f"{file} is not the one that trained.json is of"
        return [Finding("foreign", file, text, remedy(file))]
    return of_training(training, folded_from, file)


def of_verilog(manifest: dict[str, Any], verilog: str | None, network: str) -> list[Finding]:
    """Return what rtl/manifest.json gives reason for.

    Args:
        verilog: hash of the Verilog that lies beside it; None if there is none.
    """
    file = "rtl/manifest.json"
    named = manifest["network_sha256"] if manifest["format"] != 1 else None
    findings = claim(file, named, network)
    name = f"rtl/{manifest['verilog']}"
    if verilog is None:
        findings.append(Finding("altered", name, f"{name} is not there", remedy(file)))
    elif manifest["format"] != 1 and verilog != manifest["verilog_sha256"]:
        text = f"{name} was changed after it was written"
        findings.append(Finding("altered", name, text, remedy(file)))
    return findings


def of_checks(
    found: dict[str, Any], network: str, folded_from: str | None, verilog: str | None
) -> list[Finding]:
    """Return what verify.json gives reason for.

    Args:
        verilog: hash of the Verilog of the folder, if there is any.
    """
    file = "verify.json"
    if found["format"] != written.FORMAT:
        return claim(file, None, None)
    findings = []
    for check in found["checks"]:
        of = whose_check(check, network)
        if of in (FOREIGN, UNKNOWN):
            findings += claim(file, check["network_sha256"], network)
            continue
        findings += _of_check(check)
        if "trained" in check:
            findings += _of_source(check, folded_from)
        if of == OURS and of_other_verilog(check, verilog):
            text = "the Verilog in rtl/ is not the one that was compared"
            detail = "run spikexact verify DIR/network.safetensors --rtl DIR/rtl -o DIR/verify.json"
            findings.append(Finding("not_compared", file, text, detail))
    if not any(whose_check(check, network) == OURS for check in found["checks"]) and not findings:
        text = "no backend was compared with the reference"
        findings.append(Finding("nothing_compared", file, text, remedy(file)))
    return list(dict.fromkeys(findings))


def _of_source(check: dict[str, Any], folded_from: str | None) -> list[Finding]:
    """Return what the comparison with the trained network gives reason for."""
    file, found = "verify.json", check["trained"]
    whom = whose(found["trained_sha256"], folded_from)
    if whom == FOREIGN:
        text = f"{file} compares with another trained network ({check['title']})"
        return [Finding("foreign", file, text, remedy(file))]
    if whom == UNKNOWN:
        text = f"{file}: not known whether it compares with what the network was folded from"
        return [Finding("unknown", file, text, remedy(file))]
    odd = found["differing_samples"] - found["near_ties"]
    if odd > 0 and all(row["certificate"] == "exact" for row in found["populations"]):
        text = f"float64 fires otherwise in {odd:,} samples, where every layer is certified exact"
        return [Finding("mismatch", file, text, "and at no near-tie: a certificate is wrong")]
    return []


def of_other_verilog(check: dict[str, Any], verilog: str | None) -> bool:
    """Return whether a check ran Verilog that is not, or is not known to be, that of this hash."""
    read = check["verilog_sha256"]
    ran = read is not None or any(one["name"] in READ_RTL for one in check["backends"])
    return ran and verilog is not None and read != verilog


def whose_check(check: dict[str, Any], network: str) -> str:
    """Return whose a check is; OTHER if it is of another network on purpose, and says so."""
    found = whose(check["network_sha256"], network)
    return OTHER if found == FOREIGN and check["about"] is not None else found


def state(backend: dict[str, Any]) -> str:
    """Return "agrees", or the status that keeps it from agreeing: its word alone is not enough."""
    cells = [c for p in backend["populations"] for c in (p["spikes"], p["v"]) if c is not None]
    if backend["failure"] is not None:
        return "failed"
    if backend["mismatches"] > 0 or any(c["mismatches"] > 0 for c in cells):
        return "mismatch"
    if not backend["compared"] > 0 or not sum(c["compared"] or 0 for c in cells) > 0:
        return "nothing_compared"
    return "agrees" if backend["ok"] is True else "failed"


def states(check: dict[str, Any]) -> list[str]:
    """Return the state of each backend; all fail where the check as a whole does and none says."""
    found = [state(backend) for backend in check["backends"]]
    if check["ok"] is not True and set(found) <= {"agrees"}:
        return ["failed"] * len(found)
    return found


def _of_check(check: dict[str, Any]) -> list[Finding]:
    file, title, reference = "verify.json", check["title"], check["reference"]
    findings = []
    for backend, found in zip(check["backends"], states(check), strict=True):
        name = backend["name"]
        text = {
            "failed": f"{name} failed ({title})",
            "mismatch": f"{name} differs from {reference} in {backend['mismatches']:,} of "
            f"{backend['compared']:,} neuron-values ({title})",
            "nothing_compared": f"{name} gave nothing to compare ({title})",
        }
        if found != "agrees":
            detail = backend["failure"] or (backend["divergence"] or {}).get("text", "")
            findings.append(Finding(found, file, text[found], str(detail)))
    if not check["backends"]:
        text = f"no backend was compared with {reference} ({title})"
        findings.append(Finding("nothing_compared", file, text, remedy(file)))
    return findings


def agreement(found: dict[str, Any] | None, network: str, verilog: str | None) -> str | None:
    """Return the clause on who agrees on this network, and on this Verilog; or None."""
    if found is None or found["format"] != written.FORMAT:
        return None
    names: dict[str, None] = {}
    compared = 0
    for check in found["checks"]:
        if whose_check(check, network) == OURS and not _of_check(check):
            for backend in check["backends"]:
                if backend["name"] in READ_RTL and of_other_verilog(check, verilog):
                    continue
                names[backend["name"]] = None
                compared += backend["compared"]
    if not names:
        return None
    *first, last = names
    who = f"{', '.join(first)} and {last} agree" if first else f"{last} agrees"
    return f"{who} with the reference in all {compared:,} neuron-values compared"


def certified(network: mapping.Network) -> Finding:
    """Return what the certificates say."""
    if network.exact:
        text = (
            "every layer is certified exact: it does what the trained layer does, for every input"
        )
        return Finding("exact", "network.safetensors", text)
    text = "not every layer is certified exact; the table says why"
    return Finding("bounded", "network.safetensors", text)


def headline(findings: Iterable[Finding], agreed: str | None) -> tuple[str, str]:
    """Return the worst status, and one sentence: the worst first, what is good last."""
    order = list(STATUSES)
    told = sorted(findings, key=lambda finding: order.index(finding.status))
    clauses = [*dict.fromkeys(finding.text for finding in told)]
    if agreed is not None:
        clauses.append(agreed)
    begin = STATUSES[told[0].status]
    sentence = "; ".join(clauses) + "."
    return told[0].status, begin + sentence if begin else sentence[0].upper() + sentence[1:]
