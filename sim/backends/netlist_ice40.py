"""The netlist-ice40 backend: Yosys' netlist of the Verilog for iCE40; see ``netlist``."""

from functools import partial

from . import netlist
from .beats import refuse as refuse  # asked of this module before it runs

run = partial(netlist.run, family="ice40")
