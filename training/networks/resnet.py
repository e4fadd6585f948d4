"""ResNet-19 and ResNet-18 with a skip around every 3x3 convolution, in two readings.

``"spikes"``: ``LIF(gate(BN(conv(s))) + s)``; ``"stream"``: ``x + gate(BN(conv(LIF(x))))``.
Structures: H. Zheng et al., AAAI-21 (ResNet-19, one linear layer here); K. He et al., CVPR 2016
(ResNet-18); skips: C. Liang et al., AAAI-25 (arXiv 2502.14344).
"""

from __future__ import annotations

from mapping import INPUT, Input

from ..graph import SpikingNetwork
from ..style import Builder, Style

SKIPS = ("spikes", "stream")


def resnet19(
    enter: Input, classes: int, timesteps: int = 2, style: Style | None = None,
    skips: str = "spikes", width: int = 128,
) -> SpikingNetwork:  # fmt: skip
    """Return 128C3, then 3, 3 and 2 blocks of 128, 256 and 512 channels, for 32 x 32 images.

    Args:
        width: channels of the first stage, 128 in the paper.
    """
    _check(skips)
    style = style or Style()
    b = Builder(enter, timesteps, style)
    enter_as = b.stream if skips == "stream" else b.lif
    source = enter_as("conv1", b.conv(INPUT, width, kind=style.first))
    stages = [(width, 3), (2 * width, 3), (4 * width, 2)]
    return _blocks(b, source, stages, skips, classes)


def resnet18(
    enter: Input, classes: int, timesteps: int = 4, style: Style | None = None,
    skips: str = "spikes", width: int = 64,
) -> SpikingNetwork:  # fmt: skip
    """Return 64C7 of stride 2, a 3x3 max pool of stride 2, then 2 blocks of 64 to 512 channels.

    Args:
        width: channels of the first stage, 64 in the paper.
    """
    _check(skips)
    style = style or Style()
    b = Builder(enter, timesteps, style)
    source = b.lif("conv1", b.conv(INPUT, width, 7, 2, style.first))
    source = b.pool("pool1", source, 3, "max", 2, 1)
    stages = [(width << k, 2) for k in range(4)]
    return _blocks(b, source, stages, skips, classes)


def _check(skips: str) -> None:
    if skips not in SKIPS:
        raise ValueError(f"skips must be one of {', '.join(SKIPS)}, not {skips!r}")


def _blocks(
    b: Builder, source: str, stages: list[tuple[int, int]], skips: str, classes: int
) -> SpikingNetwork:
    stream, number = skips == "stream", 1
    for outputs, blocks in stages:
        for k in range(2 * blocks):
            number += 1
            stride = 2 if k == 0 and outputs > stages[0][0] else 1
            spikes = b.lif(f"lif{number}", b.skip(source)) if stream else source
            main = b.conv(spikes, outputs, stride=stride, gate=True)
            skip = b.skip(source)
            if stride == 2:
                skip = b.conv(spikes, outputs, 1, stride, b.style.downsample)
            source = (b.stream if stream else b.lif)(f"conv{number}", main, skip)
    if stream:
        source = b.lif("lif", b.skip(source))
    side = b.shapes[source][-1]
    return b.finish(b.pool("pool", source, side), classes)
