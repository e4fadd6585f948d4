"""Networks on Lava."""
