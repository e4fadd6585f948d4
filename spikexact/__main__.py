"""``python -m spikexact``, and the command ``spikexact``."""

import _signal  # without the names that signal gives its numbers, which take time to import

# Until the guard stands, some thousandths of a second from here, Ctrl-C ends the process as it ends
# any program, without a word: there is nothing yet to be said or removed.
if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

from . import guard


def main() -> None:
    """Run the command line under guard and exit with its status."""
    guard.install()
    from .cli import status  # after the guard stands: it takes a while

    guard.finish(status())


if __name__ == "__main__":
    main()
