"""What a report finds wrong with its files, and the worst of it, which is the headline.

A file that belongs to a network names it by its content. One that names another, or none, is never
taken as a word on this one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .sources import remedy

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
#: Whose a file is, or a check: of this network; of another one on purpose; of another; not known.
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
    owner = whose(named, wanted)
    if owner == OURS:
        return []
    if owner == FOREIGN:
        detail = f"it names {short(named)}, where {short(wanted)} belongs; {remedy(file)}"
        return [Finding("foreign", file, f"{file} is of another network", detail)]
    return [Finding("unknown", file, f"{file}: not known which network it is of", remedy(file))]


def short(digest: object) -> str:
    """Return as much of a hash as a person compares."""
    return str(digest)[:12]


def headline(findings: Iterable[Finding], agreed: str | None) -> tuple[str, str]:
    """Return the worst status, and one sentence: the worst first, what is good last.

    Args:
        findings: at least one. agreed: the clause on who agrees, or None.
    """
    order = list(STATUSES)
    worst_first = sorted(findings, key=lambda finding: order.index(finding.status))
    clauses = [*dict.fromkeys(finding.text for finding in worst_first)]
    if agreed is not None:
        clauses.append(agreed)
    status = worst_first[0].status
    sentence = "; ".join(clauses) + "."
    begin = STATUSES[status]
    return status, begin + sentence if begin else sentence[0].upper() + sentence[1:]
