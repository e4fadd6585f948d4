"""The two network values, what is proved of them, and the way from one to the other.

``TrainedNetwork`` holds real numbers with explicit semantics; ``fold`` turns it into a
``Network`` of integers with a certificate; ``save`` and ``load`` keep either in a file.
Node kinds of the integer network are exported here; their trained counterparts of the same
names live in ``mapping.trained``. What is where, from the ground up (a test holds the order):

``value``, ``intervals``                  frozen values; exact intervals and their bits.
``ops``, ``ports``, ``nodes``, ``graph``   what both network values are made of: one file an op.
``show``, ``claims``                       how either prints; what a certificate may say.
``population``, ``facts``, ``network``     the integers, and the width of everything, proved.
``trained``                                the real numbers.
``coding``, ``real``                       inputs encoded, a TrainedNetwork run.
``cost``                                   size, and what a sample costs: SOPs, MACs, energy.
``capabilities``                           what a network asks, and a backend takes of it.
``plain``, ``tensors``, ``confined``       arrays in files; files read in a child process.
``files``                                  save and load.
``certificate``, ``folding``               proofs, and the fold that asks for them.
``budgets``                                the bits and steps that either may take.
``importers``                              trained networks from elsewhere.
``exporters``                              networks for other tools: NIR.
``loihi``                                  neurocores: limits, placement, energy and time.
"""

from typing import Any

from . import trained
from .claims import Cause, Kind
from .files import load, save
from .folding import fold
from .network import Certificate, Connection, Gate, Network, Neuron, Population
from .ops import Conv, Dense, Identity, Pool, bipolar
from .ports import INPUT, Input, Readout
from .trained import TrainedNetwork
from .value import WIDTH_MAX, TooWide, Unsupported

__all__ = [
    "INPUT",
    "WIDTH_MAX",
    "Cause",
    "Certificate",
    "Connection",
    "Conv",
    "Dense",
    "Gate",
    "Identity",
    "Input",
    "Kind",
    "Network",
    "Neuron",
    "Pool",
    "Population",
    "Readout",
    "TooWide",
    "TrainedNetwork",
    "Unsupported",
    "bipolar",
    "fold",
    "import_model",
    "load",
    "save",
    "trained",
]


def import_model(model: Any, framework: str, **options: Any) -> TrainedNetwork:
    """Read a trained model of another framework; see ``mapping.importers.examine``."""
    from .importers import import_model as read  # its parts load when they are first needed

    return read(model, framework, **options)
