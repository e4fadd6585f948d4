"""What is emitted as RTL of a network; whoever runs the Verilog takes the same."""

from mapping.capabilities import Takes

#: Every kind of layer.
TAKES = Takes(
    "RTL",
    ops=("Dense", "Conv", "Pool", "Identity"),
)
