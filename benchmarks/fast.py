"""The fast backend: equality first, then time, beside its rivals and the machine's roof.

The roof is a bare loop of popcounts and additions over operands of the same sizes, in the same
run (``fast_roof``); rivals compute the same in torch, snnTorch and SpikingJelly (``fast_rivals``),
single-threaded and multi-threaded alike. Every network is compared with the reference before it is
timed, and scores of rivals with ours where float32 is exact. Least of several runs.

    python benchmarks/fast.py [--quick] [--json] [--seed 0] [--only NAME] [--threads N]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

# a file of this folder must not hide a package
if str(Path(__file__).resolve().parent) in sys.path:
    sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mapping import Connection, Dense, Input, Network, Neuron, Population, Readout, fold
from sim import compare, run
from sim.campaign.generate.papers import resnet19, vggsnn
from sim.campaign.stimuli import random_inputs
from sim.engines.fast.work import counts_32_bits, processors


def dense(
    sizes: tuple[int, ...], steps: int, seed: int, leak: tuple[int, int] = (1, 0), **enter: object
) -> Network:
    """Return a chain of populations of random signs."""
    rng = np.random.default_rng(seed)
    populations, source = [], "input"
    for k, (fan, out) in enumerate(zip(sizes, sizes[1:], strict=False)):
        signs = rng.choice(np.array([-1, 1], np.int8), (out, fan))
        edge = Connection(source, Dense(signs), gain=8, bias=rng.integers(-20, 21, out))
        neuron = Neuron(*leak, threshold=8 * int(np.sqrt(fan)))
        populations.append(Population(f"p{k}", (edge,), neuron))
        source = f"p{k}"
    return Network(Input((sizes[0],), **enter), tuple(populations), Readout(source), steps)


def least(call: Callable[[], object], repeats: int) -> float:
    """Return the least seconds of some calls."""
    best = float("inf")
    for _ in range(repeats):
        began = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - began)
    return best


def macs(network: Network) -> int:
    """Return the binary multiply-accumulates of one sample: of planes, one each."""
    total = 0
    for p in network.populations:
        fact = network.facts[p.name]
        for c in p.connections:
            if c.op.bits == 1:
                out = network.facts.get(c.source)
                top = network.input.span[1] if out is None else out.out.span[1]
                steps = 1 if fact.static else network.timesteps
                area = int(np.prod(fact.shape))
                total += area * c.op.fan_in * max(1, int(top).bit_length()) * steps
    return total


def equal(network: Network, x: np.ndarray) -> int:
    """Compare every spike and membrane with the reference; return how many."""
    expected = run(network, x)
    compare(expected, run(network, x, "fast"))
    return sum(a.size for a in (*expected.spikes.values(), *expected.v.values()))


def main_network(options: argparse.Namespace) -> dict:
    """Time 784-128-10 beside its rivals."""
    import torch

    from benchmarks.fast_rivals import dense_forms, times
    from benchmarks.fast_roof import probe

    network = dense((784, 128, 10), 10, options.seed)
    x = random_inputs(network, 1024, options.seed).astype(np.uint8)
    row: dict = {"compared": equal(network, x[:100]), "mismatches": 0}
    scores = run(network, x, "fast", record=()).scores
    repeats = 5 if options.quick else 40
    for threads in sorted({1, options.threads}):
        torch.set_num_threads(threads)
        ours = least(lambda n=threads: run(network, x, "fast", record=(), threads=n), 4 * repeats)
        found = {"fast": ours}
        for name, form in dense_forms(network):
            with torch.no_grad():
                theirs = form(torch.from_numpy(x)).numpy()
            if not np.array_equal(theirs, scores):
                raise SystemExit(f"{name} has other scores than fast")
            found[name] = times(form, x, repeats, time.perf_counter)
        best = min(value for name, value in found.items() if name != "fast")
        row[f"{threads} threads"] = {
            **{f"{name}, ms": round(value * 1e3, 3) for name, value in found.items()},
            "times the fastest rival": round(best / ours, 1),
        }
    one = row["1 threads"]["fast, ms"] / 1e3
    roof = probe(784, 128, 10, 1024, 32 if counts_32_bits() else 64)
    rate = 1024 * macs(network) / one / 1e9
    row |= {"G MAC/s": round(rate), "roof, G MAC/s": round(roof), "share": round(rate / roof, 2)}
    single = x[:1]
    row["one sample, ms"] = round(
        least(lambda: run(network, single, "fast", record=()), 20 * repeats) * 1e3, 3
    )
    return row


def layers(options: argparse.Namespace) -> dict:
    """Time dense layers beside the roof, one thread."""
    from benchmarks.fast_roof import probe

    found = {}
    for fan in (784, 1568, 2304, 3136, 4608):
        network = dense((fan, 512), 4, options.seed)
        x = random_inputs(network, 256, options.seed).astype(np.uint8)
        equal(network, x[:20])
        repeats = 5 if options.quick else 40
        spent = least(lambda n=network, x=x: run(n, x, "fast", record=(), threads=1), repeats)
        rate = 256 * macs(network) / spent / 1e9
        roof = probe(fan, 512, 4, 256, 32 if counts_32_bits() else 64)
        found[f"{fan}-512"] = {"G MAC/s": round(rate), "roof": round(roof),
                               "share": round(rate / roof, 2)}  # fmt: skip
    return found


def large(options: argparse.Namespace) -> dict:
    """Time the papers' networks beside torch."""
    import torch

    from benchmarks.fast_rivals import network_form, times
    from benchmarks.fast_roof import probe

    found = {}
    size = 16 if options.quick else None
    for name, value in (
        ("VGGSNN, T 4", vggsnn(4, options.seed, size or 48)),
        ("ResNet-19, T 2", resnet19(2, options.seed, size or 32)),
    ):
        network = fold(value)
        x = random_inputs(network, 16, options.seed).astype(np.uint8)
        compared, form = equal(network, x[:2]), network_form(network)
        row: dict = {"compared": compared, "mismatches": 0}
        for threads in sorted({1, options.threads}):
            torch.set_num_threads(threads)
            theirs = times(form, x, 2, time.perf_counter) / len(x)
            spent = least(
                lambda n=network, x=x, k=threads: run(n, x, "fast", record=(), threads=k), 3
            )
            row[f"{threads} threads"] = {
                "fast, ms a sample": round(spent / len(x) * 1e3, 2),
                "torch, ms a sample": round(theirs * 1e3, 2),
                "times torch": round(theirs * len(x) / spent, 1),
            }
        rate = macs(network) / row["1 threads"]["fast, ms a sample"] / 1e6
        roof = probe(1152, 128, 4, 64, 32 if counts_32_bits() else 64)
        row |= {"G MAC/s, all of it": round(rate), "roof": round(roof),
                "share": round(rate / roof, 2)}  # fmt: skip
        found[name] = row
    return found


def single_spikes(options: argparse.Namespace) -> dict:
    """Time the kind of network that BS4NN is: 784-600-10, T = 256, a spike a neuron."""
    network = dense((784, 600, 10), 256, options.seed, bits=8, coding="latency")
    count = 500 if options.quick else 10_000
    x = random_inputs(network, count, options.seed).astype(np.uint8)
    equal(network, x[:3])
    spent = least(lambda: run(network, x, "fast", record=()), 1)
    return {"images": count, "threads": processors(), "seconds": round(spent, 2)}


def linear(options: argparse.Namespace) -> dict:
    """Return milliseconds over samples, timesteps and synapses: one thread."""
    found: dict = {"samples": {}, "timesteps": {}, "synapses": {}}
    for kind, values in (("samples", (32, 320, 3200, 32000)), ("timesteps", (2, 20, 200, 2000)),
                         ("synapses", (32, 320, 3200, 32000))):  # fmt: skip
        for value in values[: 2 if options.quick else 4]:
            outputs = value if kind == "synapses" else 128
            steps = value if kind == "timesteps" else 10
            network = dense((256, outputs), steps, options.seed)
            samples = value if kind == "samples" else 64
            x = random_inputs(network, samples, options.seed).astype(np.uint8)
            run(network, x, "fast", record=(), threads=1)
            spent = least(lambda n=network, x=x: run(n, x, "fast", record=(), threads=1), 5)
            found[kind][value] = round(spent * 1e3, 3)
    return found


def start(options: argparse.Namespace) -> dict:
    """Return seconds of the first run: compiled anew, and from the cache, imports excluded."""
    code = (
        "import sys, time, numpy as np; sys.path.insert(0, '.'); import numba; from benchmarks.fast"
        " import dense, run; n = dense((784, 128, 10), 10, 0); x = np.zeros((64, 10, 784), 'u1');"
        "import sim.engines.fast.work; t = time.perf_counter(); run(n, x, 'fast', record=());"
        " print(time.perf_counter() - t)"
    )
    root = Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory() as folder:
        spent = []
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True,
                env={**os.environ, "NUMBA_CACHE_DIR": folder, "PYTHONPATH": f"{root}:benchmarks"},
            )  # fmt: skip
            spent.append(round(float(done.stdout), 2))
    return {"compiled anew, s": spent[0], "from the cache, s": spent[1]}


PARTS = {
    "784-128-10": main_network,
    "layers": layers,
    "large": large,
    "single spikes": single_spikes,
    "linear": linear,
    "start": start,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer runs, smaller images")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--seed", type=int, default=0, help="of networks and inputs (0)")
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--threads", type=int, default=processors(), help="of the second figure")
    options = parser.parse_args()
    from benchmarks.fast_roof import flags

    told: dict = {"seed": options.seed, "CPU": flags(), "processors": processors(),
                  "lanes of 32 bits": counts_32_bits()}  # fmt: skip
    for name, part in PARTS.items():
        if options.only in (None, name):
            told[name] = part(options)
            if not options.json:
                print(f"{name}: {json.dumps(told[name], indent=1)}", flush=True)
    told["peak memory, MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(json.dumps(told, indent=1) if options.json else json.dumps(
        {k: v for k, v in told.items() if k not in PARTS}, indent=1))  # fmt: skip


if __name__ == "__main__":
    main()
