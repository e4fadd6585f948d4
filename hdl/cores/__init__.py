"""The cores, one hardware mechanism a file; ``hdl.top`` joins them as ``hdl.plan`` says."""
