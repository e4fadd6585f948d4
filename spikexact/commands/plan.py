"""``spikexact plan``."""

from typing import Any

from .arguments import (
    Also,
    Block,
    Cells,
    Classes,
    Clock,
    File,
    Json,
    Lanes,
    Loadable,
    Parallel,
    Pe,
    Ram,
    Simd,
    SkipZeros,
    SkipZerosOf,
    Stop,
    TargetFps,
)


def plan(
    file: File,
    pe: Pe = None,
    simd: Simd = None,
    lanes: Lanes = None,
    block: Block = None,
    parallel: Parallel = 1,
    skip_zeros: SkipZeros = False,
    skip_zeros_of: SkipZerosOf = None,
    classes: Classes = False,
    stop: Stop = False,
    target_fps: TargetFps = None,
    clock: Clock = None,
    cells: Cells = None,
    ram: Ram = None,
    loadable: Loadable = False,
    also: Also = None,
    json: Json = False,
) -> None:
    """Say what would be emitted: cores, parallelism, memories, cycles; cells by estimate."""
    from .. import console, files
    from .planning import form, holding

    network = files.network(file)
    skips = skip_zeros or tuple(skip_zeros_of or ())
    made = form(
        network, pe, simd, lanes, block, parallel, target_fps, clock, cells, ram, classes, stop,
        skips,
    )  # fmt: skip
    from hdl.listing import listing
    from hdl.plan import plan as planned

    more = holding(loadable, also, classes, stop)
    facts = listing(planned(network, **made.options, **more) if more else made.plan, clock)
    if json:
        console.print_json(facts)
        return
    for title, rows in tables(facts).items():
        console.rows(title, rows)
    for line in sentences(facts):
        console.say(line)


def tables(facts: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return a listing as tables: populations, their neurons, connections, memories."""
    populations = facts["populations"]
    held = {}
    if "loading" in facts:
        held["what it can hold"] = [
            {
                "population": r["population"],
                "value": r["value"],
                "bits": r["bits"],
                "from": f"{r['range'][0]:,}",
                "to": f"{r['range'][1]:,}",
            }
            for r in facts["loading"]["ranges"]
        ]
    return held | {
        "populations": [
            {
                "population": p["name"],
                "neurons": _sizes(p),
                "PE": p["pe"],
                "lanes": p["lanes"],
                "tiles": f"{p['tiles']:,}{', twice' if p['runs'] > 1 else ''}",
                "cycles a pass": _passes(p),
                "a block": f"{p['cycles_per_block']:,}",
                "a sample": f"{p['cycles_per_sample']:,}",
                "at work": f"{p['occupancy']:.0%}",
                "cells, estimated": f"{p['cells_estimated']:,}",
            }
            for p in populations
        ],
        "neurons": [
            {
                "population": p["name"],
                "at work": f"{p['neurons_occupancy']:.0%}",
                "drive bits": p["drive_bits"],
                "v bits": p["v_bits"],
                "state bits": p["state_bits"],
                "membranes kept": _kept(p),
                "latency": p["latency"],
            }
            for p in populations
        ],
        "connections": [
            {
                "into": p["name"],
                "from": c["source"],
                "delay": f"{c['delay']}{', back' if c['back'] else ''}",
                "layer": _layer(c),
                "fan-in": f"{c['fan_in']:,}",
                "PE x SIMD x timesteps": f"{c['pe']} x {c['simd']} x {c['parallel']}",
                "input bits": c["bits"],
                "words": c["words"],
                "cycles a pass": f"{c['cycles_per_pass']:,}{_fewer(c)}",
                "at work": f"{c['occupancy']:.0%}",
                "holds": f"{c['banks']} {c['bank_is']}{'s' if c['banks'] > 1 else ''}",
                "acc bits": c["acc_bits"],
                "latency": c["latency"],
            }
            for p in populations
            for c in p["connections"]
        ],
        "memories": [
            {
                "memory": m["name"],
                "holds": f"{m['holds']} of {m['population']}",
                "kind": m["kind"],
                "words x bits": f"{m['depth']:,} x {m['width']:,}",
                "how many": m["count"],
                "bits": f"{m['bits']:,}",
            }
            for m in facts["memories"]
        ],
    }


def _sizes(p: dict[str, Any]) -> str:
    """Return the neurons of a population; of a map, channels, rows and columns beside."""
    shape = " x ".join(map(str, p["shape"]))
    return f"{p['neurons']:,}" + (f" ({shape})" if len(p["shape"]) > 1 else "")


def _kept(p: dict[str, Any]) -> str:
    return f"{p['membranes']:,} in {p['membranes_in']}" if p["membranes"] else "none"


def _layer(c: dict[str, Any]) -> str:
    """Return a layer: its kind, its window and what differs from the usual, its gate."""
    text, w = c["op"], c["window"]
    if w is not None and w["kernel"] != [1, 1]:
        text += f" {w['kernel'][0]} x {w['kernel'][1]}"
    for name, usual in (("stride", 1), ("dilation", 1), ("padding", 0)):
        if w is not None and w[name] != [usual, usual]:
            pair = w[name] if w[name][0] != w[name][1] else w[name][:1]
            text += f", {name} {' x '.join(map(str, pair))}"
    if w is not None and c["op"] == "Conv" and w["groups"] > 1:
        text += f", {w['groups']} groups"
    if c["weight_bits"] > 1:
        text += f", {c['weight_bits']} bits"
    return text + (f", gated ({c['gate']})" if c["gate"] else "")


def _passes(p: dict[str, Any]) -> str:
    """Return the cycles of a pass: one number, or from the fewest to the most."""
    least, most = p["least_cycles_per_pass"], p["cycles_per_pass"]
    return f"{most:,}" if least == most else f"{least:,} to {most:,}"


def _fewer(c: dict[str, Any]) -> str:
    return " or fewer" if c["skip_zeros"] else ""


def sentences(facts: dict[str, Any]) -> list[str]:
    """Return what a listing says of the whole."""
    blocks = f"T = {facts['timesteps']}, blocks of {facts['block']}"
    if facts["block_first"] != facts["block"]:
        blocks += f" (the first of {facts['block_first']})"
    bound = facts["cycles_are"] == "at most"
    pace = (
        f"{'at most ' if bound else ''}"
        f"{facts['cycles_per_sample']:,} cycles a sample, limited by "
        f"{', '.join(facts['limited_by'])}; {facts['latency']:,} from its first input beat to its "
        f"last output beat; the pace is even after {facts['settles']} samples"
    )
    size = (
        f"{facts['memory_bits']:,} bits of memory; an estimated {facts['cells_estimated']:,} cells "
        "(ECP5 LUT4s and carries; no build has measured them)"
    )
    if "loading" in facts:
        size += f"; a network is written in {facts['loading']['words']:,} words and their CRC"
    blocks += f"; timesteps summed at once: {facts['parallel']}"
    said = [blocks, facts["block_reason"], pace, size]
    if any(c["skip_zeros"] for p in facts["populations"] for c in p["connections"]):
        said.append(
            "zero words are not read where that is asked: these cycles are the most that there can "
            "be, whatever the data"
        )
    output = facts["output"]
    if "readout" in output:
        kind = output["readout"].replace("_", " ")
        said.append(
            f"read out on chip ({kind}): a class of {output['class_bits']} bits and a score of "
            f"{output['score_bits']}, {output['latency']} cycles after the last neuron"
        )
        if output["stop"]:
            said.append("a sample ends at its first output spike: these cycles are the most")
    if facts["clock_mhz"] is not None:
        said.append(
            f"at {facts['clock_mhz']:g} MHz {facts['frames_per_second']:,} samples a second, "
            f"latency {facts['latency_us']:,} us"
        )
    return said
