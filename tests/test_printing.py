"""What a prompt and a notebook show: short, escaped, with the certificates' words and colours."""

from __future__ import annotations

import html.parser
from dataclasses import replace

import numpy as np
import pytest

from mapping import (
    Connection,
    Dense,
    Input,
    Network,
    Neuron,
    Population,
    Readout,
    fold,
    real,
)
from mapping.show import BAD, FAIR, GOOD
from mapping.show import html as table
from sim import Trace, agreement, run
from sim.campaign.generate.papers import vggsnn
from sim.campaign.generate.trained_all_kinds import draw_trained_whole
from sim.campaign.stimuli import random_inputs
from sim.disagreement import disagreement
from sim.evaluate import evaluate
from sim.verify import verify
from training.data import Subset, open_set


class Reader(html.parser.HTMLParser):
    """Collects the cells of every row and the colours, and sees that every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.colours: list[str] = []
        self.text = ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        style = dict(attrs).get("style", "")
        if tag == "span":
            self.colours.append(style.partition("background:")[2].partition(";")[0])

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "td" in self.open or "th" in self.open:
            self.rows[-1][-1] += data


def wrong(trace: Trace) -> Trace:
    """Return a trace with one membrane of the last population altered."""
    name = list(trace.v)[-1]
    altered = trace.v[name].copy()
    altered.flat[0] += 1
    return replace(trace, v={**trace.v, name: altered})


def test_every_public_value_prints_in_a_line_without_arrays() -> None:
    value = draw_trained_whole(3)
    network = fold(value)
    x = random_inputs(network, 20, 0)
    trace = run(network, x)
    digits = open_set("digits")
    found = [
        value, network, agreement(trace, trace), verify(network, x, ["fast"]),
        verify(network, x, ["fast"]).checks["fast"], real.run(value, x),
        disagreement(value, network, x), evaluate(network, x, np.zeros(20, int)),
        network.populations[0], network.populations[0].certificate, network.facts["p0"],
        network.facts["p0"].v, digits, digits.train, Subset(digits.train, np.arange(900)),
    ]  # fmt: skip
    for one in found:
        text = repr(one)
        assert "\n" not in text and "array(" not in text and len(text) < 700, (len(text), text)


def test_a_deep_network_is_one_line_and_its_table_a_line_a_population() -> None:
    value = vggsnn(1, size=16)
    assert len(repr(value)) < 200 and "populations" in repr(value)
    reader = Reader(value._repr_html_())
    assert [row[0] for row in reader.rows[1:]] == [p.name for p in value.populations]


def test_a_networks_table_colours_its_certificates() -> None:
    network = fold(draw_trained_whole(3))
    reader = Reader(network._repr_html_())
    at = reader.rows[0].index("certificate")
    words = [row[at] for row in reader.rows[1:]]
    assert [GOOD if word == "exact" else FAIR for word in words] == reader.colours
    assert {"exact", "bounded"} == set(words)
    assert "4 populations; 3 of 4 certified exact" in reader.text


def test_a_network_too_wide_is_still_shown() -> None:
    connection = Connection("input", Dense(np.ones((1, 1), np.int8)), gain=1 << 60)
    wide = Network(
        Input((1,), bits=8), (Population("a", (connection,), Neuron(1, 0)),),
        Readout("a", "membrane"), 4,
    )  # fmt: skip
    reader = Reader(wide._repr_html_())
    assert "needs 69 bits" in reader.text and "1 population" in repr(wide)


def test_everything_in_a_table_is_escaped() -> None:
    text = table("<b>", [{"<i>": "<script>alert(1)</script>", "b": 'a"&'}], {})
    assert "<script" not in text and "<i>" not in text and "<b>" not in text
    assert Reader(text).rows == [["<i>", "b"], ["<script>alert(1)</script>", 'a"&']]


def test_long_tables_say_that_they_are_cut() -> None:
    reader = Reader(table("t", [{"a": k} for k in range(100)], {}))
    assert len(reader.rows) == 61 and "and 40 more" in reader.text


def test_an_agreement_and_its_mismatch() -> None:
    network = fold(draw_trained_whole(3))
    trace = run(network, random_inputs(network, 5, 0))
    reader = Reader(agreement(trace, run(network, random_inputs(network, 5, 0)))._repr_html_())
    assert [row[-1] for row in reader.rows[1:]] == ["agrees"] * 4 and set(reader.colours) == {GOOD}
    reader = Reader(agreement(trace, wrong(trace))._repr_html_())
    assert [row[-1] for row in reader.rows[1:]] == ["agrees"] * 3 + ["DIFFERS"]
    assert reader.colours[-1] == BAD and "first divergence in v at sample 0" in reader.text
    bare = replace(trace, v={}, spikes={})
    reader = Reader(agreement(trace, bare)._repr_html_())
    assert {row[-1] for row in reader.rows[1:]} == {"not compared"}


def test_a_verification_and_its_mismatch(monkeypatch: pytest.MonkeyPatch) -> None:
    import sim.backends.fast

    network = fold(draw_trained_whole(3))
    x = random_inputs(network, 5, 0)
    assert "ok" in repr(verify(network, x, ["fast"])) and "NOT" not in repr(
        verify(network, x, ["fast"])
    )
    right = sim.backends.fast.run
    monkeypatch.setattr(sim.backends.fast, "run", lambda *a, **k: wrong(right(*a, **k)))
    found = verify(network, x, ["fast"])
    reader = Reader(found._repr_html_())
    assert reader.rows[1][0] == "fast" and reader.rows[-1][-1] == "DIFFERS"
    assert "first divergence in v at sample 0" in reader.text and "NOT ok" in repr(found)
    nothing = Reader(verify(network, x, [])._repr_html_())
    assert not nothing.rows and "no backend besides reference" in nothing.text
