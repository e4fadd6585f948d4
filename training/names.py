"""What can be trained, by name; free of torch, so that a wrong name is refused at once."""

from __future__ import annotations

METHODS = ("agmm", "ste", "fp", "latency")
#: Keys of networks.NETWORKS.
NETS = ("mlp", "cnn", "vggsnn", "resnet19", "resnet18")
#: Keys of train.TUNINGS.
TUNES = ("dyadic-joins", "constant-gates", "table-gates")


def check_names(method: str, net: str, tune: tuple[str, ...] = ()) -> None:
    """Raise ValueError, one sentence, for anything that cannot be trained."""
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, not {method!r}")
    if net not in NETS:
        raise ValueError(f"net must be one of {', '.join(NETS)}, not {net!r}")
    for name in tune:
        if name not in TUNES:
            raise ValueError(f"tune must be one of {', '.join(TUNES)}, not {name!r}")
        if "gates" in name and method != "agmm":
            raise ValueError(f"tune {name!r} needs gates: train with method agmm")
    if method == "latency" and (net != "mlp" or tune):
        raise ValueError("the latency method trains net mlp, and there is nothing to tune in it")
