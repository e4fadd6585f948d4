"""The host's end of the link: lines, the decoder, the exchange, and the virtual board."""
