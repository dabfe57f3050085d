"""``srnet doctor``: what is there, what is missing and how to mend it; machines are made up."""

import gzip
import hashlib
import importlib.metadata
import json
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner

from srnet import doctor
from srnet.cli import main
from srnet.doctor import Finding, as_json, report


def by_name(findings: Iterator[Finding]) -> dict[str, Finding]:
    return {finding.name: finding for finding in findings}


def test_this_machine_has_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        doctor, "_available_memory", lambda: 2**33
    )  # other tests may run beside this one
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == "everything that is needed is here"
    for name in (
        "python",
        "srnet",
        "numpy",
        "numba",
        "torch",
        "snakemake",
        "cores",
        "memory",
        "compile cache",
        "disk: results",
    ):
        assert f" {name} " in result.output


def test_json_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    findings = [
        Finding("torch", "missing", "not installed", "pip install torch"),
        Finding("slurm", "note", "none"),
    ]
    monkeypatch.setattr(doctor, "examine", lambda *_: findings)
    result = CliRunner().invoke(main, ["doctor", "--json"])
    assert result.exit_code == 1
    assert json.loads(result.output) == as_json(findings)
    assert json.loads(result.output)["ok"] is False
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert result.output == report(findings) + "\n"


def test_only_what_is_needed_counts() -> None:
    note = Finding("slurm", "note", "not here", "install it")
    assert as_json([note])["ok"] is True
    lines = report([note, Finding("a", "ok", "1")]).splitlines()
    assert lines == [
        "note     slurm  not here",
        "                → install it",
        "ok       a      1",
        "everything that is needed is here",
    ]
    assert report([Finding("numpy", "missing", "none", "get it")]).endswith("missing: numpy")


def test_packages_are_those_of_the_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"numpy": "1.26.4", "torch": "2.13.0+cu126", "pmlb": "1.0"}

    def version(name: str) -> str:
        if name not in there:
            raise importlib.metadata.PackageNotFoundError(name)
        return there[name]

    required = [
        "numpy>=2.0",
        "torch>=2.4",
        "scipy>=1.12",
        "snakemake>=9.16; extra == 'workflow'",
        "mypy>=1; extra == 'test'",
        "winsound; sys_platform == 'nowhere'",
    ]
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: required)
    monkeypatch.setattr(importlib.metadata, "version", version)
    found = by_name(doctor.versions())
    assert found["numpy"] == Finding(
        "numpy", "missing", "1.26.4, >=2.0 is needed", "pip install 'numpy>=2.0'"
    )
    assert found["scipy"] == Finding(
        "scipy", "missing", "not installed", "pip install 'scipy>=1.12'"
    )
    assert found["snakemake"].state == "note"
    assert found["snakemake"].remedy == "pip install 'srnet[workflow]'"
    assert found["torch"].state == "ok"
    assert "mypy" not in found
    assert "winsound" not in found


@pytest.mark.parametrize("version", ["2.0.0rc1", "2.0.1.dev0+gabc", "10.0"])
def test_versions_are_compared_as_versions(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    monkeypatch.setattr(importlib.metadata, "requires", lambda _: ["numpy >= 1.9, != 2.0.0"])
    monkeypatch.setattr(importlib.metadata, "version", lambda _: version)
    assert by_name(doctor.versions())["numpy"] == Finding("numpy", "ok", version)


def test_srnet_may_run_without_being_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def requires(name: str) -> list[str]:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", requires)
    packages = by_name(doctor.versions())["packages"]
    assert packages.state == "missing"
    assert packages.detail.endswith("srnet")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("cuda: Optional[str] = None", "built for CPUs"),
        ("cuda: Optional[str] = '12.6'", "built for CUDA 12.6"),
    ],
)
def test_the_build_of_torch_is_told_without_its_import(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, said: str
) -> None:
    (tmp_path / "version.py").write_text(f"__version__ = '2'\n{line}\nhip = None\n")
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda _: SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    )
    assert said in doctor._torch_build()


@pytest.mark.parametrize(
    ("flags", "state"),
    [
        ({"avx2", "avx512_bf16"}, "ok"),
        ({"asimd", "bf16"}, "ok"),
        ({"avx2"}, "note"),
        (None, "note"),
    ],
)
def test_a_processor_without_bfloat16_is_noted(
    monkeypatch: pytest.MonkeyPatch, flags: set[str] | None, state: str
) -> None:
    monkeypatch.setattr(doctor, "_processor_flags", lambda: flags)
    finding = by_name(doctor.processor())["bfloat16"]
    assert finding.state == state
    assert ("fused" in finding.remedy) == (flags == {"avx2"})


def test_little_memory_and_little_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(doctor, "_available_memory", lambda: 2**30)
    assert by_name(doctor.processor())["memory"].state == "missing"
    assert by_name(doctor.processor())["memory"].detail == "1 GiB available"
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5 * 2**20))
    found = by_name(doctor.disk())["disk: results"]
    assert (found.state, found.detail) == ("missing", f"5 MiB free in {tmp_path}")
    assert "1 GiB" in found.remedy
    monkeypatch.setattr("os.access", lambda *_: False)
    assert by_name(doctor.disk())["disk: results"].detail == f"{tmp_path} cannot be written"


def test_the_compile_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("srnet.cgp.compiling.FOLDER", tmp_path)
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    assert (
        "empty: the first search compiles"
        in by_name(doctor.compile_cache())["compile cache"].detail
    )
    (tmp_path / "a.nbi").write_bytes(hashlib.sha256(b"index").digest() + b"index")
    assert by_name(doctor.compile_cache())["compile cache"] == Finding(
        "compile cache", "ok", f"{tmp_path}, 1 files of 37 B"
    )
    (tmp_path / "b.nbc").touch()  # as after a power cut
    damaged = by_name(doctor.compile_cache())["compile cache"]
    assert (damaged.state, damaged.detail) == ("note", f"{tmp_path} holds 1 damaged file(s)")
    (tmp_path / "b.nbc").unlink()
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/proc/nowhere")
    found = by_name(doctor.compile_cache())["compile cache"]
    assert found.state == "note"
    assert "/proc/nowhere cannot be used" in found.detail


def test_data_sets_present_absent_and_damaged(tmp_path: Path) -> None:
    network = "{hidden: [2], optimiser: adam, lr: 0.1, epochs: 1, batch: 5}"
    tasks = tmp_path / "tasks.yaml"
    entries = [
        f"{name}: {{pmlb: {name}, kind: classification, network: {network}, seed: 0}}\n"
        for name in ("car", "breast")
    ]
    tasks.write_text("".join(entries))

    def found() -> Finding:
        (finding,) = doctor.data_sets(str(tmp_path / "cache"), str(tasks))
        return finding

    assert found().state == "note"
    assert found().detail.endswith("lacks breast, car")
    table = gzip.compress(b"a\ttarget\n1\t0\n")
    for name in ("car", "breast"):
        (tmp_path / "cache" / name).mkdir(parents=True)
        (tmp_path / "cache" / name / f"{name}.tsv.gz").write_bytes(table)
    assert found() == Finding("PMLB", "ok", f"{tmp_path}/cache has breast, car")
    (tmp_path / "cache" / "car" / "car.tsv.gz").write_bytes(table[:-9])
    assert found().state == "missing"
    assert "car (damaged" in found().detail
    tasks.write_text("{")
    assert "which data sets are needed is not known" in found().detail


def test_slurm(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = {
        "--version": "slurm 22.05",
        "--format=%P %D nodes %t": "main* 2 nodes idle\nbig 1 nodes mix",
        "--format=%i": "1\n2",
    }

    def run(command: tuple[str, ...], **_: Any) -> SimpleNamespace:
        return SimpleNamespace(stdout=answers[command[-1]] + "\n")

    def refuse(command: tuple[str, ...], **_: Any) -> SimpleNamespace:
        raise subprocess.CalledProcessError(
            1, command, stderr="slurm_load_partitions: Unable to contact slurm controller\n"
        )

    def asked() -> Finding:
        (finding,) = doctor.slurm()
        return finding

    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert asked().detail.startswith("not on this machine")
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(subprocess, "run", run)
    assert asked() == Finding(
        "slurm", "ok", "slurm 22.05: main* 2 nodes idle, big 1 nodes mix; 2 job(s) in the queue"
    )
    monkeypatch.setattr(subprocess, "run", refuse)
    assert asked().state == "note"
    assert "Unable to contact slurm controller" in asked().detail


def test_a_full_disk_that_no_writer_saw_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> list[Finding]:
        raise OSError(28, "No space left on device", "/home/me/.cache/srnet")

    monkeypatch.setattr(doctor, "examine", full)
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 2
    assert (
        result.stderr
        == "srnet: /home/me/.cache/srnet: No space left on device; make room, `srnet doctor` "
        "says where\n"
    )
