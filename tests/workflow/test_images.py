"""The image branch on a tiny configuration, with the real commands."""

import re
import shutil
from itertools import chain

import pandas as pd
import pytest
import yaml
from helpers.fakes import ROOT

from srnet.drawing.artifacts import ARTIFACTS
from srnet.drawing.images.labels import LABELS
from srnet.errors import UserError
from srnet.images.comparison.methods import BASELINES, ELIME, method
from srnet.images.pictures.plan import CLASSES
from srnet.io.schema import check

SCHEMA = yaml.safe_load((ROOT / "workflow" / "schemas" / "config.schema.yaml").read_text())
COMPLETE = yaml.safe_load((ROOT / "config" / "config.yaml").read_text())
IMAGES = yaml.safe_load((ROOT / "config" / "images.yaml").read_text())
TINY = """
name: tiny
runs: tiny
images:
  networks: [tiny]
  trainings: 2
  size: 64
  train: 64
  test: 16
  epochs: {tiny: 1}
  named: [cat]
  seeds: 2
  baseline_seeds: 1
  methods: [sparse-20, published-30, lime-10, random]
  test_set:
    images: 11
    seeds: 1
    methods: {tiny: [sparse-20, lime-10], default: [sparse-20, random]}
  precision: float32
"""
OPTIONS = [
    *("--snakefile", str(ROOT / "workflow" / "Snakefile")),
    *("--configfile", "config/config.yaml", "config/images.yaml", "tiny.yaml"),
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory, snakemake):
    tree = tmp_path_factory.mktemp("images")
    shutil.copytree(ROOT / "config", tree / "config")
    (tree / "tiny.yaml").write_text(TINY)
    run = snakemake(tree, *OPTIONS, "--cores", "2", "images")
    assert run.returncode == 0, run.stdout + run.stderr
    return tree


def test_every_figure_and_table_of_the_images_is_there(tree):
    results = tree / "results" / "tiny"
    drawn = [artifact for artifact in ARTIFACTS if artifact.tasks == "images"]
    assert len(drawn) >= 8
    for artifact in drawn:
        name = f"{artifact.name}/tiny" if artifact.per_task else artifact.name
        if artifact.kind == "figure":
            assert (results / "figures" / f"{name}.pdf").read_bytes().startswith(b"%PDF")
            assert "{{" not in (results / "figures" / f"{name}.rst").read_text()
        else:
            assert (results / "tables" / f"{name}.html").stat().st_size > 0


def test_the_tables_have_what_was_configured(tree):
    runs = pd.read_csv(tree / "results" / "tiny" / "tables" / "images_runs.csv")
    named = runs[runs["images"] == "named"].groupby("method").size()
    assert dict(named) == {"sparse-20": 2, "published-30": 2, "lime-10": 1, "random": 1}
    test = runs[runs["images"] == "test"]
    assert dict(test.groupby(["training", "method"])["image"].nunique()) == {
        (1, "sparse-20"): 11,
        (1, "lime-10"): 11,
        (2, "sparse-20"): 11,
        (2, "random"): 11,
    }
    assert len(test) == 44
    assert {"00-astronaut", "10-coffee"} <= set(test["image"])


def test_every_training_has_its_seed_and_wrong_predictions_their_true_class(tree):
    tables = tree / "results" / "tiny" / "tables"
    trained = pd.read_csv(tables / "images_networks_trained.csv")
    assert list(trained["training"]) == [1, 2]
    assert list(trained["seed"]) == [0, 1]
    first, second = (
        (tree / "results" / "tiny" / "images" / name / "network.pt").read_bytes()
        for name in ("tiny", "tiny-2")
    )
    assert first != second
    runs = pd.read_csv(tables / "images_runs.csv")
    wrong = runs[runs["images"] == "wrong"]
    assert len(wrong) > 0  # 64 training images teach little
    assert (wrong["explained"] == wrong["image"].str.split("-").str[1]).all()
    assert (wrong["predicted"] != wrong["explained"]).all()
    right = runs[runs["images"] == "test"]
    assert (right["explained"] == right["predicted"]).all()


def test_the_differences_are_of_what_both_methods_explain(tree):
    found = pd.read_csv(tree / "results" / "tiny" / "tables" / "images_paired.csv")
    assert set(found["reference"]) == {"sparse-20"}
    trainings = found.groupby("method")["trainings"].first()
    assert dict(trainings) == {"lime-10": 1, "random": 1}
    assert set(found["verdict"]) == {"too few images"}


def test_the_claims_about_images_are_judged_without_the_tasks(tree):
    results = tree / "results" / "tiny"
    claims = set(pd.read_csv(results / "tables" / "images_claims.csv")["claim"])
    rules = yaml.safe_load((ROOT / "config" / "verdict.yaml").read_text())["rules"]
    assert claims <= {rule["name"] for rule in rules if rule["ours"]["frame"] == "images"}
    assert "raises the probability" in claims
    assert not (results / "tables" / "verdict.csv").exists()


def test_nothing_is_left_to_do(tree, snakemake):
    run = snakemake(tree, *OPTIONS, "--dry-run", "images")
    assert "Nothing to be done" in run.stdout + run.stderr


def test_without_the_key_there_are_no_images(snakemake, copy_tree, jobs, tmp_path):
    tree = copy_tree(tmp_path)
    (tree / "null.yaml").write_text("tasks: [K0]\nseeds: 1\nimages: null\n")
    found = jobs(
        snakemake(
            tree, "--dry-run", "--quiet", "rules", "--configfile", "config/config.yaml", "null.yaml"
        )
    )
    assert not [
        name
        for name in found
        if "image" in name or name in ("train_classifier", "compare_explanations")
    ]
    assert "images" not in COMPLETE  # nor has the configuration that is run by itself


def test_the_complete_branch_asks_for_every_explanation(snakemake, copy_tree, jobs, tmp_path):
    tree = copy_tree(tmp_path)
    counts = jobs(
        snakemake(
            tree,
            "--dry-run",
            "--quiet",
            "rules",
            "--configfile",
            "config/images.yaml",
            "--",
            "images",
        )
    )
    images = IMAGES["images"]
    networks = len(images["networks"])
    assert counts["train_classifier"] == networks * images["trainings"]
    # ten seeds of a named image are a job, and ten images of the test set
    named = len(images["named"]) * (images["seeds"] // 10)
    tests = images["trainings"] * (images["test_set"]["images"] // 10)
    assert counts["compare_explanations"] == networks * (named + tests)
    assert counts["images"] == 1


def test_the_schema_knows_the_networks_the_classes_and_the_methods():
    check(COMPLETE | IMAGES, SCHEMA, "images.yaml")
    images = SCHEMA["properties"]["images"]["properties"]
    assert set(SCHEMA["$defs"]["network"]["enum"]) == set(LABELS)
    assert tuple(images["named"]["items"]["enum"]) == CLASSES
    tests = images["test_set"]["properties"]["methods"]
    assert set(tests["propertyNames"]["enum"]) == {"default", *LABELS}
    lists = IMAGES["images"]["test_set"]["methods"].values()
    for name in chain(IMAGES["images"]["methods"], *lists):
        method(name)


@pytest.mark.parametrize("kind", [*ELIME, *BASELINES, "best", "greedy-"])
@pytest.mark.parametrize("number", ["", "-0", "-20", "-20-1"])
def test_the_schema_knows_the_methods_that_the_code_knows(kind, number):
    pattern = SCHEMA["$defs"]["method"]["pattern"]
    try:
        method(kind + number)
    except UserError:
        assert not re.search(pattern, kind + number)
    else:
        assert re.search(pattern, kind + number)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"networks": ["vgg"]}, "the key 'images.networks.0' is 'vgg'; allowed are resnet18"),
        ({"seed": -1}, "the key 'images.seed' is -1; at least 0 is needed"),
        ({"named": []}, "the key 'images.named' has 0 entries; at least 1 is needed"),
        ({"methods": ["lime"]}, "the key 'images.methods.0' is 'lime'"),
        ({"sedes": 3}, "unknown key 'sedes' in 'images'"),
        ({"trainings": 0}, "the key 'images.trainings' is 0; at least 1 is needed"),
        (
            {"test_set": {"images": 1, "seeds": 1, "methods": {"tiny": ["random"]}}},
            "the key 'default' is missing in 'images.test_set.methods'",
        ),
        (
            {"test_set": {"images": 1, "seeds": 1, "methods": {"default": ["best"]}}},
            "the key 'images.test_set.methods.default.0' is 'best'",
        ),
        (
            {"test_set": {"images": 0, "seeds": 1, "methods": ["random"]}},
            "the key 'images.test_set.images' is 0; at least 1",
        ),
    ],
)
def test_a_mistake_is_named_in_one_sentence(change, sentence):
    with pytest.raises(UserError) as caught:
        check(COMPLETE | {"images": IMAGES["images"] | change}, SCHEMA, "configuration")
    assert str(caught.value).startswith(f"configuration: {sentence}")
    assert "\n" not in str(caught.value)
