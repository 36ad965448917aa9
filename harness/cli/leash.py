"""`python -m harness.cli.leash train …`: the program, for as long as whoever started it lives.

Standard input is a pipe that the starter holds and never writes to. However the starter ends, kill -9 included, the
pipe closes, and this process ends at once: it must not go on training, unseen, in a folder that it keeps locked.
Checkpoints and records are whole at any moment. A person at a terminal uses `harness`.
"""

import os
import signal
import threading

from harness.cli.main import app

CODE = 143
"""As after SIGTERM."""


def main() -> None:
    """Run the command line under a watch."""
    # Processes in the background ignore Ctrl-C and workers of Ray block it, and what they start does, too.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    threading.Thread(target=_end_with_the_starter, daemon=True).start()
    app(prog_name="harness")


def _end_with_the_starter() -> None:
    # Not sys.stdin: its lock would be held when the interpreter ends.
    while os.read(0, 1):
        pass
    os._exit(CODE)


if __name__ == "__main__":
    main()
