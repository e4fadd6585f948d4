"""The link between a host and a board: the protocol, and its gateware end."""
