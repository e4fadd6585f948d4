"""A small convolutional network, for images that fit two cores."""

from __future__ import annotations

from mapping import INPUT, Input

from ..graph import SpikingNetwork
from ..style import Builder, Style


def cnn(
    enter: Input, classes: int, timesteps: int = 4, style: Style | None = None, width: int = 16
) -> SpikingNetwork:
    """Return wC3-wC3-AP2-2wC3-2wC3-AP2-FC, w = ``width`` channels, each convolution a LIF."""
    style = style or Style()
    b = Builder(enter, timesteps, style)
    source = b.lif("conv1", b.conv(INPUT, width, kind=style.first))
    source = b.lif("conv2", b.conv(source, width, gate=True))
    source = b.pool("pool2", source, 2)
    source = b.lif("conv3", b.conv(source, 2 * width, gate=True))
    source = b.lif("conv4", b.conv(source, 2 * width, gate=True))
    return b.finish(b.pool("pool4", source, 2), classes)
