import pytest

from srnet.cli import main


def test_unpacking_nothing_is_refused(tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["unpack", str(tmp_path)])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "srnet: unpack: --tables DIR or --runs DIR is needed\n"
