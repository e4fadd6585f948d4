"""Campaigns: random networks and stimuli, run on several backends, compared, and shrunk."""

from .running import campaign

__all__ = ["campaign"]
