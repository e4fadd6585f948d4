"""The command line. Every error is one sentence: status 2 for bad input, 1 for a failed check.

The program starts in ``__main__``, where ``guard`` stands ready for Ctrl-C before anything else.
"""

from __future__ import annotations

import sys
import warnings
from typing import Annotated

import typer

from . import guard, rooms
from .commands.campaign import campaign
from .commands.demo import demo
from .commands.doctor import doctor
from .commands.evaluate import evaluate
from .commands.fold import fold
from .commands.importing import import_network
from .commands.load import load
from .commands.mutate import mutate
from .commands.nir import nir
from .commands.place import place
from .commands.plan import plan
from .commands.report import report
from .commands.run import run
from .commands.show import show
from .commands.train import train
from .commands.verify import verify
from .commands.verilog import verilog

app = typer.Typer(pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Trained binary spiking networks, bit for bit on Lava and FPGA."""
    if version:
        typer.echo(f"spikexact {_version()}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for command in (
    demo,
    doctor,
    train,
    fold,
    show,
    run,
    verify,
    plan,
    verilog,
    load,
    place,
    nir,
    report,
    campaign,
    mutate,
):
    app.command()(command)
app.command(name="import")(import_network)
app.command()(evaluate)


def main(arguments: list[str] | None = None) -> None:
    """Run the command line under guard and exit with its status."""
    guard.install()
    guard.finish(status(arguments))


def status(arguments: list[str] | None = None) -> int:
    """Run a command; print any error as one sentence on stderr; return the exit status."""
    if wrong := rooms.sentence():
        return _error(wrong)
    if not sys.warnoptions:  # libraries' warnings are not the user's
        warnings.simplefilter("ignore")
    try:
        result = app(arguments, standalone_mode=False, prog_name="spikexact")
        if result == guard.INTERRUPTED:  # what typer makes of it
            raise KeyboardInterrupt
        return int(result) if isinstance(result, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        _error(guard.sentence())
        return guard.INTERRUPTED
    except BrokenPipeError:  # of "| head": whoever reads has seen enough
        return guard.PIPE
    except SystemExit as error:  # what the parser makes of it
        if isinstance(error.__context__, BrokenPipeError):
            return guard.PIPE
        raise
    except OSError as error:
        return _error(_sentence(error))
    except (ValueError, TypeError, MemoryError) as error:
        return _error(str(error) or type(error).__name__)
    except Exception as error:
        # Imported here, as completion needs no numpy.
        from sim.tools import ClusterLost, MissingTool, ProtocolError, SlowTool

        if isinstance(error, ClusterLost | MissingTool | ProtocolError | SlowTool):
            _error(str(error))
            return 1 if isinstance(error, ProtocolError) else 2
        if type(error).__name__ == "OutOfMemoryError":  # torch's, of a GPU
            return _error("the GPU's memory does not hold it: train with a smaller --set batch=N")
        message = getattr(error, "format_message", None)  # a usage error of the parser
        if message is None:
            raise
        return _error(message())


def _error(text: str) -> int:
    print("error: " + " ".join(text.split()), file=sys.stderr)
    return 2


def _sentence(error: OSError) -> str:
    """Return an error of the system as a sentence that begins with the file it is about."""
    if error.strerror is None:
        return str(error) or type(error).__name__
    subject = "the output cannot be written" if error.filename is None else error.filename
    return f"{subject}: {error.strerror}"


def _version() -> str:
    from importlib import metadata

    try:
        return metadata.version("spikexact")
    except metadata.PackageNotFoundError:  # a checkout on the path
        return "(not installed: run from its sources)"
