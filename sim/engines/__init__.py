"""Programs that run emitted Verilog."""
