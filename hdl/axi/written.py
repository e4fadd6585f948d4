"""The wrapper as Verilog, a file of its own beside the core's, and what manifest.json says of it.

A file of its own, because the core's must not change where somebody wraps it otherwise, and because
the registers hold its hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from ..planned import Plan
from ..text import design
from ..text.header import WAIVED_OF_WRAPPER, wrapper_header
from .registers import ADDRESS, STICKY, VERSION, registers
from .transfers import Transfers, fields
from .wrapper import AxisWrapper


def written(
    plan: Plan, manifest: Mapping[str, Any], size: int | None = None
) -> tuple[str, dict[str, Any]]:
    """Return the Verilog of a wrapper, and its part of the manifest.

    Args:
        manifest: of the core. size: bytes of TDATA; see ``axi.transfers.transfers``.

    Raises
    ------
        ValueError: a size that no stream has.
    """
    top = manifest["top"]
    hashes = {"design": manifest["verilog_sha256"], "network": manifest["network_sha256"]}
    weights = manifest["loading"]["crc"] if plan.loadable else 0
    wrapper = AxisWrapper(plan, top, hashes, size, weights)
    name = f"{top}_axis"
    body, _ = design(wrapper, name, WAIVED_OF_WRAPPER)
    text = f"{wrapper_header(plan, top)}\n{body}"
    answer = plan.answer.ports if plan.answer else {}
    return text, {
        "top": name,
        "verilog": f"{name}.v",
        "verilog_sha256": hashlib.sha256(text.encode("utf-8")).hexdigest(),
        "clock": "aclk",
        "reset": "aresetn",
        "input": {"stream": "s_axis", **_stream(wrapper.enter)},
        "output": {
            "stream": "m_axis",
            **_stream(wrapper.leave),
            "fields": [
                {"name": f.name, "bits": f.bits, "at": f.at, "bytes": f.size, "signed": f.signed}
                for f in fields(answer)
            ],
        },
        "registers": {
            "stream": "s_axil",
            "version": VERSION,
            "address_bits": ADDRESS,
            "constants": [
                {"name": name, "value": value} for name, value in wrapper.constants().items()
            ],
            "words": [
                {"name": r.name, "address": r.address, "access": r.access, "bits": list(r.bits)}
                for r in registers(plan.loadable)
            ],
        },
        "errors": list(STICKY),
    }


def _stream(shape: Transfers) -> dict[str, int]:
    return {"bytes": shape.size, "transfers": shape.count, "beat_bits": shape.bits}
