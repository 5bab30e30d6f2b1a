"""Watch a run while it goes on, in the browser: its newest pictures, its losses as they come, how long it will take.

    python -m experiments.watch runs/digits
    python -m experiments.watch out

A folder of several runs shows the newest and lets you choose. The page is for this machine alone (127.0.0.1); from
another one: ssh -L 8765:localhost:8765 MACHINE. It may be closed and opened at any time, also after the run's end.
"""

from __future__ import annotations

import argparse

from .common.cli import Parser, UserError, existing_folder, run
from .live.server import Server

PORT = 8765


def port(text: str) -> int:
    """A port number from 0 to 65535."""
    if not (text.isdecimal() and text.isascii() and len(text) < 6 and int(text) < 65536):
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 65535, got {text[:20]!r}")
    return int(text)


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = Parser(__doc__ or "Watch a run while it goes on.", prog="python -m experiments.watch")
    parser.add_argument("folder", type=existing_folder, metavar="DIR", help="a run's folder, or one with several runs")
    parser.add_argument("--port", type=port, default=PORT, metavar="N", help="where to listen; 0 takes any free one")
    options = parser.parse_args(arguments)
    try:
        server = Server(options.folder, options.port)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"--port {options.port}: {reason}; choose another one, or 0 for any") from error
    with server:
        try:
            print(f"watching {options.folder}: http://127.0.0.1:{server.server_port}/  (Ctrl-C ends it)", flush=True)
            server.serve_forever()
        except KeyboardInterrupt:
            print("\nno longer watching; the runs go on")


if __name__ == "__main__":
    run(main)
