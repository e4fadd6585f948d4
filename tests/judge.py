"""The judge: one trained neuron in exact arithmetic, from its raw parameters.

It shares no code with fold, certify or intervals. A neuron's membrane is ``x + y * sqrt(w)`` with
integers x and y over a common denominator; nothing is ever rounded.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any


def scaled(numbers: list[Fraction]) -> tuple[list[int], int]:
    """Return the numbers over their common denominator."""
    common = math.lcm(*(n.denominator for n in numbers))
    return [int(n * common) for n in numbers], common


def sign(x: int, y: int, wn: int, wd: int) -> int:
    """Return the sign of x + y * sqrt(wn / wd), decided by squares."""
    if x == 0 or y == 0 or (x > 0) == (y > 0):
        return (x + y > 0) - (x + y < 0)
    left, right = x * x * wd, y * y * wn
    if left == right:
        return 0
    return (1 if x > 0 else -1) if left > right else (1 if y > 0 else -1)


class Judge:
    """One output channel of a trained population with one connection.

    Args:
        population: a mapping.trained.Population. channel: which. unit: worth of the source's 1.
    """

    def __init__(self, population: Any, channel: int, unit: float) -> None:
        c, neuron = population.connections[0], population.neuron
        gain, scale = Fraction(neuron.input_gain), Fraction(float(c.scale[channel]))
        bias = Fraction(float(c.bias[channel]))
        self.tau = Fraction(neuron.leak)
        # current = (ax + ay sqrt(w)) * acc + (bx + by sqrt(w)), with 1 / sqrt(v) = sqrt(v) / v
        if c.norm is None:
            self.w = Fraction(1)
            a, b = (scale, Fraction(0)), (bias, Fraction(0))
        else:
            n = c.norm
            self.w = Fraction(float(n.var[channel])) + Fraction(n.eps)
            g = Fraction(float(n.gamma[channel])) / self.w
            beta, mean = Fraction(float(n.beta[channel])), Fraction(float(n.mean[channel]))
            a, b = (Fraction(0), g * scale), (beta, g * (bias - mean))
        rest = Fraction(neuron.v_rest)
        spiking = neuron.threshold is not None
        threshold = Fraction(float(neuron.threshold[channel])) if spiking else Fraction(0)
        numbers = [
            *(gain * Fraction(unit) * z for z in a),
            *(gain * z for z in b),
            threshold - rest,
            Fraction(neuron.v_reset) - rest,
            Fraction(neuron.v_init) - rest,
        ]
        values, self._common = scaled(numbers)
        self.ax, self.ay, self.bx, self.by, self.theta, self.reset, self.init = values
        self.strict, self.hard = neuron.compare == ">", neuron.reset == "zero"
        self.spiking = spiking
        self.start()

    def start(self) -> None:
        """Begin a sample."""
        self.x, self.y, self.scale = self.init, 0, 1

    def step(self, acc: int) -> bool:
        """Take one timestep with this synaptic sum; return whether it fires."""
        num, den = self.tau.numerator, self.tau.denominator
        self.scale *= den  # x and y count units of 1 / scale from here on
        self.x = self.x * num + (self.ax * acc + self.bx) * self.scale
        self.y = self.y * num + (self.ay * acc + self.by) * self.scale
        if not self.spiking:
            return False
        distance = self.sign_of(self.x - self.theta * self.scale, self.y)
        fires = distance > 0 if self.strict else distance >= 0
        self.tie = distance == 0
        if fires and self.hard:
            self.x, self.y, self.scale = self.reset, 0, 1
        return fires

    @property
    def unit(self) -> int:
        """What x and y count: the membrane is (x + y * sqrt(w)) / unit."""
        return self.scale * self._common

    def sign_of(self, x: int, y: int) -> int:
        """Return the sign of x + y * sqrt(w)."""
        return sign(x, y, self.w.numerator, self.w.denominator)
