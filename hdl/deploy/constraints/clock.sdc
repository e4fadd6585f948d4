# A skeleton for Quartus: the clock of {{ axis.top }}, and nothing of a board.
create_clock -name {{ axis.clock }} -period 10.000 [get_ports {{ axis.clock }}]
derive_clock_uncertainty
