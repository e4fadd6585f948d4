"""A spiking model of your own in plain PyTorch: imported, probed, folded, verified as Verilog."""

import torch
from torch import nn

from mapping import fold, import_model
from mapping.trained import Neuron
from sim.campaign.stimuli import stimuli
from sim.verify import verify


class Sign(torch.autograd.Function):
    """sign(w); the gradient goes straight through."""

    @staticmethod
    def forward(ctx, w):
        return torch.where(w >= 0, 1.0, -1.0)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class BinaryLinear(nn.Linear):
    """Weights of -a and +a, a = mean |w| of each output."""

    def forward(self, x):
        scale = self.weight.abs().mean(dim=1, keepdim=True)
        return nn.functional.linear(x, Sign.apply(self.weight) * scale)


class LIF(nn.Module):
    """v = tau v + x; a spike where v > theta, which sets v to 0."""

    def __init__(self, tau=0.5, theta=1.0):
        super().__init__()
        self.tau, self.theta, self.v = tau, theta, 0.0

    def reset(self):
        self.v = 0.0

    def forward(self, x):
        self.v = self.tau * self.v + x
        spike = (self.v > self.theta).float()
        self.v = self.v * (1 - spike)
        return spike


torch.manual_seed(0)
model = nn.Sequential(
    BinaryLinear(20, 32), nn.BatchNorm1d(32), LIF(), BinaryLinear(32, 4), nn.BatchNorm1d(4), LIF()
)
for _ in range(50):  # in place of your training: gives batch norm its statistics
    model((torch.rand(64, 20) < 0.4).float())
    for module in (model[2], model[5]):
        module.reset()

trained = import_model(
    model,
    framework="torch",
    input_shape=(20,),
    timesteps=4,
    neurons={"LIF": lambda lif: Neuron(leak=lif.tau, threshold=lif.theta, compare=">")},
)  # raises if any spike of 256 probes differs from the model's
network = fold(trained)
print(network)
verification = verify(network, stimuli(network, 50), ["fast", "rtl"])
print(verification)
assert network.exact and verification.ok
