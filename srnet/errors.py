"""The one kind of error a user can cause and mend."""


class UserError(ValueError):
    """Bad input: one sentence naming the file or key, the value found and what is allowed.

    The command line prints the sentence and exits with code 2.
    """
