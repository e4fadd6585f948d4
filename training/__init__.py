"""Learning methods that produce binary spiking networks."""
