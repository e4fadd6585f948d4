"""Readers of data sets, free of torch."""
