"""verify.json: who agrees with the reference, on which network, and on which Verilog."""

from __future__ import annotations

from operator import index
from typing import Any

from sim import written
from sim.verify import READ_RTL

from .finding import FOREIGN, OTHER, OURS, UNKNOWN, Finding, claim, whose
from .sources import VERIFY, remedy


def of_checks(
    verified: dict[str, Any],
    network: str,
    folded_from: str | None,
    verilog_sha256: str | None,
) -> list[Finding]:
    """Return what verify.json gives reason for.

    Args:
        network: its hash. verilog_sha256: of the Verilog of the folder, if there is any.
    """
    if verified["format"] != written.FORMAT:
        return claim(VERIFY, None, None)
    reasons = []
    for check in verified["checks"]:
        owner = whose_check(check, network)
        if owner in (FOREIGN, UNKNOWN):
            reasons += claim(VERIFY, check["network_sha256"], network)
            continue
        reasons += _of_check(check)
        if "trained" in check:
            reasons += _of_source(check, folded_from)
        if owner == OURS and of_other_verilog(check, verilog_sha256):
            text = "the Verilog in rtl/ is not the one that was compared"
            detail = "run spikexact verify DIR/network.safetensors --rtl DIR/rtl -o DIR/verify.json"
            reasons.append(Finding("not_compared", VERIFY, text, detail))
    if not any(whose_check(check, network) == OURS for check in verified["checks"]) and not reasons:
        text = "no backend was compared with the reference"
        reasons.append(Finding("nothing_compared", VERIFY, text, remedy(VERIFY)))
    return list(dict.fromkeys(reasons))


def agreed(verified: dict[str, Any] | None, network: str, verilog_sha256: str | None) -> str | None:
    """Return the clause on who agrees on this network, and on this Verilog; or None."""
    if verified is None or verified["format"] != written.FORMAT:
        return None
    names: dict[str, None] = {}
    compared = 0
    for check in verified["checks"]:
        if whose_check(check, network) == OURS and not _of_check(check):
            for backend in check["backends"]:
                if backend["name"] in READ_RTL and of_other_verilog(check, verilog_sha256):
                    continue
                names[backend["name"]] = None
                compared += backend["compared"]
    if not names:
        return None
    *first, last = names
    who = f"{', '.join(first)} and {last} agree" if first else f"{last} agrees"
    return f"{who} with the reference in all {compared:,} neuron-values compared"


def checks(
    verified: dict[str, Any] | None, network: str, verilog_sha256: str | None
) -> list[dict[str, Any]]:
    """Return the checks of verify.json as report.json has them: with whose they are, and a result.

    Returns
    -------
        One dict a check; its ``rows`` are a list by backend and population, ``result`` one of
        agrees, agrees_on_other_network, agrees_on_other_verilog, not_compared, nothing_compared,
        failed, foreign and unknown.
    """
    if verified is None or verified["format"] != written.FORMAT:
        return []
    return [_judged(check, network, verilog_sha256) for check in verified["checks"]]


def left_out(verified: dict[str, Any] | None) -> list[dict[str, str]]:
    """Return the backends that verify.json says were not run, by ``name``, and ``why``."""
    if verified is None or verified["format"] != written.FORMAT:
        return []
    return [{"name": str(b["name"]), "why": str(b["why"])} for b in verified["left_out"]]


def whose_check(check: dict[str, Any], network: str) -> str:
    """Return whose a check is; OTHER if it is of another network on purpose, and says so."""
    owner = whose(check["network_sha256"], network)
    return OTHER if owner == FOREIGN and check["about"] is not None else owner


def of_other_verilog(check: dict[str, Any], verilog_sha256: str | None) -> bool:
    """Return whether a check ran Verilog that is not, or is not known to be, that of this hash."""
    read = check["verilog_sha256"]
    ran = read is not None or any(backend["name"] in READ_RTL for backend in check["backends"])
    return ran and verilog_sha256 is not None and read != verilog_sha256


def state(backend: dict[str, Any]) -> str:
    """Return "agrees", or the status that keeps it from agreeing: its word alone is not enough."""
    counts = [c for p in backend["populations"] for c in (p["spikes"], p["v"]) if c is not None]
    if backend["failure"] is not None:
        return "failed"
    if backend["mismatches"] > 0 or any(count["mismatches"] > 0 for count in counts):
        return "mismatch"
    compared = sum(count["compared"] or 0 for count in counts)
    if not backend["compared"] > 0 or not compared > 0:
        return "nothing_compared"
    return "agrees" if backend["ok"] is True else "failed"


def states(check: dict[str, Any]) -> list[str]:
    """Return the state of each backend; all fail where the check as a whole does and none says."""
    each = [state(backend) for backend in check["backends"]]
    if check["ok"] is not True and set(each) <= {"agrees"}:
        return ["failed"] * len(each)
    return each


def _of_check(check: dict[str, Any]) -> list[Finding]:
    title, reference = check["title"], check["reference"]
    reasons = []
    for backend, status in zip(check["backends"], states(check), strict=True):
        name = backend["name"]
        text = {
            "failed": f"{name} failed ({title})",
            "mismatch": f"{name} differs from {reference} in {backend['mismatches']:,} of "
            f"{backend['compared']:,} neuron-values ({title})",
            "nothing_compared": f"{name} gave nothing to compare ({title})",
        }
        if status != "agrees":
            detail = backend["failure"] or (backend["divergence"] or {}).get("text", "")
            reasons.append(Finding(status, VERIFY, text[status], str(detail)))
    if not check["backends"]:
        text = f"no backend was compared with {reference} ({title})"
        reasons.append(Finding("nothing_compared", VERIFY, text, remedy(VERIFY)))
    return reasons


def _of_source(check: dict[str, Any], folded_from: str | None) -> list[Finding]:
    """Return what the comparison with the trained network gives reason for."""
    trained = check["trained"]
    owner = whose(trained["trained_sha256"], folded_from)
    if owner == FOREIGN:
        text = f"{VERIFY} compares with another trained network ({check['title']})"
        return [Finding("foreign", VERIFY, text, remedy(VERIFY))]
    if owner == UNKNOWN:
        text = f"{VERIFY}: not known whether it compares with what the network was folded from"
        return [Finding("unknown", VERIFY, text, remedy(VERIFY))]
    odd = trained["differing_samples"] - trained["near_ties"]
    if odd > 0 and all(row["certificate"] == "exact" for row in trained["populations"]):
        text = f"float64 fires otherwise in {odd:,} samples, where every layer is certified exact"
        return [Finding("mismatch", VERIFY, text, "and at no near-tie: a certificate is wrong")]
    return []


def _judged(check: dict[str, Any], network: str, verilog_sha256: str | None) -> dict[str, Any]:
    owner = whose_check(check, network)
    rows = []
    for backend, status in zip(check["backends"], states(check), strict=True):
        stale = backend["name"] in READ_RTL and of_other_verilog(check, verilog_sha256)
        for cell in backend["populations"] or [{"name": None, "spikes": None, "v": None}]:
            rows.append(
                {
                    "backend": backend["name"],
                    "samples": backend["samples"],
                    "population": cell["name"],
                    "spikes": _count(cell["spikes"]),
                    "v": _count(cell["v"]),
                    "result": _result(status, owner, stale, cell),
                }
            )
    return {
        "title": str(check["title"]),
        "whose": owner,
        "about": check["about"],
        **{key: check[key] for key in ("network_sha256", "inputs_sha256")},
        **{key: index(check[key]) for key in ("compared", "mismatches", "threshold_hits")},
        "problems": [str(problem) for problem in check["problems"]],
        "rows": rows,
        "trained": _float64(check["trained"]) if "trained" in check else None,
    }


def _float64(trained: dict[str, Any]) -> dict[str, Any]:
    """Return the comparison with the trained network, or raise where it is not one."""
    counts = ("samples", "differing_samples", "near_ties", "differing_classes")
    return {
        "trained_sha256": trained["trained_sha256"],
        **{key: index(trained[key]) for key in counts},
        "populations": [
            {
                "name": str(row["name"]),
                "certificate": str(row["certificate"]),
                **{key: index(row[key]) for key in ("compared", "mismatches")},
            }
            for row in trained["populations"]
        ],
    }


def _result(status: str, owner: str, stale: bool, cell: dict[str, Any]) -> str:
    if owner in (FOREIGN, UNKNOWN):
        return owner
    if status == "nothing_compared":
        return status
    if status != "agrees":
        return "failed"
    counts = [count for count in (cell["spikes"], cell["v"]) if count is not None]
    if not any(count["compared"] for count in counts):
        return "not_compared"
    if owner == OTHER:
        return "agrees_on_other_network"
    return "agrees_on_other_verilog" if stale else "agrees"


def _count(count: dict[str, Any] | None) -> dict[str, int | None] | None:
    if count is None:
        return None
    compared = count["compared"]
    return {
        "compared": None if compared is None else index(compared),
        "mismatches": index(count["mismatches"]),
    }
