# A skeleton for Vivado: the clock of {{ axis.top }}, and nothing of a board.
create_clock -name {{ axis.clock }} -period 10.000 [get_ports {{ axis.clock }}]
# set_property -dict {PACKAGE_PIN .. IOSTANDARD LVCMOS33} [get_ports ..]
