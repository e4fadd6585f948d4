"""The AXI wrapper: AXI4-Stream in and out of a network, and its registers on AXI4-Lite."""
