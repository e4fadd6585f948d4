"""VGGSNN, of event frames; structure: C. Liang et al., AAAI-25 (arXiv 2502.14344), section 5."""

from __future__ import annotations

from mapping import INPUT, Input

from ..graph import SpikingNetwork
from ..style import Builder, Style


def vggsnn(
    enter: Input, classes: int, timesteps: int = 10, style: Style | None = None
) -> SpikingNetwork:
    """Return 64C3-128C3-AP2-256C3-256C3-AP2-512C3-512C3-AP2-512C3-512C3-AP2-FC."""
    style = style or Style()
    b = Builder(enter, timesteps, style)
    source, number = b.lif("conv1", b.conv(INPUT, 64, kind=style.first)), 1
    for channels in ((128,), (256, 256), (512, 512), (512, 512)):
        for outputs in channels:
            number += 1
            source = b.lif(f"conv{number}", b.conv(source, outputs, gate=True))
        source = b.pool(f"pool{number}", source, 2)
    return b.finish(source, classes)
