"""The report as one value: report.json is this value, and the page is its rendering."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mapping.show import rows_of
from sim.trace import Trace

from .. import files
from ..targets import advice
from . import agreement, sizes, verdict
from .activity import Activity, activity
from .cost import Cost, cost
from .curves import Curves, measured
from .finding import Finding, headline
from .placement import Placed, placed
from .sources import ABSENT, ACCURACY, EPOCHS, MANIFEST, PLACE, TRAINING, VERIFY, Sources

#: Of report.json: 1 said ``foldings`` for ``parallelism``, and had no ``checks``.
FORMAT = 3


@dataclass(frozen=True)
class Report:
    """Everything that a page says of a folder.

    Attributes
    ----------
        status, headline: the worst of the findings, and the sentence that begins with it.
        network_sha256, exact, certificate: of the network; a row for each population.
        accuracy, training, epochs, agreement: the files; None where one is not there, or not
            known to be of this network.
        checks, left_out: what verify.json comes to (``agreement.checks``), and what did not run.
        size, verilog: bits of each population; size and speed of the Verilog, or None.
        activity: of a population that fires, or None.
        placed: where its neurons lie on a chip, or None.
        costs, curves: of a sample, by the file that measured it; of the epochs. Not in
            report.json, as ``training``, ``accuracy`` and ``epochs`` hold their numbers.
        absent: of each file that is not there, what stands in its place.
        undrawn: why there are no figures; None if there are.
    """

    status: str
    headline: str
    findings: tuple[Finding, ...]
    network_sha256: str
    exact: bool
    certificate: list[dict[str, Any]]
    accuracy: dict[str, Any] | None
    training: dict[str, Any] | None
    epochs: list[dict[str, Any]] | None
    agreement: dict[str, Any] | None
    checks: list[dict[str, Any]]
    left_out: list[dict[str, str]]
    size: list[dict[str, Any]]
    verilog: dict[str, Any] | None
    activity: Activity | None
    placed: Placed | None
    costs: dict[str, Cost]
    curves: list[Curves]
    absent: dict[str, str]
    undrawn: str | None = None

    def findings_on(self, file: str) -> list[Finding]:
        """Return the findings on a file, or on any in rtl/ if it lies there."""
        folder, inside, _ = file.rpartition("/")
        return [
            finding
            for finding in self.findings
            if finding.file == file or (inside and finding.file.startswith(f"{folder}/"))
        ]

    def to_json(self) -> dict[str, Any]:
        """Return report.json, as ``schema`` describes it."""
        same = (
            "network_sha256", "exact", "certificate", "accuracy", "training", "epochs",
            "agreement", "checks", "left_out", "size", "verilog",
        )  # fmt: skip
        return {
            "format": FORMAT,
            "status": self.status,
            "headline": self.headline,
            "findings": [asdict(finding) for finding in self.findings],
            **{key: getattr(self, key) for key in same},
            "activity": None if self.activity is None else self.activity.to_json(),
            "placement": None if self.placed is None else self.placed.summary,
            "missing": list(self.absent.values()),
            "undrawn": self.undrawn,
        }


def schema() -> dict[str, Any]:
    """Return the JSON schema of report.json (draft 2020-12)."""
    return json.loads(Path(__file__).with_name("schema.json").read_text(encoding="utf-8"))


def build(sources: Sources, trace: Trace | None = None) -> Report:
    """Return the report of what a folder holds.

    Args:
        trace: a run to show; of fresh stimuli if None.

    Raises
    ------
        ValueError: a file is not what its command writes; it is named.
    """
    folder, network, contents = sources.folder, sources.network, sources.contents
    known = (sources.network_sha256, sources.verilog_sha256)
    absent = advice(network, ABSENT)
    findings = verdict.findings(sources)
    with files.whole(folder / VERIFY, "verify"):
        agreed = agreement.agreed(contents[VERIFY], *known)
        checks = agreement.checks(contents[VERIFY], *known)
        left_out = agreement.left_out(contents[VERIFY])
    status, sentence = headline([*findings, verdict.certified(network)], agreed)
    foreign = {finding.file for finding in findings if finding.status == "foreign"}
    unproved = foreign | {finding.file for finding in findings if finding.status == "unknown"}

    def proved(file: str) -> Any:
        return None if file in unproved else contents[file]

    accuracy, training, manifest = map(proved, (ACCURACY, TRAINING, MANIFEST))
    epochs = None if EPOCHS in foreign else contents[EPOCHS]
    verilog, costs = None, {}
    if manifest is not None:
        with files.whole(folder / MANIFEST, "verilog"):
            verilog = sizes.verilog_size(sources, manifest)
    if training is not None and training.get("cost") is not None:
        with files.whole(folder / TRAINING, "train --measures"):
            costs[TRAINING] = cost(training["cost"], sized=True)
    if accuracy is not None and accuracy.get("cost") is not None:
        with files.whole(folder / ACCURACY, "evaluate"):
            costs[ACCURACY] = cost(accuracy["cost"], sized=False)
    where = None
    if (placement := proved(PLACE)) is not None:
        with files.whole(folder / PLACE, "place"):
            where = placed(placement)
    with files.whole(folder / EPOCHS, "train"):
        curves = measured(epochs or [])
    return Report(
        status=status,
        headline=sentence,
        findings=tuple(findings),
        network_sha256=sources.network_sha256,
        exact=network.exact,
        certificate=rows_of(network),
        accuracy=accuracy,
        training=training,
        epochs=epochs,
        agreement=proved(VERIFY),
        checks=checks,
        left_out=left_out,
        size=sizes.network_bits(network),
        verilog=verilog,
        activity=activity(network, trace),
        placed=where,
        costs=costs,
        curves=curves,
        absent={name: text for name, text in absent.items() if contents[name] is None},
    )
