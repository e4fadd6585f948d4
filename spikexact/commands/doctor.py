"""``spikexact doctor``."""

from .arguments import Json


def doctor(json: Json = False) -> None:
    """Say what is installed, and what each missing piece would unlock."""
    from .. import console
    from ..doctor import advice, survey

    pieces = survey()
    if json:
        console.print_json({"format": 1, "pieces": pieces})
    else:
        heads = ("what", "version", "unlocks")
        console.rows("spikexact doctor", [{head: row[head] for head in heads} for row in pieces])
        for line in advice(pieces):
            console.say(line)
