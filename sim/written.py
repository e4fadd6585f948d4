"""verify.json: a list of checks, each of one network on one batch of inputs, by several backends.

``network_sha256`` and ``inputs_sha256`` say of what: a check says nothing of any other network.
docs/json.md lists the keys.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from .counts import Count
from .verify import Check, Verification

#: 1 had two shapes, and did not say of which network; 2 is this one.
FORMAT = 2


def document(
    checks: Sequence[dict[str, Any]], left_out: Sequence[dict[str, str]] = ()
) -> dict[str, Any]:
    """Return what verify.json holds, of checks that ``entry`` returned.

    Args:
        left_out: backends that were not run, by ``name``, and ``why``.
    """
    ok = bool(checks) and all(check["ok"] for check in checks)
    return {"format": FORMAT, "ok": ok, "checks": list(checks), "left_out": list(left_out)}


def entry(
    verification: Verification,
    title: str = "verify",
    about: str | None = None,
    seed: int | None = None,
) -> dict[str, Any]:
    """Return one check as JSON values.

    Args:
        about: where it is of another network than the one that verify.json lies beside, on
            purpose: which, and why.
        seed: of the stimuli, if the inputs were drawn.
    """
    return {
        "title": title,
        "about": about,
        "ok": verification.ok,
        "network_sha256": verification.network_sha256,
        "inputs_sha256": verification.inputs_sha256,
        "verilog_sha256": verification.verilog_sha256,
        "seed": seed,
        "reference": verification.reference,
        "samples": verification.samples,
        "timesteps": verification.timesteps,
        "compared": verification.compared,
        "mismatches": verification.mismatches,
        "threshold_hits": verification.threshold_hits,
        "problems": verification.problems,
        "backends": [_backend(name, check) for name, check in verification.checks.items()],
    }


def _backend(name: str, check: Check) -> dict[str, Any]:
    first = check.divergence
    return {
        "name": name,
        "ok": check.ok,
        "samples": check.samples,
        "compared": check.compared,
        "mismatches": check.mismatches,
        "seconds": round(check.seconds, 3),
        "failure": check.failure,
        "divergence": None if first is None else {**dataclasses.asdict(first), "text": str(first)},
        "populations": [
            {
                "name": population,
                "spikes": None if cell.spikes is None else _count(cell.spikes),
                "v": _count(cell.v),
            }
            for population, cell in check.cells.items()
        ],
        "info": check.info,
    }


def _count(count: Count) -> dict[str, int | None]:
    return {"compared": count.compared, "mismatches": count.mismatches}
