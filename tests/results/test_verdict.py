"""Verdicts on made-up runs: every outcome of every kind of rule, and none that was written by
hand."""

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers.fakes import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st

from srnet.errors import UserError
from srnet.io.frames import read_table
from srnet.results.verdict import COLUMNS, VERDICTS, geometric_mean, load_rules, verdict

RULES = {
    "interval": {"level": 0.95, "resamples": 500, "seed": 1},
    "comparable": [
        {"column": "rows", "at_least": 30, "otherwise": "too few rows ({rows})"},
        {"column": "predicted_classes", "at_least": 2, "otherwise": "constant network"},
        {
            "column": "accuracy_train",
            "above": "majority_share",
            "otherwise": "no better than the largest class ({accuracy_train})",
        },
        {"column": "epochs", "at_least": "full_epochs", "otherwise": "{epochs} of {full_epochs}"},
        {"frame": "runs", "column": "budget", "at_least": 1000, "otherwise": "budget {budget}"},
        {
            "frame": "image_networks",
            "column": "accuracy_test",
            "at_least": 0.5,
            "otherwise": "accuracy {accuracy_test}",
        },
    ],
    "rules": [],
}
FITNESS = {
    "name": "fitness",
    "kind": "quantiles",
    "published": {"frame": "published", "prefix": "fitness_"},
    "ours": {"frame": "runs", "column": "fitness"},
    "better_below": "q1",
    "reproduced_up_to": "q3",
    "least_runs": 3,
}
ACCURACY = {
    "name": "accuracy",
    "kind": "mean",
    "published": {"frame": "published_classification", "mean": "mean", "std": "std"},
    "ours": {"frame": "agreement", "column": "accuracy", "times": 100, "where": {"split": "test"}},
    "methods": {"LIME": "lime", "SRNet": "srnet"},
    "unit": "%",
    "tolerance": 1,
    "least_runs": 1,
    "least_rows": 30,
}
ORDER = {
    "name": "closer",
    "kind": "order",
    "ours": {"frame": "fidelity", "column": "rmse", "where": {"box": "valid"}},
    "method": "srnet",
    "than": ["lime"],
    "ratio": 1,
    "least_runs": 1,
}
BOUND = {
    "name": "fast",
    "kind": "bound",
    "ours": {"frame": "images", "column": "seconds", "where": {"method": "elime"}},
    "at_most": 60,
    "least_runs": 2,
}
PUBLISHED = pd.DataFrame(
    {
        "task": ["K0", "K9"],
        "fitness_min": 1.0,
        "fitness_q1": 2.0,
        "fitness_median": 3.0,
        "fitness_q3": 4.0,
    }
)
PUBLISHED["fitness_max"] = 5.0


def networks(**columns):
    known = {"task": ["K0", "P0"], "rows": [200, 200], "predicted_classes": [np.nan, 2]}
    return pd.DataFrame(
        known | {"accuracy_train": [np.nan, 0.9], "majority_share": [np.nan, 0.6]} | columns
    )


def runs(*fitness, preset="paper"):
    return pd.DataFrame(
        {"task": "K0", "preset": preset, "seed": range(1, len(fitness) + 1), "fitness": fitness}
    )


def judge(*rules, presets=("paper",), networks=None, **frames):
    known = globals()["networks"]() if networks is None else networks
    return verdict(RULES | {"rules": list(rules)}, {"networks": known, **frames}, presets)


def fitness(*values, **options):
    table = judge(FITNESS, published=PUBLISHED, runs=runs(*values), **options)
    return table[table["task"] == "K0"].iloc[0]


@pytest.mark.parametrize(
    ("values", "expected", "reason"),
    [
        ([1.0, 1.1, 1.2, 1.3], "better", ""),
        ([2.5, 3.0, 3.5, 3.2], "reproduced", ""),
        ([1.5, 1.9, 2.5, 3.0], "reproduced", ""),
        ([6.0, 6.1, 6.2, 6.3], "not reproduced", ""),
        ([6.0, np.inf, np.inf, np.inf], "not reproduced", "3 of 4 runs not finite"),
        ([1.0, 1.1], "not comparable", "too few runs (2 of 3)"),
    ],
)
def test_a_distribution(values, expected, reason):
    row = fitness(*values)
    assert (row["verdict"], row["reason"], row["runs"]) == (expected, reason, len(values))
    assert row["ours"] == np.median(values)
    assert row["ours_low"] <= row["ours"] <= row["ours_high"]


def test_few_rows_are_not_comparable_whatever_the_numbers_say():
    row = fitness(1.0, 1.1, 1.2, networks=networks(rows=[25, 200]))
    assert (row["verdict"], row["reason"]) == ("not comparable", "too few rows (25)")
    assert row["ours"] == 1.1


def test_a_shortened_training_is_not_comparable():
    known = networks(epochs=[300, 5], full_epochs=[20000, np.nan])
    row = fitness(1.0, 1.1, 1.2, networks=known)
    assert (row["verdict"], row["reason"]) == ("not comparable", "300 of 20000")
    longer = fitness(1.0, 1.1, 1.2, networks=known.assign(epochs=20000))
    assert longer["verdict"] == "better"


def test_a_shortened_search_is_not_comparable_with_its_preset_alone():
    both = pd.concat(
        [
            runs(1.0, 1.1, 1.2).assign(budget=[1000, 999, 1000]),
            runs(1.0, 1.1, 1.2, preset="joint").assign(budget=[1000, np.nan, 2000]),
        ],
        ignore_index=True,
    )
    table = judge(FITNESS, published=PUBLISHED, runs=both, presets=("paper", "joint"))
    assert table[table["task"] == "K0"][["verdict", "reason"]].to_numpy().tolist() == [
        ["not comparable", "budget 999"],
        ["better", ""],
    ]


def test_of_two_methods_the_one_with_too_few_runs_is_named():
    rule = ORDER | {"least_runs": 3}
    frame = fidelity([0.1, 0.1, 0.1], [1.0, 1.0, 1.0])
    row = judge(rule, fidelity=frame.drop(index=5)).iloc[0]
    assert (row["verdict"], row["runs"]) == ("not comparable", 3)
    assert row["reason"] == "too few runs of lime (2 of 3)"


def test_what_was_not_run_is_listed():
    table = judge(
        FITNESS, published=PUBLISHED, runs=runs(1.0, 2.0, 3.0), presets=("paper", "joint")
    )
    assert table[["task", "preset", "verdict"]].to_numpy().tolist() == [
        ["K0", "paper", "reproduced"],
        ["K0", "joint", "not run"],
        ["K9", "paper", "not run"],
        ["K9", "joint", "not run"],
    ]
    assert table["reason"].tolist()[1:3] == [
        "no run of it in this configuration",
        "the task is not in this configuration",
    ]
    assert table["published"].notna().all()


def accuracy(values, *, mean=90.0, std=0.5, rows=100, **options):
    agreement = pd.DataFrame(
        {
            "task": "P0",
            "method": "lime",
            "preset": np.nan,
            "split": "test",
            "rows": rows,
            "accuracy": values,
        }
    )
    agreement = pd.concat([agreement, agreement.assign(split="train", accuracy=0.1)])
    published = pd.DataFrame({"task": ["P0"], "method": ["LIME"], "mean": [mean], "std": [std]})
    return judge(ACCURACY, agreement=agreement, published_classification=published, **options).iloc[
        0
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.90, 0.90, 0.91], "reproduced"),
        ([0.93, 0.94], "better"),
        ([0.5, 0.6], "not reproduced"),
        ([0.886], "reproduced"),
    ],
)
def test_an_accuracy(values, expected):
    row = accuracy(values)
    assert (row["verdict"], row["unit"], row["preset"]) == (expected, "%", "")
    assert row["ours"] == pytest.approx(100 * np.mean(values))
    assert (row["published_low"], row["published_high"]) == (89.5, 90.5)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (
            {"networks": networks(predicted_classes=[np.nan, 1])},
            "constant network",
        ),
        (
            {"networks": networks(accuracy_train=[np.nan, 0.6])},
            "no better than the largest class (0.6)",
        ),
        ({"rows": 13}, "too few rows (13 of 30)"),
    ],
)
def test_an_accuracy_that_is_no_evidence(options, reason):
    row = accuracy([0.90, 0.90], **options)
    assert (row["verdict"], row["reason"]) == ("not comparable", reason)


def test_an_unknown_published_method_is_refused():
    published = pd.DataFrame({"task": ["P0"], "method": ["SHAP"], "mean": [1.0], "std": [0.0]})
    with pytest.raises(
        UserError, match="the published method 'SHAP' is unknown; known are LIME, SRNet"
    ):
        judge(ACCURACY, published_classification=published)


def fidelity(srnet, lime, tasks=("K0",), nonfinite=0):
    parts = [
        pd.DataFrame(
            {
                "task": task,
                "method": method,
                "preset": preset,
                "box": "valid",
                "nonfinite": count,
                "rmse": values,
            }
        )
        for task in tasks
        for method, preset, count, values in (
            ("srnet", "paper", nonfinite, srnet),
            ("lime", np.nan, 0, lime),
        )
    ]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize(
    ("srnet", "expected", "reason"),
    [
        ([0.1, 0.11, 0.12], "reproduced", ""),
        ([2.0, 2.1, 2.2], "not reproduced", ""),
        ([0.5, 0.9, 1.5], "not reproduced", "open: the interval holds 1"),
    ],
)
def test_an_order(srnet, expected, reason):
    row = judge(ORDER, fidelity=fidelity(srnet, [1.0, 1.0, 1.0])).iloc[0]
    assert (row["method"], row["preset"], row["verdict"], row["reason"]) == (
        "srnet against lime",
        "paper",
        expected,
        reason,
    )
    assert row["ours"] == pytest.approx(np.median(srnet))


def test_a_formula_that_is_not_finite_somewhere_is_no_better_than_anything():
    row = judge(ORDER, fidelity=fidelity([0.1, 0.1], [1.0, 1.0], nonfinite=2)).iloc[0]
    assert (row["verdict"], row["ours"]) == ("not reproduced", np.inf)
    assert row["reason"] == "2 of 2 runs of srnet not finite"


def test_all_tasks_together():
    frame = fidelity([0.5, 0.5], [1.0, 1.0], tasks=("K0", "P0"))
    row = judge(ORDER, fidelity=frame).iloc[-1]
    assert (row["task"], row["verdict"], row["runs"]) == ("all", "reproduced", 2)
    assert row["ours"] == pytest.approx(0.5)
    assert row["reason"] == "reproduced on 2 of 2 comparable tasks"
    alone = judge(ORDER, fidelity=fidelity([0.5], [1.0])).iloc[-1]
    assert alone["verdict"] == "not comparable"
    assert alone["reason"] == "too few comparable tasks (1 of 1; 2 are needed)"


def test_a_table_that_the_configuration_does_not_have():
    table = judge(ORDER, BOUND)
    assert table["verdict"].tolist() == ["not run", "not run"]
    assert table["reason"].tolist() == [
        f"no table {name} in this configuration" for name in ("fidelity", "images")
    ]


def test_a_task_of_a_table_of_ours_is_in_the_configuration_though_it_has_no_network():
    images = pd.DataFrame({"task": "resnet18", "method": "elime", "preset": "", "seconds": [1, 2]})
    rule = ORDER | {"ours": {"frame": "images", "column": "seconds"}, "method": "elime"}
    for task, (_, row) in zip(
        ("resnet18", "all"), judge(rule, images=images).iterrows(), strict=True
    ):
        assert (row["task"], row["verdict"]) == (task, "not run")
        assert row["reason"] == "no run of it in this configuration"


def test_a_rule_about_a_network_that_is_not_explained_says_nothing():
    where = {"method": "elime", "network": "densenet121"}
    rule = BOUND | {"ours": BOUND["ours"] | {"where": where}}
    images = pd.DataFrame(
        {"task": "resnet18", "network": "resnet18", "method": "elime", "seconds": [10, 20]}
    )
    table = judge(BOUND, rule, images=images)
    assert table["claim"].tolist() == ["fast"]
    assert judge(rule)["verdict"].tolist() == ["not run"]  # no images at all


def test_without_the_table_of_the_networks_nothing_is_unfit_to_be_compared():
    rules = RULES | {"rules": [BOUND]}
    images = pd.DataFrame({"method": "elime", "seconds": [10, 20]})
    assert verdict(rules, {"images": images}, [])["verdict"].tolist() == ["reproduced"]
    with pytest.raises(UserError, match="networks lacks the column 'task'; it has rows"):
        verdict(rules, {"images": images, "networks": pd.DataFrame({"rows": [3]})}, [])


@pytest.mark.parametrize(
    ("seconds", "expected"), [([10, 20, 30], "reproduced"), ([50, 70, 80], "not reproduced")]
)
def test_a_bound(seconds, expected):
    images = pd.DataFrame({"method": "elime", "seconds": [*seconds, 1e6]})
    images.loc[len(seconds), "method"] = "lime"
    assert judge(BOUND, images=images).iloc[0]["verdict"] == expected


@pytest.mark.parametrize("accuracies", [(0.9, 0.3), (0.3, 0.9)])
def test_claims_about_images_need_networks_that_have_learned(accuracies):
    """A claim about one network needs that one; a claim about all needs all."""
    images = pd.DataFrame(
        {"network": ["a", "a", "b", "b"], "method": "elime", "seconds": [10, 20, 30, 40]}
    )
    images = images.assign(task=images["network"], preset="")
    trained = pd.DataFrame({"task": ["a", "b"], "accuracy_test": accuracies})
    of_one = [
        BOUND | {"ours": BOUND["ours"] | {"where": {"method": "elime", "network": name}}}
        for name in ("a", "b")
    ]
    found = judge(BOUND, *of_one, images=images, image_networks=trained)
    failed = [True, accuracies[0] < 0.5, accuracies[1] < 0.5]
    assert (found["verdict"] == "not comparable").tolist() == failed
    assert set(found["reason"]) == {"", "accuracy 0.3"}
    every = judge(BOUND, *of_one, images=images, image_networks=trained.assign(accuracy_test=0.9))
    assert set(every["verdict"]) == {"reproduced"}


def test_a_column_that_lacks_is_named():
    with pytest.raises(
        UserError,
        match="rule 'fitness': the table runs lacks the column 'fitness'; it has task, preset",
    ):
        judge(FITNESS, published=PUBLISHED, runs=runs(1.0).drop(columns=["fitness", "seed"]))


@settings(max_examples=20)
@given(
    st.lists(st.floats(0.01, 100) | st.just(np.inf), min_size=3, max_size=12), st.integers(0, 2**31)
)
def test_a_verdict_depends_neither_on_the_order_of_the_runs_nor_on_better_luck(values, seed):
    row = fitness(*values)
    assert row["verdict"] in VERDICTS
    assert row.equals(fitness(*values[::-1]))
    # a run less good can never turn a verdict to the better
    rank = {"better": 0, "reproduced": 1, "not reproduced": 2}
    worse = list(values)
    worse[seed % len(worse)] = np.inf
    assert rank[fitness(*worse)["verdict"]] >= rank[row["verdict"]]


def test_the_rules_of_the_configuration_know_every_published_number():
    rules = load_rules(ROOT / "config" / "verdict.yaml")
    frames = {
        "networks": networks(),
        "published": read_table(ROOT / "config" / "published_regression.csv"),
        "published_classification": read_table(ROOT / "config" / "published_classification.csv"),
    }
    table = verdict(rules, frames, ["paper"])
    assert list(table) == COLUMNS
    counts = table.groupby("kind").size()
    assert counts["quantiles"] == 12
    assert counts["mean"] == 15 * 2
    assert set(table["verdict"]) == {"not run"}


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"interval": {"level": 2, "resamples": 500, "seed": 1}}, "the key 'interval.level' is 2"),
        ({"rules": []}, "the key 'rules' has 0 entries"),
        (
            {"rules": [FITNESS | {"kind": "guess"}]},
            "the key 'rules.0.kind' is 'guess'; allowed are quantiles, mean, order, bound",
        ),
        ({"rules": [FITNESS | {"verdict": "reproduced"}]}, "unknown key 'verdict' in 'rules.0'"),
        (
            {"rules": [{key: value for key, value in FITNESS.items() if key != "better_below"}]},
            "the key 'better_below' is missing",
        ),
    ],
)
def test_a_mistake_in_the_rules_is_named(tmp_path, change, sentence):
    path = tmp_path / "verdict.yaml"
    path.write_text(yaml.safe_dump(RULES | {"rules": [FITNESS]} | change))
    with pytest.raises(UserError) as caught:
        load_rules(path)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_rules_that_are_no_yaml(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        load_rules(tmp_path / "none.yaml")
    (tmp_path / "bad.yaml").write_text("rules: [")
    with pytest.raises(UserError, match="is not plain YAML"):
        load_rules(tmp_path / "bad.yaml")


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("values", "mean"), [([], np.nan), ([1.0, 4.0], 2.0), ([0.0, 4.0], 0.0)])
def test_a_geometric_mean_of_nothing_is_none_and_of_a_zero_zero(values, mean):
    assert geometric_mean(np.array(values)) == pytest.approx(mean, nan_ok=True)
