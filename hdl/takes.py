"""What is emitted as RTL of a network; whoever runs the Verilog takes the same."""

from mapping.capabilities import Takes

#: Joins and delays of one-bit dense layers of any neuron; no population reads a later one.
TAKES = Takes(
    "RTL",
    ops=("Dense", "Conv", "Pool", "Identity"),
    weight_bits=1,
    gates=False,
    shifts=False,
    streams=False,
    recurrence=True,
)
