"""What a command answers with: a network, or facts under their names; as text or as JSON."""

from __future__ import annotations

from typing import Any

#: Characters of a value that is no text, in one line.
BRIEF = 300


def show_network(value: Any, as_json: bool, **more: Any) -> None:
    """Print a network, and which backends run it.

    Args:
        value: Network or TrainedNetwork. more: other keys of the JSON.
    """
    from mapping import TrainedNetwork
    from mapping.cost import summary
    from mapping.files import digest
    from mapping.show import rows_of

    from .. import console, labels, targets

    runners = targets.answers(value)
    sizes = summary(value)
    if as_json:
        facts = {"kind": type(value).__name__, "sha256": digest(value), **more, **sizes}
        console.print_json({"format": 1, **facts, "populations": rows_of(value), **runners})
    else:
        console.say(str(value))
        console.say("; ".join(f"{labels.label(key)}: {n:,}" for key, n in sizes.items()))
        for line in targets.texts(runners, isinstance(value, TrainedNetwork)):
            console.say(line)


def tell(facts: dict[str, Any], as_json: bool, version: int = 1) -> None:
    """Print facts, a line each, or as JSON of a format's version."""
    from .. import console, labels

    if as_json:
        console.print_json({"format": version, **facts})
        return
    for label, value in labels.readable(facts).items():
        text = str(value)
        whole = isinstance(value, str) or len(text) <= BRIEF
        console.say(f"{label}: {text if whole else text[:BRIEF] + ' ..'}")
