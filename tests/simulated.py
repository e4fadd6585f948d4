"""Runs a plan's top in Amaranth's own simulator, as the bulk engine runs its Verilog."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from amaranth.sim import Simulator

from hdl.manifest import manifest
from hdl.planned import Plan
from hdl.top import NetworkTop
from mapping import Network
from sim import run
from sim.backends import beats
from sim.engines.cxxrtl import Streams


@dataclass(frozen=True)
class Played:
    """Streams of a run, and the manifest that says what they are."""

    streams: Streams
    manifest: dict


def play(
    plan: Plan, data: np.ndarray, flags: np.ndarray, outputs: int, stalls=(0, 0), seed=0,
    limit=60_000,
) -> Played:  # fmt: skip
    """Feed input beats until so many output beats have come and all is quiet.

    A beat offered stays; between beats the payload is noise; what waits must not change.
    """
    top, told = NetworkTop(plan), manifest(plan, "", {})
    rng = random.Random(seed)
    bits = int(told["input"]["beat_bits"])
    words = [int.from_bytes(row.astype("<u4").tobytes(), "little") for row in data]
    out, marks, ins, outs = [], [], [], []
    taps = {p["trace"]: {n: [] for n in p["ports"] if n != "valid"} for p in told["populations"]}
    failures, error = [], 0

    async def bench(ctx) -> None:
        nonlocal error
        sent, offered, held, quiet = 0, False, None, 0
        ports = [top.i_ready, top.o_valid, top.o_data, top.o_first, top.o_last, top.error]
        for trace, names in taps.items():
            ports += [getattr(top, f"{trace}_{n}") for n in ("valid", *names)]
        for cycle in range(limit):
            if not offered:
                offered = sent < len(words) and rng.randrange(100) >= stalls[0]
                if offered and flags[sent] & beats.RESET:
                    failures.append("this driver knows no reset")
            ctx.set(top.i_valid, offered)
            ctx.set(top.i_data, words[sent] if offered else rng.getrandbits(bits))
            mark = int(flags[sent]) if offered else rng.getrandbits(2)
            ctx.set(top.i_first, mark & 1)
            ctx.set(top.i_last, mark >> 1 & 1)
            taken = rng.randrange(100) >= stalls[1]
            ctx.set(top.o_ready, taken)
            _, _, ready, valid, *seen = await ctx.tick().sample(*ports)
            *now, error = seen[:4]
            if offered and ready:
                sent, offered = sent + 1, False
                ins.append(cycle)
            if held is not None and (not valid or now != held):
                failures.append(f"a waiting output beat changed in cycle {cycle}")
            held = now if valid and not taken else None
            if valid and taken:
                out.append(now[0])
                marks.append(now[1] | now[2] << 1)
                outs.append(cycle)
            rest = seen[4:]
            for names in taps.values():
                if rest[0]:
                    for name, value in zip(names, rest[1:], strict=False):
                        names[name].append(value)
                rest = rest[1 + len(names) :]
            quiet = quiet + 1 if len(out) >= outputs and sent == len(words) else 0
            if quiet > 60:
                return
        failures.append(f"no end in {limit} cycles: {len(out)} of {outputs} output beats")

    simulator = Simulator(top)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert not failures, failures[0]
    ports = {
        p["trace"]: {n: chunked(taps[p["trace"]][n], p["ports"][n]) for n in taps[p["trace"]]}
        for p in told["populations"]
    }
    streams = Streams(
        chunked(out, told["output"]["beat_bits"]), np.array(marks, np.uint8), ports, error,
        np.array(ins), np.array(outs), limit, np.zeros((0, 2 + len(ports)), np.int64),
    )  # fmt: skip
    return Played(streams, told)


def chunked(values: list[int], bits: int) -> np.ndarray:
    """Return integers as (n, chunks) uint32; they may come signed."""
    size = 4 * -(-bits // 32)
    raw = b"".join((int(v) & ((1 << bits) - 1)).to_bytes(size, "little") for v in values)
    return np.frombuffer(raw, "<u4").reshape(len(values), size // 4)


def agrees(
    network: Network, plan: Plan, samples: list[np.ndarray], stalls=(0, 0), seed=0
) -> Played:
    """Play samples, each (timesteps, *shape) or as the coding has it, and check all that comes."""
    told = manifest(plan, "", {})
    pairs = [beats.input_beats(x[None], told) for x in samples]
    lengths = [plan.blocks.timesteps if plan.constant else len(x) for x in samples]
    output = told["populations"][plan.output]
    orders = [
        len(beats.rows(told["output"], output["neurons"], beats.whole(n, told), told))
        for n in lengths
    ]
    played = play(
        plan, np.concatenate([d for d, _ in pairs]), np.concatenate([f for _, f in pairs]),
        sum(orders), stalls, seed,
    )  # fmt: skip
    ran = {
        p["name"]: beats.neurons(played.streams.taps[p["trace"]], p, lengths, told)
        for p in told["populations"]
    }
    beats.check_output(played.streams, ran, lengths, told)
    assert played.streams.error == 0
    for k, x in enumerate(samples):
        expected = run(network, (x[0] if plan.constant else x)[None])
        for p in network.populations:
            spikes, v = ran[p.name][k]
            assert (v == expected.v[p.name][0].reshape(v.shape)).all(), p.name
            if p.spiking:
                assert (spikes == expected.spikes[p.name][0].reshape(v.shape)).all(), p.name
    return played
