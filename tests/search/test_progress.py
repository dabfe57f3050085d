"""What tells how far a search is."""

import pytest

from srnet.search.progress import Progress

COMPILED = "compiled 1 of 4 parts"


@pytest.mark.parametrize(("quiet", "said"), [(False, f"{COMPILED}\n"), (True, "")])
def test_parts_that_are_compiled_are_lines_of_a_log(
    quiet: bool, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with Progress(quiet) as progress:
        progress.show_compilation(1, 4)
    assert capsys.readouterr().err == said


def test_parts_that_are_compiled_stand_behind_the_bar_of_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with Progress() as progress:
        progress.show_compilation(1, 4)
    assert f" left, {COMPILED}" in capsys.readouterr().err
