"""The roof: how fast this machine pops and adds, with nothing else around it."""

from __future__ import annotations

import time

import numpy as np

from sim.engines.fast import fields as f
from sim.engines.fast.count import count_two
from sim.engines.fast.lanes import WIDTH, kernel

#: CPU flags that decide.
FLAGS = ("avx2", "avx512f", "avx512vpopcntdq", "avx512_vpopcntdq")


@kernel()
def _bare(x, w, size, steps, groups, blocks, lanes, out):
    for block in range(blocks):
        for group in range(groups):
            for t in range(0, steps - 1, 2):
                count_two(
                    x, (block * size * steps + t) * lanes, 0, 1, False, 0, 0, steps * lanes, lanes,
                    w, group * size * 8, 0, 0, 1, 1, size, out, 2 * lanes, w, 0, 0, -1, False,
                )  # fmt: skip


def probe(fan: int, outputs: int, steps: int, samples: int, width: int, repeats: int = 30) -> float:
    """Return billions of binary multiply-accumulates a second, over operands of a dense layer."""
    size, lanes = -(-fan // width), WIDTH // width
    blocks, steps = max(1, samples // lanes), max(2, steps - steps % 2)
    rng = np.random.default_rng(0)
    dtype = np.dtype(f"i{width // 8}")
    room = f.GROUP * 2 * lanes
    x = rng.integers(-(1 << 31), 1 << 31, blocks * size * steps * lanes + room).astype(dtype)
    w = rng.integers(-(1 << 31), 1 << 31, outputs * size + 8).astype(dtype)
    at, best = blocks * size * steps * lanes, float("inf")
    for _ in range(repeats + 1):
        began = time.perf_counter()
        _bare(x, w, size, steps, outputs // 8, blocks, lanes, at)
        best = min(best, time.perf_counter() - began)
    return blocks * lanes * steps * (outputs // 8 * 8) * fan / best / 1e9


def flags() -> dict[str, bool]:
    """Return which of the flags this CPU has, as LLVM sees it."""
    import llvmlite.binding as llvm

    found = llvm.get_host_cpu_features()
    return {name: bool(found[name]) for name in FLAGS if name in found}
