"""Files beside the package, or inside it, and the user's own before them."""

import os
from pathlib import Path

import pytest

from srnet import resources


def test_a_checkout_has_them_beside_the_package_and_a_wheel_inside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert resources.resource("workflow/Snakefile").is_file()
    monkeypatch.setattr(resources, "PACKAGE", tmp_path / "srnet")
    assert resources.resource("config") == tmp_path / "config"
    (tmp_path / "srnet" / "config").mkdir(parents=True)
    assert resources.resource("config") == tmp_path / "srnet" / "config"


def test_the_users_file_goes_before_the_packages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resources, "PACKAGE", tmp_path / "srnet")
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "tasks.yaml").touch()
    (tmp_path / "run").mkdir()
    monkeypatch.chdir(tmp_path / "run")
    shipped = os.path.join("..", "config", "tasks.yaml")
    assert resources.find_config("config/tasks.yaml") == shipped
    # what the package does not have, and what is no part of its configurations
    for other in ("config/mine.yaml", "srnet", str(tmp_path / "no.yaml")):
        assert resources.find_config(other) == other
    (tmp_path / "run" / "config").mkdir()
    (tmp_path / "run" / "config" / "tasks.yaml").touch()
    assert resources.find_config("config/tasks.yaml") == "config/tasks.yaml"
