"""Block RAM of some FPGAs by their data sheets, and the smallest that holds a plan's memories."""

from __future__ import annotations

from dataclasses import dataclass

from hdl.planned import Plan
from hdl.stores import Store, stores

#: Bits from which on a memory of the Verilog asks for block RAM (``hdl.text.memory_files``).
BLOCK = 1 << 13
#: Widths and depths of a block of 18 kbit, of 7 series, UltraScale+ and ECP5 alike.
FORMS = ((1, 16384), (2, 8192), (4, 4096), (9, 2048), (18, 1024), (36, 512))
_SERIES7 = "AMD DS180, 7 Series FPGAs Data Sheet: Overview"
_ULTRASCALE = "AMD DS890, UltraScale Architecture and Product Data Sheet: Overview"
_ZYNQ = "AMD DS891, Zynq UltraScale+ MPSoC Data Sheet: Overview"
_ECP5 = "Lattice FPGA-DS-02012, ECP5 and ECP5-5G Family Data Sheet"


@dataclass(frozen=True)
class Part:
    """An FPGA; blocks: of block RAM of 18 kbit (a RAMB36 is two). source: its data sheet."""

    name: str
    blocks: int
    source: str

    @property
    def bits(self) -> int:
        """Bits of all of its block RAM, those for parity included."""
        return self.blocks * 18 * 1024


#: From small to large. UltraRAM is not counted: none of these Verilog memories asks for it.
PARTS = (
    Part("ECP5-25F", 56, _ECP5),
    Part("XC7A35T", 100, _SERIES7),
    Part("ECP5-45F", 108, _ECP5),
    Part("XC7A50T", 150, _SERIES7),
    Part("ECP5-85F", 208, _ECP5),
    Part("XC7A100T", 270, _SERIES7),
    Part("XC7Z020", 280, "AMD DS190, Zynq-7000 SoC Data Sheet: Overview"),
    Part("ZU3EG", 432, _ZYNQ),
    Part("XC7K160T", 650, _SERIES7),
    Part("XC7A200T", 730, _SERIES7),
    Part("XC7K325T", 890, _SERIES7),
    Part("XC7K410T", 1590, _SERIES7),
    Part("ZU9EG", 1824, _ZYNQ),
    Part("XCKU060", 2160, _ULTRASCALE),
    Part("XCVU9P", 4320, _ULTRASCALE),
)


def blocks(store: Store) -> int:
    """Return the blocks of 18 kbit of memories that are alike; 0 where they are small."""
    if store.width * store.depth < BLOCK:
        return 0
    return store.count * min(-(-store.width // w) * -(-store.depth // d) for w, d in FORMS)


def smallest(plan: Plan) -> dict[str, int | str]:
    """Return bits and blocks of a plan, and the smallest part that has as many of each."""
    kept = stores(plan)
    bits, need = sum(s.bits for s in kept), sum(blocks(s) for s in kept)
    return {
        "bits": bits,
        "part by bits": next((p.name for p in PARTS if p.bits >= bits), "none of these"),
        "blocks": need,
        "part by blocks": next((p.name for p in PARTS if p.blocks >= need), "none of these"),
    }
