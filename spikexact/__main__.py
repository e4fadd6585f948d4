"""``python -m spikexact``, and the command ``spikexact``."""

from .guard import main

if __name__ == "__main__":
    main()
