"""Random networks from seeds: the same seed draws the same network, whichever way it goes."""
