"""Amaranth cores and the Verilog made from them."""
