"""The one kind of error a user can cause and mend."""

from srnet.escaping import printable

_LONGEST = 2000


class UserError(ValueError):
    """Bad input: one sentence naming the file or key, the value found and what is allowed.

    The command line prints the sentence and exits with code 2. What a file says is part of many a
    sentence, so that line ends and other characters that steer a terminal are escaped, and what is
    too long to read is cut.
    """

    def __init__(self, sentence: str) -> None:
        plain = printable(sentence)
        super().__init__(plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + "…")

    def in_file(self, path: object) -> "UserError":
        """The same about a file, which is named once."""
        return self if str(self).startswith(str(path)) else UserError(f"{path}: {self}")
