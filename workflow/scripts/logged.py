"""The frame of every script: output into the log, a user's mistake as one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout

from srnet.errors import UserError


@contextmanager
def logged(path: str) -> Iterator[None]:
    """Send what is printed into a log file; end the script with the sentence of a UserError."""
    with open(path, "w") as log, redirect_stdout(log), redirect_stderr(log):
        try:
            yield
        except UserError as error:
            print(f"Error: {error}", file=log)
            raise SystemExit(1) from None
