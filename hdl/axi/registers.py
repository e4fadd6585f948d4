"""The registers of the AXI4-Lite block: what hosts, gateware, manifest and manual go by.

Words of 32 bits. Access: ``r`` is read only, ``w`` write only, ``rw`` both; ``w1`` acts where 1 is
written and reads 0, ``w1c`` is cleared where 1 is written.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..cores.entry import ERRORS

#: Bits of an address, and the map's version, which changes with any of its meanings.
ADDRESS, VERSION = 8, 1
#: The first word: "SPKX".
MAGIC = 0x53504B58
#: Bits of ``error`` in the core, then those of the wrapper.
STICKY = (*ERRORS, "partial", "load")


@dataclass(frozen=True)
class Register:
    """A word of the block: its name, its byte address, and its fields from bit 0 on.

    Attributes
    ----------
        bits: names of single bits, the lowest first; () of a number.
        access: of all its bits.
    """

    name: str
    address: int
    access: str
    means: str
    bits: tuple[str, ...] = ()


_ALL = (
    Register("magic", 0x00, "r", "0x53504B58, which is SPKX"),
    Register("version", 0x04, "r", "of this table: 1"),
    Register("design_low", 0x08, "r", "SHA-256 of network.v, its first 4 bytes, as a number"),
    Register("design_high", 0x0C, "r", "the 4 bytes after these"),
    Register("network_low", 0x10, "r", "SHA-256 of the network's numbers, its first 4 bytes"),
    Register("network_high", 0x14, "r", "the 4 bytes after these"),
    Register("transfers_in", 0x18, "r", "transfers of a whole sample"),
    Register("transfers_out", 0x1C, "r", "transfers of what leaves of a whole sample"),
    Register("control", 0x20, "w1", "resets the core; sets all counters to 0", ("reset", "zero")),
    Register("framing", 0x24, "rw", "samples begin after TLAST, not with TUSER", ("by_last",)),
    Register("status", 0x28, "r", "what is", ("open", "waits", "good", "loading", "room")),
    Register("errors", 0x2C, "w1c", "what was wrong", STICKY),
    Register("samples_in", 0x30, "r", "samples that were taken to their end"),
    Register("samples_out", 0x34, "r", "samples whose TLAST has left"),
    Register("cycles", 0x38, "r", "cycles of the clock"),
    Register("stalls_in", 0x3C, "r", "cycles with s_axis_tvalid and without s_axis_tready"),
    Register("stalls_out", 0x40, "r", "cycles with m_axis_tvalid and without m_axis_tready"),
)
_LOADING = (
    Register("load_first", 0x44, "w", "the first word of another network"),
    Register("load_next", 0x48, "w", "a further word"),
    Register("load_last", 0x4C, "w", "the last word, which is the CRC of all before"),
    Register("weights", 0x50, "r", "CRC of the network in the memories; 0 while they are not good"),
    Register("read_back", 0x54, "r", "CRC of what was read back last"),
)


def registers(loadable: bool) -> tuple[Register, ...]:
    """Return the registers of a design."""
    return _ALL + _LOADING if loadable else _ALL
