"""Trained binary spiking networks, bit for bit on Lava and FPGAs; every public name in one import.

    import spikexact as sx

    network = sx.fold(trained)
    trace = sx.run(network, inputs, backend="fast")

A name is loaded when it is first used, so the import itself takes no time. ``sx.trained`` holds the
node kinds of a ``TrainedNetwork``, ``sx.real`` runs one in float64, and ``sx.report.write(folder)``
writes the report of a folder.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False  # typing takes time to import, and the guard is not yet there
if TYPE_CHECKING:  # the same names, for editors
    from typing import Any

    from mapping import (
        INPUT,
        WIDTH_MAX,
        Cause,
        Certificate,
        Connection,
        Conv,
        Dense,
        Gate,
        Identity,
        Input,
        Kind,
        Network,
        Neuron,
        Pool,
        Population,
        Readout,
        TooWide,
        TrainedNetwork,
        Unsupported,
        bipolar,
        fold,
        import_model,
        load,
        real,
        save,
        trained,
    )  # fmt: skip
    from sim import (
        BACKENDS,
        Agreement,
        Disagreement,
        MissingTool,
        Trace,
        abilities,
        agreement,
        compare,
        plot_membrane,
        plot_raster,
        refusal,
        run,
    )  # fmt: skip
    from sim.campaign import campaign
    from sim.campaign.stimuli import stimuli
    from sim.evaluate import Evaluation, evaluate
    from sim.vectors import write_bundle
    from sim.verify import Verification, verify

    from . import report

__all__ = [
    "BACKENDS",
    "INPUT",
    "WIDTH_MAX",
    "Agreement",
    "Cause",
    "Certificate",
    "Connection",
    "Conv",
    "Dense",
    "Disagreement",
    "Evaluation",
    "Gate",
    "Identity",
    "Input",
    "Kind",
    "MissingTool",
    "Network",
    "Neuron",
    "Pool",
    "Population",
    "Readout",
    "Trace",
    "TooWide",
    "TrainedNetwork",
    "Unsupported",
    "Verification",
    "abilities",
    "agreement",
    "bipolar",
    "campaign",
    "compare",
    "evaluate",
    "fold",
    "import_model",
    "load",
    "plot_membrane",
    "plot_raster",
    "real",
    "refusal",
    "report",
    "run",
    "save",
    "stimuli",
    "trained",
    "verify",
    "write_bundle",
]
#: Where a name is that neither ``mapping`` nor ``sim`` gives.
_ELSEWHERE = {
    "Evaluation": "sim.evaluate",
    "Verification": "sim.verify",
    "campaign": "sim.campaign",
    "evaluate": "sim.evaluate",
    "real": "mapping.real",
    "report": "spikexact.report",
    "stimuli": "sim.campaign.stimuli",
    "verify": "sim.verify",
    "write_bundle": "sim.vectors",
}
#: Names of modules; ``trained`` is one too, which ``mapping`` gives.
_MODULES = ("real", "report")

# The command line says it itself, once Ctrl-C is guarded (cli.status).
_PROGRAM = (getattr(sys, "argv", None) or [""])[0].replace("\\", "/").rpartition("/")[2]
if _PROGRAM.partition(".")[0] not in ("-m", "spikexact"):
    from . import rooms

    rooms.check()


def __getattr__(name: str) -> Any:
    """Load a public name."""
    import importlib

    if name not in __all__:
        message = f"module 'spikexact' has no attribute {name!r}"
        raise AttributeError(message, name=name, obj=sys.modules[__name__])
    home = _ELSEWHERE.get(name)
    if home is None:
        home = "mapping" if hasattr(importlib.import_module("mapping"), name) else "sim"
    module = importlib.import_module(home)
    value = module if name in _MODULES else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
