"""How far a search is: a bar on a terminal, a line a minute in a log."""

import sys
import time
from typing import Any


class Progress:
    """A context whose ``show`` is called after every step of a search; it tells the time left where
    there is a terminal."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._bar: Any = None
        self._last = time.monotonic()

    def __enter__(self) -> "Progress":
        if not self._quiet and sys.stderr.isatty():
            from tqdm import tqdm

            shape = "{percentage:3.0f}%|{bar}| {elapsed}, {remaining} left{postfix}"
            self._bar = tqdm(total=1.0, mininterval=0.2, bar_format=shape)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def show_compilation(self, done: int, parts: int) -> None:
        """Tell how many of the parts of a search are compiled."""
        text = f"compiled {done} of {parts} parts"
        if self._bar is not None:
            self._bar.set_postfix_str(text)
        elif not self._quiet:
            print(text, file=sys.stderr, flush=True)

    def show(self, search: Any) -> None:
        """Tell the generation, the fitness, and the share of the generations or of the time that
        has passed."""
        if self._bar is not None:
            share = (
                search.elapsed
                if search.elapsed is not None
                else search.generation / search.settings.generations
            )
            self._bar.set_postfix_str(
                f"generation {search.generation}, fitness {search.fitness:.4g}", refresh=False
            )
            self._bar.update(min(share, 1.0) - self._bar.n)
        elif not self._quiet and time.monotonic() - self._last >= 60.0:
            self._last = time.monotonic()
            print(
                f"generation {search.generation}, fitness {search.fitness:.6g}",
                file=sys.stderr,
                flush=True,
            )
