"""What is emitted as RTL of a network; whoever runs the Verilog takes the same."""

from mapping.capabilities import Takes

#: Every kind of layer.
TAKES = Takes(
    "RTL",
    ops=("Dense", "Conv", "Pool", "Identity"),
)

#: What a design can be loadable of: what has no numbers but weights of a bit and tables by channel.
LOADABLE = Takes(
    "a loadable design",
    ops=("Dense", "Conv", "Pool", "Identity"),
    weight_bits=1,
    gates=False,
    shifts=False,
    streams=False,
)
