"""Stock Lava: how much it takes, and whether it fires alike.

    python tests/lava_stock.py [--networks 1000] [--run 150] [--seed 0]

Networks of three sources are drawn: of every kind, as ``spikexact campaign --kinds all`` does; the
dense ones of ``--kinds dense``; and chains, joins and maps made for stock Lava (``lava_networks``).
The first table says how many networks, and how many spiking populations, have a certificate of the
stock grid, the second why the others have none. Then certified ones of each source run, until
``--run`` have, and every spike is compared with the reference.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from lava_networks import draw_stock, draw_stock_maps

from lava_procs.stock_plan import verdicts
from mapping import Network, Unsupported
from sim import run
from sim.campaign.generate.groups import draw_any, draw_group
from sim.campaign.stimuli import stimuli
from sim.compare import agreement

Draw = Callable[[int, int], Network]
SOURCES: dict[str, Draw] = {
    "every kind": lambda k, seed: draw_any(k, 1, seed, Counter())[0],
    "dense": lambda k, seed: draw_group(k, 1, seed, Counter())[0],
    "made for it": lambda k, seed: (draw_stock if k % 2 else draw_stock_maps)(k + 1000 * seed),
}


def judged(draw: Draw, count: int, seed: int) -> Iterator[tuple[int, Network, dict]]:
    """Yield networks and the verdict on each of their spiking populations."""
    for k in range(count):
        network = draw(k, seed)
        yield k, network, verdicts(network)


def kind(error: Unsupported) -> str:
    """Return a reason without its numbers and names."""
    words = re.sub(r"'[^']*'", "X", str(error).rpartition(": ")[2])
    return re.sub(r"-?\d+(/\d+)?", "N", words)[:90]


def main() -> None:
    """Judge, run, compare and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--networks", type=int, default=1000, help="to judge, of each source (1000)"
    )
    parser.add_argument("--run", type=int, default=150, help="certified ones to run, in all (150)")
    parser.add_argument("--seed", type=int, default=0, help="of networks and inputs (0)")
    options = parser.parse_args()
    reasons: Counter[str] = Counter()
    ready: dict[str, list[tuple[int, Network]]] = {name: [] for name in SOURCES}
    print(f"seed {options.seed}\n")
    print("| networks | certified | spiking populations | certified |\n| --- | --- | --- | --- |")
    for name, draw in SOURCES.items():
        networks = whole = populations = certified = 0
        for k, network, found in judged(draw, options.networks, options.seed):
            bad = [v for v in found.values() if isinstance(v, Unsupported)]
            networks += 1
            populations, certified = populations + len(found), certified + len(found) - len(bad)
            reasons.update(map(kind, bad))
            if found and not bad:
                whole += 1
                ready[name].append((k, network))
        print(f"| {name}, {networks:,} | {whole:,} ({whole / networks:.0%}) | {populations:,} | "
              f"{certified:,} ({certified / max(1, populations):.0%}) |")  # fmt: skip
    print("\n| why not | populations |\n| --- | --- |")
    for reason, count in reasons.most_common(14):
        print(f"| {reason} | {count:,} |")
    compared = mismatches = ran = 0
    turns: Counter[str] = Counter()
    while ran < options.run and any(ready.values()):
        for name, waiting in ready.items():
            if waiting and ran < options.run:
                k, network = waiting.pop(0)
                x = stimuli(network, 4, options.seed + k, 2)
                same = agreement(run(network, x), run(network, x, "lava-stock"))
                compared, mismatches = compared + same.compared, mismatches + same.mismatches
                if same.divergence is not None:
                    print(f"MISMATCH {name} {k}: {same.divergence}")
                ran, turns[name] = ran + 1, turns[name] + 1
    print(f"\n{ran} ran ({dict(turns)}): {compared:,} spikes compared, {mismatches} mismatches")
    sys.exit(mismatches > 0)


if __name__ == "__main__":
    main()
