"""The command line. Each command is a file in ``zimu/commands``; this one joins them and turns errors into exit codes.

Exit code 0: everything asked for was done and agreed. 1: a mismatch, or a program that failed. 2: bad usage or input,
or an output that cannot be written. 128 + N: stopped by signal N.
"""

import os
import signal
import sys
import threading
from concurrent.futures import CancelledError
from types import FrameType

import typer

from zimu.commands import (
    battery,
    bench,
    board,
    config,
    cost,
    demo,
    doctor,
    drive,
    emulate,
    rtl,
    sweep,
    theory,
    tradeoff,
    train,
    vectors,
    verify,
)
from zimu.commands.common import CLOSED_PIPE, drop_output
from zimu.golden.errors import ZimuError
from zimu.golden.programs import stop_programs

app = typer.Typer(
    name="zimu",
    help="Emulate, generate, verify and price an integer weight-update unit.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (
    demo,
    config,
    emulate,
    rtl,
    board,
    drive,
    vectors,
    verify,
    cost,
    sweep,
    train,
    tradeoff,
    theory,
    bench,
    battery,
    doctor,
):
    name, context = module.__name__.rpartition(".")[2], getattr(module, "CONTEXT", None)
    app.command(name=name, context_settings=context)(module.command)

_STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:
    if version:
        from zimu import __version__

        print(f"zimu {__version__}")
        raise typer.Exit


def main() -> None:
    """Entry point of the ``zimu`` program."""
    for number in _STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, _stop)
    received, noted = os.pipe()
    os.set_blocking(noted, False)
    signal.set_wakeup_fd(noted, warn_on_full_buffer=False)
    threading.Thread(target=_insist, args=(received, threading.get_ident()), daemon=True).start()
    try:
        try:
            app(prog_name="zimu")
        finally:
            sys.stdout.flush()
    except ZimuError as error:
        print(f"zimu: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except (_StoppedError, CancelledError):
        # Where it was raised it may have been swallowed, as in a callback, and work that was given up is what ends us.
        if not _stops:
            raise
        print(f"zimu: stopped by {_stops[0].name}", file=sys.stderr)
        raise _stops[0] from None
    except BrokenPipeError:
        drop_output()
        sys.exit(CLOSED_PIPE)
    except OSError as error:
        drop_output()
        print(f"zimu: {error.filename or 'standard output'}: {error.strerror or error}", file=sys.stderr)
        sys.exit(2)


class _StoppedError(SystemExit):
    """A signal asks for the end."""

    def __init__(self, number: int) -> None:
        super().__init__(128 + number)
        self.name = signal.Signals(number).name


_heeded = threading.Event()

_stops: list[_StoppedError] = []
"""How a signal asked for the end."""


def _insist(received: int, main_thread: int) -> None:
    """In a thread: repeat a signal until the main thread heeds it.

    The system may hand a signal to any thread, or to the main one just before it begins to wait. Python's handler runs
    in the main thread alone, which then sleeps on until what it waits for is there.
    """
    while True:
        number = os.read(received, 1)[0]
        while number in _STOPS and not _heeded.wait(0.1):
            signal.pthread_kill(main_thread, number)


def _stop(number: int, frame: FrameType | None) -> None:
    """End as the signal asks, but by way of every ``finally``, so that no program and no folder stays behind."""
    for other in _STOPS:
        signal.signal(other, signal.SIG_IGN)
    _heeded.set()
    stop_programs()
    _stops.append(_StoppedError(number))
    raise _stops[0]


if __name__ == "__main__":
    main()
