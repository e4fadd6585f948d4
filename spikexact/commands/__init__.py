"""The commands, a file each: options in words, and a call of what does the work.

``spikexact.cli`` puts them together. Whatever a command needs beyond these files is imported inside
it, so that ``--help`` and completion load no numpy. Annotations are values here and not texts (no
``from __future__ import annotations``): typer would evaluate every text at every start.
"""
