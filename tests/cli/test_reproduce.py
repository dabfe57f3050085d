import pytest
from click.testing import CliRunner

from srnet.cli import main


@pytest.mark.parametrize("text", ["", "null", "[1, 2]", "text"])
def test_a_file_without_keys_is_one_sentence(tmp_path, text):
    (tmp_path / "my config.yaml").write_text(text)
    run = CliRunner().invoke(main, ["reproduce", "--config", str(tmp_path / "my config.yaml")])
    assert run.exit_code == 2
    assert "my config.yaml: has no keys; a configuration is needed" in run.stderr
