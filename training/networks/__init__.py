"""Networks by name; each is a function (enter, classes, timesteps, style, ...) to a graph."""

from __future__ import annotations

from .cnn import cnn
from .mlp import mlp
from .resnet import resnet18, resnet19
from .vggsnn import vggsnn

NETWORKS = {
    "mlp": mlp,
    "cnn": cnn,
    "vggsnn": vggsnn,
    "resnet19": resnet19,
    "resnet18": resnet18,
}
