"""The report of folders that hold much, little, and damaged files."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import jsonschema
import needs
import numpy as np
import pytest
import report_schema
from test_mapping_network import small

import spikexact as sx
from mapping import (
    Connection,
    Conv,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Readout,
    extras,
    save,
)
from mapping.files import digest
from spikexact import files
from spikexact.cli import status

ROOT = Path(__file__).resolve().parent.parent

#: As if the network had been folded from this.
ORIGIN = "0" * 64
VOID = {"meta", "br", "img", "hr"}


class Tags(HTMLParser):
    """Checks that what is opened is closed, in order, and gathers ids, headings and text.

    Nothing may be loaded from anywhere, and every figure has a text for those who don't see it.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.heads: list[str] = []
        self.absent: list[str] = []
        self.classes: list[str] = []
        self.figures: dict[str, str] = {}
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if "id" in named:
            self.ids.append(str(named["id"]))
        if tag not in VOID:
            self.open.append(tag)
            self.classes.append(str(named.get("class")))
        if tag == "svg":
            assert named["role"] == "img" and named["aria-label"], named
            self.figures[str(named["id"])] = str(named["aria-label"])
        for key, value in attrs:
            assert not key.startswith("on")
            assert key not in ("src", "srcset") and tag not in ("script", "link", "iframe")
            assert not (key.endswith("href") and not str(value).startswith("#"))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag
            self.classes.pop()

    def handle_data(self, data: str) -> None:
        self.words.append(data)
        if self.open and self.open[-1] == "h2":
            self.heads.append(data)
        if self.classes and self.classes[-1] == "missing":
            self.absent.append(data)


SECTIONS = [
    "Accuracy",
    "Training",
    "Certificate",
    "Agreement with the reference",
    "Size of the network",
    "Size and speed of the Verilog",
    "What it does",
]


def page(folder: Path) -> Tags:
    found = Tags((folder / "report.html").read_text(encoding="utf-8"))
    assert found.heads == SECTIONS
    assert len(set(found.ids)) == len(found.ids)
    return found


@pytest.fixture
def lonely(tmp_path: Path) -> Path:
    """Return a folder that holds a network and nothing else."""
    save(small(), tmp_path / "network.safetensors", folded_from=ORIGIN)
    return tmp_path


def test_what_is_missing_is_said(lonely: Path, capsys: pytest.CaptureFixture) -> None:
    assert status(["report", str(lonely), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    absent = [line for line in page(lonely).absent if "matplotlib" not in line]
    assert told["missing"] == absent and len(absent) == 5
    assert any(s.startswith("not compared: run spikexact verify DIR/network") for s in absent)
    assert any(s.startswith("no Verilog: run spikexact verilog") for s in absent)
    assert any(s.startswith("not measured: run spikexact evaluate") for s in absent)
    text = (lonely / "report.html").read_text()
    assert "agrees" not in text and told["verilog"] is None
    facts = json.loads((lonely / "report.json").read_text())
    assert facts["agreement"] is None and facts["missing"] == absent
    bits = told["parameter_bits"]
    assert bits == sum(row["parameters"] for row in facts["size"]) > 0


def test_verify_is_shown_and_never_ok_by_its_word_alone(lonely: Path) -> None:
    file = lonely / "verify.json"
    line = f"verify {lonely}/network.safetensors --backends fast -o {file}"
    assert status(line.split()) == 0 and status(["report", str(lonely)]) == 0
    text = (lonely / "report.html").read_text()
    assert "<td class=good>agrees</td>" in text and "not compared: run" not in text
    for change in ({"ok": False}, {"compared": 0}, {"mismatches": 1}, {"failure": "it hung"}):
        found = json.loads(file.read_text())
        found["checks"][0]["backends"][0] |= change
        shutil.copy(file, lonely / "kept")
        file.write_text(json.dumps(found))
        assert status(["report", str(lonely)]) == 0
        text = (lonely / "report.html").read_text()
        says = "nothing compared" if "compared" in change else "FAILS"
        assert "agrees" not in text and f"<td class=bad>{says}</td>" in text
        shutil.copy(lonely / "kept", file)
    found["checks"][0]["backends"] = []
    file.write_text(json.dumps(found))
    assert status(["report", str(lonely)]) == 0
    assert "nothing was compared" in page(lonely).absent


def test_convolutions_are_plotted(tmp_path: Path) -> None:
    """The threshold is the one of the neuron's channel; few of many neurons are drawn."""
    needs.package("matplotlib")
    rng = np.random.default_rng(0)
    conv = Conv(rng.choice([-1, 1], (3, 2, 3, 3)), padding=1)
    neuron = Neuron(1, 1, threshold=[4, 5, 6])
    populations = (Population("c", (Connection("input", conv),), neuron),)
    network = Network(Input((2, 12, 12)), populations, Readout("c"), 4)
    save(network, tmp_path / "network.safetensors")
    assert status(["report", str(tmp_path)]) == 0
    text = (tmp_path / "report.html").read_text()
    figures = page(tmp_path).figures
    assert "256 of 432 neurons" in text
    which = int(text.partition("membrane of &#39;c&#39;, neuron ")[2].partition(",")[0])
    threshold = [4, 5, 6][which // 144]
    assert f">threshold {threshold}<" in text
    assert figures["activity-membrane"].endswith(f"its threshold is {threshold}.")
    activity = json.loads((tmp_path / "report.json").read_text())["activity"]
    assert (activity["neuron"], activity["threshold"], activity["shown"]) == (which, threshold, 256)
    assert f"{activity['spikes']:,} spikes" in figures["activity-spikes"]


GOOD = '{"epoch": 1, "loss": 2.0, "accuracy": 0.5, "flips": {"a": 0.1}, "gradients": {"a": [0, 1]}}'
OURS = f'{{"format": 1, "trained_sha256": "{ORIGIN}", "epochs_sha256": null, '
COSTLY = f'{{"format": 1, "network_sha256": "{digest(small())}", "cost": {{}}}}'
BAD = [
    ("network.safetensors", "hello", "network.safetensors is not a safetensors file"),
    ("verify.json", "{", "verify.json is damaged: "),
    ("verify.json", "[1]", "verify.json is damaged: it holds no JSON object"),
    ("verify.json", "{}", "verify.json is damaged: it is not what spikexact verify writes"),
    ("verify.json", '{"format": 2, "checks": 3}', "verify.json is damaged: it is not what"),
    ("verify.json", '{"format": 2, "checks": [{"title": "a"}]}', "verify.json is damaged: it is"),
    ("verify.json", "[" * 100000, "verify.json is damaged: "),
    ("rtl/manifest.json", "{}", "manifest.json is damaged: it is not what spikexact verilog"),
    ("rtl/manifest.json", '{"populations": [1]}', "manifest.json is damaged"),
    ("accuracy.json", "\0", "accuracy.json is damaged"),
    ("trained.json", "nothing", "trained.json is damaged"),
    ("accuracy.json", COSTLY, "accuracy.json is damaged: it is not what spikexact evaluate"),
    ("accuracy.json", '{"format": 1}', "accuracy.json is damaged: it is not what spikexact ev"),
    ("trained.json", '{"format": 1}', "trained.json is damaged: it is not what spikexact train"),
    ("trained.json", OURS + '"cost": {}}', "trained.json is damaged: it is not what spikexact"),
    ("trained.json", OURS + '"cost": 3}', "trained.json is damaged: it is not what spikexact"),
    ("trained.jsonl", "", "trained.jsonl is damaged: it does not hold a JSON object"),
    ("trained.jsonl", GOOD + "\n{", "trained.jsonl is damaged in line 2: "),
    ("trained.jsonl", GOOD + "\n[1]", "trained.jsonl is damaged: it does not hold a JSON object"),
    ("trained.jsonl", '{"loss": "low"}', "loss of line 1 is no number"),
    ("trained.jsonl", '{"gradients": {"a": [1]}}', "trained.jsonl is damaged: it is not what"),
    ("trained.jsonl", '{"flips": {"a": [1, 2]}}', "flips of line 1 is no number"),
]


@pytest.mark.parametrize(("name", "text", "sentence"), BAD)
def test_a_damaged_file_gets_one_sentence(
    lonely: Path, capsys: pytest.CaptureFixture, name: str, text: str, sentence: str
) -> None:
    (lonely / "rtl").mkdir()
    (lonely / name).write_text(text)
    assert status(["report", str(lonely)]) == 2
    out, err = capsys.readouterr()
    assert err.startswith("error: ") and err.count("\n") == 1 and out == ""
    assert sentence in err
    assert not (lonely / "report.html").exists() and not (lonely / "report.json").exists()


def test_without_matplotlib_figures_are_one_line(
    lonely: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sim import tools

    def gone(name: str, unlocks: str, extra: str | None = None) -> None:
        raise tools.MissingTool(f"{unlocks} needs the package {name!r}: pip install it")

    monkeypatch.setattr("spikexact.report.drawing.package", gone)
    (lonely / "trained.jsonl").write_text(GOOD)
    assert status(["report", str(lonely)]) == 0
    needed = "drawing the figures needs the package 'matplotlib': pip install it"
    found = page(lonely)
    assert found.absent.count(needed) == 2  # where curves would stand, and what the network does
    assert found.figures == {}
    assert json.loads((lonely / "report.json").read_text())["undrawn"] == needed


def test_without_jinja_nothing_is_written(
    lonely: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda n: None if n == "jinja2" else find(n))
    assert status(["report", str(lonely)]) == 2
    sentence = f"writing report.html needs the package 'jinja2': {extras.install()}"
    assert capsys.readouterr().err == f"error: {sentence}\n"
    assert [path.name for path in lonely.iterdir()] == ["network.safetensors"]


#: Markup of three kinds: an element, the end of an attribute's value, and a template's.
HOSTILE = "</table><script>alert('x')</script>\" onload=\"x {{ 7 * 6 }} {% raw %} &lt;"


def hostile_check(network: str) -> dict[str, Any]:
    """Return a check of another network on purpose in which every text is hostile."""
    count = {"compared": 3, "mismatches": 0}
    backend = {
        "name": HOSTILE, "ok": True, "samples": 1, "compared": 3, "mismatches": 0, "seconds": 1.0,
        "failure": HOSTILE, "divergence": None, "info": {},
        "populations": [{"name": HOSTILE, "spikes": count, "v": None}],
    }  # fmt: skip
    return {
        "title": HOSTILE, "about": HOSTILE, "ok": False, "network_sha256": network[::-1],
        "inputs_sha256": network, "verilog_sha256": None, "seed": None, "reference": HOSTILE,
        "samples": 1, "timesteps": 1, "compared": 3, "mismatches": 0, "threshold_hits": 0,
        "problems": [HOSTILE], "backends": [backend],
    }  # fmt: skip


def measured_cost(name: str) -> dict[str, Any]:
    """Return what a sample costs in one layer, without sizes, every text of it a name."""
    layer = {"into": name, "source": name, "what": name, "reads": name, "sops": [1.0]}
    numbers = ("bits", "rate", "dense", "macs", "scaled", "gated")
    energy = {"name": name, "pj_per_mac": 1.0, "pj_per_sop": 1.0, "millijoules": 1.0}
    return {
        "samples": 3, "sops": 1234.0, "share_of_dense": 1.0, "macs": 1, "macs_every_timestep": 1,
        "energies": [energy], "layers": [layer | dict.fromkeys(numbers, 1)],
    }  # fmt: skip


def test_what_a_sample_of_an_evaluation_costs_is_told(lonely: Path) -> None:
    """An imported network has no training that measured it: what evaluate measured is shown."""
    ours = digest(small())
    accuracy = {
        "format": 1, "network_sha256": ours, "inputs_sha256": ours, "data": "x", "samples": 9,
        "backend": "fast", "accuracy": 0.5, "compared": 9, "mismatches": 0, "divergence": None,
        "cost": measured_cost("deep"),
    }  # fmt: skip
    file = lonely / "accuracy.json"
    file.write_text(json.dumps(accuracy))
    assert status(["report", str(lonely)]) == 0
    words = page(lonely).words
    accurate = words[words.index("Accuracy") : words.index("Training")]
    assert "Cost of a sample: mean over 3 samples that the reference ran" in accurate
    assert "1,234" in accurate and "deep" in accurate and "energies" not in "".join(accurate)
    file.write_text(json.dumps(accuracy | {"network_sha256": "0" * 64}))
    assert status(["report", str(lonely)]) == 0
    assert "deep" not in page(lonely).words


def test_hostile_text_comes_out_as_text(tmp_path: Path) -> None:
    """Of whoever wrote the files: a Network's own names are letters and digits."""
    network = small()
    save(network, tmp_path / "network.safetensors", folded_from=ORIGIN)
    ours = digest(network)
    cost = measured_cost(HOSTILE) | {"size_bytes": 1, "size_bits": {"gates": 0, "scales": 0}}
    row = {"loss": 1.0, "flips": {HOSTILE: 0.5}, "gradients": {HOSTILE: [0.0, 0.5]}}
    (tmp_path / "trained.jsonl").write_text(json.dumps(row))
    training = {
        "format": 1, "trained_sha256": ORIGIN, "data_set": HOSTILE, "cost": cost,
        "epochs_sha256": files.sha256(tmp_path / "trained.jsonl"),
    }  # fmt: skip
    accuracy = {
        "format": 1, "network_sha256": ours, "inputs_sha256": ours, "data": HOSTILE, "samples": 1,
        "backend": HOSTILE, "accuracy": 1.0, "compared": 1, "mismatches": 1, "divergence": HOSTILE,
        "cost": measured_cost(HOSTILE),
    }  # fmt: skip
    left_out = [{"name": HOSTILE, "why": HOSTILE}]
    verified = {"format": 2, "ok": False, "checks": [hostile_check(ours)], "left_out": left_out}
    for name, value in (
        ("trained.json", training), ("accuracy.json", accuracy), ("verify.json", verified)
    ):  # fmt: skip
        (tmp_path / name).write_text(json.dumps(value))
    assert status(["report", str(tmp_path)]) == 0
    text, found = (tmp_path / "report.html").read_text(), page(tmp_path)
    assert "<script" not in text
    assert HOSTILE in found.words  # a cell that holds nothing else
    place = [*map(found.words.index, SECTIONS), len(found.words)]
    for k, (section, times) in enumerate(
        {
            "Accuracy": 9,  # backend and divergence in a warning, data, backend, of a cost five
            "Training": 6 + bool(found.figures),  # data set, energy, a layer's four, a legend
            "Certificate": 0,
            # two warnings of four texts; title, about, backend, population, problem; name, why
            "Agreement with the reference": 10,
        }.items()
    ):
        said = "".join(found.words[place[k] : place[k + 1]])
        assert said.count(HOSTILE) >= times, section
    assert any(words.startswith(f"A check FAILED: {HOSTILE} failed (") for words in found.words)


def test_names_of_layers_are_text_and_nothing_else(lonely: Path) -> None:
    needs.package("matplotlib")
    name = '<b>$x^2_$&"'
    row = {"loss": 1.0, "flips": {name: 0.5, "_b": 0.25}, "gradients": {name: [0.0, 0.0]}}
    (lonely / "trained.jsonl").write_text(json.dumps(row))
    assert status(["report", str(lonely)]) == 0
    figures = page(lonely).figures
    assert "<b>" not in (lonely / "report.html").read_text()
    assert f"{name} from 0.5 to 0.5" in figures["curve-flips"]


def test_a_name_of_a_layer_is_no_verdict(tmp_path: Path) -> None:
    """Colours are of what a column says: a layer called "agrees" is not green."""
    layers = [("agrees", "input"), ("exact", "agrees"), ("FAILS", "exact")]
    op = Dense(np.array([[1, -1], [1, 1]]))
    populations = tuple(
        Population(name, (Connection(source, op),), Neuron(1, 1, threshold=1))
        for name, source in layers
    )
    network = Network(Input((2,)), populations, Readout("FAILS"), 2)
    save(network, tmp_path / "network.safetensors")
    assert status(["report", str(tmp_path)]) == 0
    text = (tmp_path / "report.html").read_text()
    for name, _ in layers:
        assert f"<td>{name}</td>" in text and f"class=good>{name}<" not in text


AGAIN = "import sys\nfrom spikexact.cli import status\nsys.exit(status(['report', sys.argv[1]]))"


def test_the_same_folder_gives_the_same_bytes(lonely: Path) -> None:
    """In another process, with other hashes, at another time, under another matplotlibrc."""
    needs.package("matplotlib")
    (lonely / "trained.jsonl").write_text(GOOD)
    assert status(["report", str(lonely)]) == 0
    before = [(lonely / name).read_bytes() for name in ("report.html", "report.json")]
    (lonely / "rc").write_text("xtick.direction: in\naxes.titley: 2\nfont.family: serif\n")
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "7",
        "SOURCE_DATE_EPOCH": "0", "MATPLOTLIBRC": str(lonely / "rc"),
    }  # fmt: skip
    subprocess.run([sys.executable, "-c", AGAIN, lonely], env=environment, check=True)
    assert before == [(lonely / name).read_bytes() for name in ("report.html", "report.json")]
    assert b"matplotlib.org" not in before[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.pop("headline"),
        lambda r: r.update(status="fine"),
        lambda r: r.update(format=1),
        lambda r: r.update(extra=0),
        lambda r: r["findings"][0].update(status=None),
        lambda r: r["certificate"][0].update(certificate="proved"),
        lambda r: r["certificate"][0].pop("acc_bits"),
        lambda r: r["size"][0].update(weights=0.5),
        lambda r: r["size"].clear(),
        lambda r: r.update(network_sha256="short"),
        lambda r: r.update(missing=None),
        lambda r: r["activity"].update(shown=0),
        lambda r: r["epochs"][0].update(loss="low"),
        lambda r: r["epochs"][0]["gradients"].update(a=[1.0]),
        lambda r: r.update(accuracy={}),
        lambda r: r.update(verilog={"weight_bits": 1}),
    ],
)
def test_a_planted_fault_breaks_the_schema(
    lonely: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    (lonely / "trained.jsonl").write_text(GOOD)
    assert status(["report", str(lonely)]) == 0
    report = json.loads((lonely / "report.json").read_text())
    report_schema.check(report)
    change(report)
    with pytest.raises(jsonschema.ValidationError):
        report_schema.check(report)


def test_the_schema_is_one(lonely: Path) -> None:
    jsonschema.Draft202012Validator.check_schema(sx.report.schema())
    assert report_schema.VALIDATOR.schema == sx.report.schema()
    assert sx.report.write(lonely)["status"] == "bounded"
    assert sx.report.schema()["properties"]["format"]["const"] == sx.report.FORMAT


@pytest.mark.torch
def test_from_files_of_images_to_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    """Train on IDX files, fold, verify, evaluate, report: the commands alone."""
    needs.package("torch")
    needs.package("sklearn")
    needs.package("matplotlib")
    from training.data import digits

    monkeypatch.chdir(tmp_path)
    split = digits.read()
    Path("data").mkdir()
    Path("out").mkdir()
    for part, images, labels in (
        ("train", split.train[:400], split.train_labels[:400]),
        ("t10k", split.held_out[:100], split.held_out_labels[:100]),
    ):
        shape = (len(images), 8, 8)
        for kind, array in (
            ("images-idx3", images.reshape(shape)),
            ("labels-idx1", labels.astype(np.uint8)),
        ):
            head = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
            Path(f"data/{part}-{kind}-ubyte").write_bytes(head + array.tobytes())

    train = "train idx --data data --net cnn --measures --set epochs=2 --set width=4 --threads 1"
    assert status(f"{train} --method agmm -o out/trained.safetensors".split()) == 0
    told = capsys.readouterr().out
    assert "SOPs a sample: " in told and "size: 684 bytes" in told
    trained = json.loads(Path("out/trained.json").read_text())
    assert trained["cost"]["samples"] == 100 and trained["cost"]["size_bytes"] == 684
    assert status("fold out/trained.safetensors -o out/network.safetensors".split()) == 0
    line = "verify out/network.safetensors --backends fast --samples 4 -o out/verify.json"
    assert status(f"{line} --trained out/trained.safetensors".split()) == 0
    capsys.readouterr()
    assert status("evaluate out/network.safetensors data --json".split()) == 0
    Path("out/accuracy.json").write_text(capsys.readouterr().out)
    assert status("report out".split()) == 0
    found = page(Path("out"))
    text = Path("out/report.html").read_text()
    facts = json.loads(Path("out/report.json").read_text())
    assert facts["findings"] == [] and facts["status"] in ("exact", "bounded")
    (absent,) = found.absent  # and no advice to write what is refused
    assert absent.startswith("no Verilog: run spikexact verilog DIR/network.safetensors")
    names = ["curve-learning", "curve-flips", "curve-gradients", "curve-rates"]
    assert [i for i in found.ids if i in names] == names
    for name in names:
        piece = text[text.index("<svg", text.index(f'id="{name}"') - 200) :]
        drawn = ElementTree.fromstring(piece[: piece.index("</svg>") + 6])
        assert drawn.get("id") == name
        words = "".join(drawn.itertext())
        assert "epoch" in words and ("conv2" in words or name == "curve-learning")
    assert "Cost of a sample: mean over 100 held-out samples" in text
    assert "The trained network in float64" in text
    assert status("report out".split()) == 0
    assert Path("out/report.html").read_text() == text  # byte for byte
