"""Which board a manifest is of, and whether the one that answers is that."""

from __future__ import annotations

from typing import Any

from hdl.link import protocol
from hdl.link.protocol import Hello

from .engines.board.line import LinkError


def stated(manifest: dict[str, Any]) -> Hello:
    """Return what the board of a manifest says of itself.

    Raises
    ------
        ValueError: it is of no board, or of another version.
    """
    try:
        said = Hello.decode(bytes.fromhex(manifest["board"]["hello"]))
    except (KeyError, TypeError, ValueError):
        said = None
    if said is None:
        raise ValueError("manifest.json is of no board of this version: build it anew")
    return said


def compare(name: str, said: Hello | None, body: bytes, wanted: Hello) -> None:
    """Refuse a board that is not the one of the manifest.

    Raises
    ------
        LinkError: what differs, and what to do.
    """
    if said is None:
        version = f"version {body[0]} of" if body else "nothing of"
        raise LinkError(
            f"{name} speaks {version} the protocol, and this program version {protocol.VERSION}: "
            f"program the board anew"
        )
    if said.design != wanted.design:
        raise LinkError(
            f"{name} holds design {said.design.hex()[:12]}, and the folder is of "
            f"{wanted.design.hex()[:12]}: program the board from this folder, or name its own"
        )
    if said.network != wanted.network and not said.loadable:
        raise LinkError(
            f"{name} was built for network {said.network.hex()[:12]}, and the folder is of "
            f"{wanted.network.hex()[:12]}: program the board from this folder, or name its own"
        )
    differs = [
        field for field in Hello.__dataclass_fields__
        if field != "network" and getattr(said, field) != getattr(wanted, field)
    ]  # fmt: skip
    if differs:
        field = differs[0]
        raise LinkError(
            f"{name} says {field} {getattr(said, field)}, and the folder "
            f"{getattr(wanted, field)}: program the board from this folder, or name its own"
        )
