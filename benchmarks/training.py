"""Training steps of VGGSNN and ResNet-19 on the CPU, beside the same networks in SpikingJelly.

One step is forward, backward and SGD on random data. Both networks have the same weights, and
their read-outs are compared in float64 before anything is timed (in float32 sums differ in their
order, and a membrane at the threshold may decide otherwise). Each side runs in a process of its
own, whose peak memory is told, in turns.

    python benchmarks/training.py [--quick] [--json] [--seed 0] [--threads 2]
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

# a file of this folder must not hide a package
sys.path.remove(str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import torch
from torch import nn
from torch.nn import functional

from mapping import Input
from training.networks import resnet19, vggsnn
from training.neurons import Dynamics
from training.norm import Norm
from training.style import Style

CLASSES = 10
#: The papers' ends, and SpikingJelly's compare.
STYLE = Style(first="float", last="float", dynamics=Dynamics(compare=">="))


def ours(name: str, quick: bool) -> nn.Module:
    """Return the network as this project writes it.

    Batch norms get drawn parameters: with 1 and 0, sums beside a skip meet the threshold exactly.
    """
    if name == "vggsnn":
        side = 16 if quick else 48
        model = vggsnn(Input((2, side, side)), CLASSES, 4 if quick else 10, STYLE)
    else:
        side, width = (16, 16) if quick else (32, 128)
        enter = Input((3, side, side), 8, "direct", 1 / 255)
        model = resnet19(enter, CLASSES, 2, STYLE, width=width)
    for norm in (m for m in model.modules() if isinstance(m, Norm)):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, 0, 0.1)
    return model


class Binary(nn.Conv2d):
    """A convolution whose weights count as their signs times their mean size."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Straight through, within abs(w) <= 1."""
        w = self.weight
        clipped = w.clamp(-1, 1)
        sign = (torch.where(w >= 0, 1.0, -1.0) - clipped).detach() + clipped
        alpha = w.detach().abs().flatten(1).mean(1)
        weight = sign * alpha.reshape(-1, 1, 1, 1)
        return functional.conv2d(x, weight, None, self.stride, self.padding)


def _parts() -> tuple[Any, Any]:
    from spikingjelly.activation_based import layer, neuron, surrogate

    class Triangle(surrogate.SurrogateFunctionBase):
        """max(0, 1 - abs(x)) behind the step at 0."""

        def __init__(self) -> None:
            super().__init__(alpha=1.0, spiking=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return _Step.apply(x)

    def lif() -> nn.Module:
        return neuron.LIFNode(
            tau=2.0, decay_input=False, v_threshold=1.0, v_reset=0.0, detach_reset=True,
            surrogate_function=Triangle(), step_mode="m",
        )  # fmt: skip

    return layer, lif


class _Step(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, x: torch.Tensor) -> torch.Tensor:
        context.save_for_backward(x)
        return (x >= 0).to(x)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> torch.Tensor:
        (x,) = context.saved_tensors
        return gradient * (1 - x.abs()).clamp(min=0)


class JellyVgg(nn.Module):
    """VGGSNN in SpikingJelly's multi-step mode."""

    def __init__(self, steps: int, side: int) -> None:
        super().__init__()
        layer, lif = _parts()
        stack, fan, kind = [], 2, nn.Conv2d
        for channels in ((64, 128), (256, 256), (512, 512), (512, 512)):
            for out in channels:
                conv = kind(fan, out, 3, 1, 1, bias=False)
                stack += [layer.SeqToANNContainer(conv, nn.BatchNorm2d(out)), lif()]
                fan, kind = out, Binary
            stack.append(layer.SeqToANNContainer(nn.AvgPool2d(2)))
        self.body = nn.Sequential(*stack)
        self.head = layer.SeqToANNContainer(nn.Flatten(), nn.Linear(512 * (side // 16) ** 2, 10))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (T, samples, classes) of (samples, T, 2, rows, cols)."""
        return self.head(self.body(x.transpose(0, 1)))


class JellyResnet(nn.Module):
    """ResNet-19 with spike skips in SpikingJelly's multi-step mode."""

    def __init__(self, steps: int, width: int) -> None:
        super().__init__()
        layer, lif = _parts()
        self.steps = steps

        def conv(kind: Any, fan: int, out: int, size: int, stride: int) -> nn.Module:
            one = kind(fan, out, size, stride, size // 2, bias=False)
            return layer.SeqToANNContainer(one, nn.BatchNorm2d(out))

        self.stem, self.stem_lif = conv(nn.Conv2d, 3, width, 3, 1), lif()
        mains, skips, lifs, fan = [], [], [], width
        for out, blocks in ((width, 3), (2 * width, 3), (4 * width, 2)):
            for k in range(2 * blocks):
                stride = 2 if k == 0 and out > width else 1
                mains.append(conv(Binary, fan, out, 3, stride))
                skips.append(nn.Identity() if stride == 1 else conv(Binary, fan, out, 1, 2))
                lifs.append(lif())
                fan = out
        self.mains, self.skips = nn.ModuleList(mains), nn.ModuleList(skips)
        self.lifs = nn.ModuleList(lifs)
        self.head = layer.SeqToANNContainer(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(fan, CLASSES)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (T, samples, classes) of (samples, 3, rows, cols), the same at every timestep."""
        x = (x / 255).expand(self.steps, *x.shape)
        s = self.stem_lif(self.stem(x))
        for main, skip, lif in zip(self.mains, self.skips, self.lifs, strict=True):
            s = lif(main(s) + skip(s))
        return self.head(s)


def theirs(name: str, quick: bool, like: nn.Module) -> nn.Module:
    """Return the network as SpikingJelly writes it, with the weights of ours."""
    steps = like.timesteps
    if name == "vggsnn":
        model: nn.Module = JellyVgg(steps, 16 if quick else 48)
    else:
        model = JellyResnet(steps, 16 if quick else 128)
    mine = list(like.parameters())
    pairs = list(zip(_ordered(model, name), mine, strict=True))
    with torch.no_grad():
        for target, source in pairs:
            target.copy_(source)
    return model


def _ordered(model: nn.Module, name: str) -> list[nn.Parameter]:
    if name == "vggsnn":
        return list(model.parameters())
    found = list(model.stem.parameters())
    for main, skip in zip(model.mains, model.skips, strict=True):
        found += [*main.parameters(), *skip.parameters()]
    return found + list(model.head.parameters())


def worker(name: str, side: str, quick: bool, seed: int, threads: int, repeats: int) -> dict:
    """Time one side in this process; return seconds of each step, and peak memory."""
    torch.set_num_threads(threads)
    torch.manual_seed(seed)
    model = mine = ours(name, quick)
    samples = 4 if name == "vggsnn" else 8
    enter = mine.enter
    shape = enter.shape if enter.coding == "direct" else (mine.timesteps, *enter.shape)
    if enter.bits == 1:
        x = (torch.rand(samples, *shape) < 0.2).float()
    else:
        x = torch.randint(0, enter.top + 1, (samples, *shape)).float()
    y = torch.randint(0, CLASSES, (samples,))
    if side == "check":
        model = theirs(name, quick, mine).double()
        with torch.no_grad():
            return {"differ": float((mine.double()(x.double()) - model(x.double())).abs().max())}
    if side == "spikingjelly":
        from spikingjelly.activation_based import functional as jelly

        model = theirs(name, quick, mine)
        steps = None
    else:
        steps = mine.timesteps
    del mine
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    seconds, loss = [], None
    for _ in range(repeats + 1):
        began = time.perf_counter()
        optimizer.zero_grad()
        out = model(x)
        loss = functional.cross_entropy(out.mean(0), y)
        loss.backward()
        optimizer.step()
        if side == "spikingjelly":
            jelly.reset_net(model)
        seconds.append(time.perf_counter() - began)
    return {
        "seconds": seconds[1:],  # the first one warms up
        "samples": samples,
        "timesteps": steps,
        "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def compare(name: str, options: argparse.Namespace) -> dict:
    """Run both sides in turns; return medians and ratios."""
    differ = _worker(name, "check", options)["differ"]
    if not differ < 1e-9:
        raise SystemExit(f"{name}: the first read-outs differ by {differ}; not the same network")
    found: dict[str, list[dict]] = {"ours": [], "spikingjelly": []}
    for _ in range(1 if options.quick else 2):
        for side, rows in found.items():
            rows.append(_worker(name, side, options))
    median = {
        s: statistics.median(t for r in rows for t in r["seconds"]) for s, rows in found.items()
    }
    samples = found["ours"][0]["samples"]
    return {
        "network": name,
        "timesteps": found["ours"][0]["timesteps"],
        "samples a step": samples,
        "largest difference of read-outs, float64": differ,
        "seconds a step": {s: round(m, 3) for s, m in median.items()},
        "images a second": {s: round(samples / m, 2) for s, m in median.items()},
        "peak megabytes": {s: max(r["megabytes"] for r in rows) for s, rows in found.items()},
        "ours is faster by": round(median["spikingjelly"] / median["ours"], 2),
    }


def _worker(name: str, side: str, options: argparse.Namespace) -> dict:
    command = [sys.executable, str(Path(__file__).resolve()), "--worker", name, side]
    command += ["--seed", str(options.seed), "--threads", str(options.threads)]
    command += ["--quick"] if options.quick else []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{side} failed: {done.stderr.strip().splitlines()[-1]}")
    return json.loads(done.stdout)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small images, one round")
    parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    parser.add_argument("--seed", type=int, default=0, help="of weights and data (0)")
    parser.add_argument("--threads", type=int, default=2, help="of torch (2)")
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.worker:
        repeats = 2 if options.quick else 4
        name, side = options.worker
        found = worker(name, side, options.quick, options.seed, options.threads, repeats)
        print(json.dumps(found))
        return
    rows = [compare(name, options) for name in ("vggsnn", "resnet19")]
    if options.json:
        print(json.dumps({"seed": options.seed, "threads": options.threads, "networks": rows}))
        return
    for row in rows:
        print()
        for key, value in row.items():
            print(f"  {key:42} {value}")


if __name__ == "__main__":
    main()
