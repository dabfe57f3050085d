"""A sentence stays one, whatever a file says."""

from srnet.errors import UserError


def test_line_ends_and_terminal_codes_are_escaped() -> None:
    sentence = "a.csv: the column 'a\nb' and \x1b[31m and \u202e and \ud800 are not é, 𝒳 or ×"
    assert (
        str(UserError(sentence))
        == "a.csv: the column 'a\\nb' and \\x1b[31m and \\u202e and \\ud800 are not é, 𝒳 or ×"
    )


def test_a_long_one_is_cut() -> None:
    assert len(str(UserError("x" * 10**6))) == 2000
    assert str(UserError("x" * 2000)) == "x" * 2000
