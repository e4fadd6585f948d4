"""``spikexact doctor``."""

from .arguments import Json


def doctor(json: Json = False) -> None:
    """Say what is installed, and what each missing piece would unlock."""
    from .. import console
    from ..doctor import advice, backends, survey

    pieces = survey()
    if json:
        console.print_json({"format": 1, "pieces": pieces, "backends": backends()})
    else:
        heads = ("what", "version", "unlocks")
        console.rows("spikexact doctor", [{head: row[head] for head in heads} for row in pieces])
        for line in advice(pieces):
            console.say(line)
        for row in backends():
            here = "yes" if row["lacks"] is None else f"not installed: {row['lacks']}"
            console.say(f"backend {row['backend']} ({row['what']}): {here}")
