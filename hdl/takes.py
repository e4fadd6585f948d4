"""What is emitted as RTL of a network; whoever runs the Verilog takes the same."""

from mapping.capabilities import Takes

#: Every kind of layer.
TAKES = Takes(
    "RTL",
    ops=("Dense", "Conv", "Pool", "Identity"),
)

#: What a design can be loadable of: what has no numbers but weights and tables by channel.
LOADABLE = Takes(
    "a loadable design",
    ops=("Dense", "Conv", "Pool", "Identity"),
    gates=False,
)
