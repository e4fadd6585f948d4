"""``spikexact show``."""

from .answers import show_network
from .arguments import File, Json


def show(file: File, json: Json = False) -> None:
    """Show a network: layers, shapes, widths, certificates."""
    from mapping import load

    show_network(load(file), json)
