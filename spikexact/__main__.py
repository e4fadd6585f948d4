"""``python -m spikexact``."""

from .cli import main

main()
