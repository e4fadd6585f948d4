"""What each backend makes of a network, said early: one line each, for people and for --json.

Backends run a Network. Of a TrainedNetwork the answer needs a fold, which takes a second for each
million weights or so: it is made where that is quick, or where the caller has spent hours before.
"""

from __future__ import annotations

from typing import Any

import mapping
from sim.ability import abilities, refusal

#: Weights of a trained network that is folded only to say what would run it; and after a training.
QUICK, LONG = 1 << 20, 1 << 26
#: Weights that take as long as one timestep.
STEP = 256


def answers(value: mapping.Network | mapping.TrainedNetwork, most: int = QUICK) -> dict[str, Any]:
    """Return what every backend makes of a network, as JSON values.

    Args:
        most: weights of a trained network that is folded for the answer.

    Returns
    -------
        ``backends``, a row for each, or None; ``fold`` says why there are none, or None.
    """
    if isinstance(value, mapping.TrainedNetwork):
        size = weights(value)
        if size + STEP * value.timesteps > most:
            why = (
                f"not folded here ({size:,} weights, T = {value.timesteps}: it takes a while): "
                "spikexact fold says which backends run it"
            )
            return {"backends": None, "fold": why}
        try:
            value = mapping.fold(value)
        except ValueError as error:
            why = "no: " + " ".join(str(error).split())
            return {"backends": None, "fold": why}
    return {"backends": [ability.to_json() for ability in abilities(value)], "fold": None}


def texts(answer: dict[str, Any], trained: bool) -> list[str]:
    """Return the lines of what ``answers`` returned."""
    if answer["backends"] is None:
        return [f"fold: {answer['fold']}"]
    head = "once folded, it is run by" if trained else "run by"
    return [f"{head}:", *(f"  {_line(row)}" for row in answer["backends"])]


def advice(network: mapping.Network, absent: dict[str, str]) -> dict[str, str]:
    """Return what stands for absent files, and advise nothing that a backend would refuse.

    Args:
        absent: file to sentence, as ``page.ABSENT``.
    """
    why = refusal(network, "rtl")
    if why is None:
        return absent
    verify = "not compared: run spikexact verify DIR/network.safetensors --backends fast"
    return absent | {
        "rtl/manifest.json": f"no Verilog: {why}",
        "verify.json": f"{verify} -o DIR/verify.json",
    }


def weights(value: mapping.TrainedNetwork) -> int:
    """Return how many weights a trained network has."""
    ops = (c.op for p in value.populations for c in p.connections)
    return sum(op.weight_bits // op.bits for op in ops if op.bits)


def _line(row: dict[str, Any]) -> str:
    if row["why"] is None:
        return f"{row['backend']}: yes"
    return f"{row['backend']}: {'not installed' if row['runs'] else 'no'}: {row['why']}"
