"""What the Processes compute, in numpy, without Lava: sums, currents, membranes."""
