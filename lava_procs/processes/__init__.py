"""Lava Processes and their models, and nothing else: Lava imports every file here."""
