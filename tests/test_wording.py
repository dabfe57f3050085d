import pytest

from srnet.wording import count_text, duration_text, method_name, size_text


@pytest.mark.parametrize(
    ("counts", "text"),
    [(0, "0 runs"), (1, "1 run"), ([30, 30], "30 runs"), ([1, 10, 30], "1–30 runs")],
)
def test_a_count_has_a_unit_that_agrees(counts, text):
    assert count_text(counts, "run") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (119.96, "120.0 s"), (120, "2.0 min"), (7200, "2.0 h"), (float("nan"), "–")],
)
def test_a_duration_has_a_unit_that_fits(seconds, text):
    assert duration_text(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (2**31, "2 GiB"), (2**50, "1024 TiB")],
)
def test_a_size_has_a_unit_that_fits(size, text):
    assert size_text(size) == text


def test_a_method_has_its_name_and_a_baseline_its_own():
    names = ("srnet", "elime", "elime-published", "lime-200", "linear")
    assert [method_name(name) for name in names] == [
        *("SRNet", "E-LIME", "E-LIME, published", "LIME, 200 passes", "linear"),
    ]
