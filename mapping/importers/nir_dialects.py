"""Who wrote a NIR graph, and what its files leave open.

The exporters write the same neuron with different ``tau`` and ``r``, and none of them says whether
neurons fire at > or >=, how they reset, and how long a timestep is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ..value import Unsupported, choice

#: Which semantics each dialect's files leave open, and must be told.
OPEN = {
    "snntorch": ("reset",),
    "spikingjelly": (),
    "norse": ("reset",),
    "sinabs": ("reset", "decay_input", "single_spike"),
    "nir": ("compare", "reset", "dt"),
}
#: The timestep that an exporter writes by default, in seconds.
DT = {"snntorch": 1e-4, "spikingjelly": 1e-4, "norse": 1e-3, "sinabs": 1.0}
COMPARE = {"snntorch": ">", "spikingjelly": ">=", "norse": ">", "sinabs": ">="}
WORDS = {
    "reset": "reset: 'zero' or 'subtract'",
    "decay_input": "decay_input: whether the input is scaled by 1 - leak",
    "single_spike": "single_spike=True: at most one spike a timestep",
    "compare": "compare: '>' or '>='",
    "dt": "dt: the timestep in seconds",
}
KNOWN = ("reset", "decay_input", "single_spike", "compare", "dt", "reset_delay")


@dataclass(frozen=True)
class Dialect:
    """Who wrote a graph, and what was told of it."""

    name: str
    semantics: dict[str, Any]

    @property
    def dt(self) -> float:
        """The timestep, seconds (sinabs: timesteps)."""
        return float(self.semantics.get("dt", DT.get(self.name, 0.0)))


def dialect_of(name: str | None, semantics: dict[str, Any] | None) -> Dialect:
    """Check a dialect and what is told of it; raises ValueError that lists what is missing."""
    if name is None:
        raise ValueError(
            "a NIR graph does not say who wrote it, and the same net comes with four different "
            f"tau and r: give dialect, one of {', '.join(map(repr, OPEN))}"
        )
    choice(name, "dialect", tuple(OPEN))
    semantics = dict(semantics or {})
    for key in semantics:
        choice(key, "key of semantics", KNOWN)
    missing = [WORDS[key] for key in OPEN[name] if key not in semantics]
    if missing:
        raise ValueError(
            f"a NIR graph of {name} does not say all of its semantics; give in semantics: "
            + "; ".join(missing)
        )
    choice(semantics.get("reset", "zero"), "reset", ("zero", "subtract"))
    choice(semantics.get("compare", ">"), "compare", (">", ">="))
    if semantics.get("compare", COMPARE.get(name)) != COMPARE.get(name, semantics.get("compare")):
        raise ValueError(f"{name} fires at u {COMPARE[name]} threshold, not {semantics['compare']}")
    if name == "spikingjelly" and semantics.get("reset", "zero") != "zero":
        raise ValueError("SpikingJelly writes no NIR graphs of soft reset")
    if name == "sinabs" and semantics["single_spike"] is not True:
        raise Unsupported("sinabs neurons that fire several spikes a timestep are not held")
    if (
        name == "snntorch"
        and semantics.get("reset_delay", 1) != 1
        and semantics["reset"] == "subtract"
    ):
        raise Unsupported(
            "snnTorch without reset_delay adds the threshold back beyond twice of it: import the "
            "model itself, which shows whether a membrane gets there"
        )
    dialect = Dialect(name, semantics)
    if not (math.isfinite(dialect.dt) and dialect.dt > 0):
        raise ValueError(f"dt must be a positive number of seconds, not {semantics['dt']!r}")
    return dialect
