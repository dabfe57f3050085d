"""The measures of anybody's attribution, on models whose curves are known, and beside plain loops
over pixels that share no code with them."""

import numpy as np
import pytest
import torch
from helpers.known_models import Known, grid, white
from hypothesis import given, settings
from hypothesis import strategies as st

from srnet.errors import UserError
from srnet.images import Preprocessing, measures
from srnet.images.measures.attribution import divide, rank, select
from srnet.images.networks.architectures import Classifier
from srnet.images.search.archive import Archive
from srnet.images.search.evaluator import Evaluator

SEGMENTS = grid(2, 4)
WEIGHTS = np.array([0.3, 0.2, 0.1, 0.05, 0.0, -0.05, -0.1, -0.2])
BASE = 0.35
LINEAR = {"fill": "black", "outputs": "probabilities"}


class Linear(torch.nn.Module):
    """p = 0.35 + the sum over the pixels of weight times brightness: (1 - p, p)."""

    def __init__(self, weights: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("weights", torch.tensor(weights))
        self.seen = 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen += len(x)
        p = BASE + (x.mean(dim=1).double() * self.weights).sum(dim=(1, 2))
        return torch.stack([1 - p, p], dim=1)


class Curved(torch.nn.Module):
    """A small network with interactions between all pixels."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.first = torch.nn.Parameter(torch.randn(6, 3 * 8 * 12, generator=generator) / 6)
        self.second = torch.nn.Parameter(torch.randn(3, 6, generator=generator))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x.flatten(1) @ self.first.T) @ self.second.T


def superpixel_weights() -> np.ndarray:
    """By pixel, so that a superpixel adds its weight."""
    return (WEIGHTS / 64)[SEGMENTS]


def ask(measure, attribution, **options):
    options = {"segments": SEGMENTS} | LINEAR | options
    return measure(Linear(superpixel_weights()), white(SEGMENTS), attribution, 1, **options)


# --- Insertion and deletion -----------------------------------------------------------------------


@pytest.mark.parametrize("order", [np.argsort(-WEIGHTS), np.array([3, 1, 7, 5, 0, 2, 6, 4])])
def test_the_areas_of_a_sum_in_closed_form(order: np.ndarray) -> None:
    # shown at place k of 8, a superpixel adds its weight to what is left of the axis, less half
    # of its own step
    shown = BASE + (WEIGHTS[order] * (8 - np.arange(8) - 0.5) / 8).sum()
    hidden = BASE + (WEIGHTS[order] * (np.arange(8) + 0.5) / 8).sum()
    scores = np.empty(8)
    scores[order] = -np.arange(8.0)
    for attribution in (order, scores, torch.tensor(scores), scores[SEGMENTS], scores.tolist()):
        curve = ask(measures.insertion, attribution)
        assert curve.area == pytest.approx(shown, abs=1e-6)
        assert curve.shares == pytest.approx(np.arange(9) / 8)
        assert curve.probabilities[[0, -1]] == pytest.approx([BASE, BASE + WEIGHTS.sum()], abs=1e-6)
        assert ask(measures.deletion, attribution).area == pytest.approx(hidden, abs=1e-6)


def test_the_areas_of_pixels_in_closed_form() -> None:
    # p rises by the largest weights first: after m of 400 pixels of weights 1, …, 400 (over their
    # sum) by m (801 - m) / 400 / 401; under such a parabola the trapezoids have 2/3 - 1/(6 n)
    n = 400
    weights = np.random.default_rng(0).permutation(np.arange(1.0, n + 1)).reshape(16, 25)
    model, image = Linear(weights / weights.sum() / 2), white(weights)
    found = measures.insertion(model, image, weights, 1, steps=n, **LINEAR)
    m = np.arange(n + 1)
    assert found.probabilities == pytest.approx(BASE + m * (2 * n + 1 - m) / n / (n + 1) / 2)
    assert found.area == pytest.approx(BASE + 1 / 3 - 1 / (12 * n), abs=1e-7)
    hidden = measures.deletion(model, image, weights, 1, steps=n, **LINEAR)
    assert hidden.area == pytest.approx(BASE + 1 / 6 + 1 / (12 * n), abs=1e-7)
    coarse = measures.insertion(model, image, weights, 1, **LINEAR)
    assert len(coarse.shares) == 101
    assert coarse.probabilities == pytest.approx(found.probabilities[::4])


@pytest.mark.parametrize("fill", ["grey", "black", "blur"])
@pytest.mark.parametrize("steps", [7, 96])
def test_curves_of_pixels_are_those_of_a_plain_loop(fill: str, steps: int) -> None:
    rng = np.random.default_rng(steps)
    image = rng.random((8, 12, 3)).astype(np.float32)
    attribution = rng.normal(size=(3, 8, 12))
    model = Curved()
    options = {"fill": fill, "steps": steps, "outputs": "logits"}
    shown = measures.insertion(model, image, torch.tensor(attribution), 2, **options)
    hidden = measures.deletion(model, image, attribution, 2, **options)

    start = np.full_like(image, {"grey": 0.5, "black": 0.0}.get(fill, np.nan))
    if fill == "blur":
        from skimage.filters import gaussian

        start = gaussian(image, sigma=0.8, channel_axis=-1).astype(np.float32)
    pixels = sorted(
        ((row, column) for row in range(8) for column in range(12)),
        key=lambda place: -attribution[:, place[0], place[1]].sum(),
    )
    for curve, first, last in ((shown, start, image), (hidden, image, start)):
        current, values, done = first.copy(), [], 0
        for step in range(steps + 1):
            until = -(-step * 96 // steps)
            for row, column in pixels[done:until]:
                current[row, column] = last[row, column]
            done = until
            logits = model(torch.tensor(current.transpose(2, 0, 1))[None])[0].detach().numpy()
            odds = np.exp(logits.astype(float) - logits.max())
            values.append((done / 96, odds[2] / odds.sum()))
        area = sum(
            (x - w) * (y + v) / 2 for (w, v), (x, y) in zip(values[:-1], values[1:], strict=True)
        )
        assert np.stack(curve, axis=1) == pytest.approx(np.array(values), abs=1e-6)
        assert curve.area == pytest.approx(area, abs=1e-6)


@given(
    scores=st.lists(st.integers(-2, 2), min_size=8, max_size=8),
    order=st.permutations(range(8)),
)
@settings(max_examples=25, deadline=None)
def test_ties_do_not_depend_on_the_numbers_of_superpixels(scores, order) -> None:
    values, numbers = np.array(scores, dtype=float), np.array(order)
    renumbered = np.empty(8)
    renumbered[numbers] = values
    curve = ask(measures.insertion, values)
    other = measures.insertion(
        Linear(superpixel_weights()),
        white(SEGMENTS),
        renumbered,
        1,
        segments=numbers[SEGMENTS],
        **LINEAR,
    )
    assert other.shares == pytest.approx(curve.shares)
    assert other.probabilities == pytest.approx(curve.probabilities, abs=1e-6)
    assert len(curve.shares) == len(set(scores)) + 1


def test_a_constant_attribution_ranks_nothing() -> None:
    middle = BASE + WEIGHTS.sum() / 2
    for attribution in (np.zeros(8), np.full(SEGMENTS.shape, 7.0)):
        assert ask(measures.insertion, attribution).area == pytest.approx(middle, abs=1e-6)
        assert ask(measures.deletion, attribution).area == pytest.approx(middle, abs=1e-6)
    pixels = ask(measures.insertion, np.zeros(SEGMENTS.shape), segments=None)
    assert pixels.shares.tolist() == [0, 1]
    assert pixels.area == pytest.approx(middle, abs=1e-6)


def test_negative_scores_come_last() -> None:
    scores = np.array([0, -1, -5, 2, 0.5, -3, -4, 1.0])
    assert rank(scores, SEGMENTS.shape, SEGMENTS).places.argsort().tolist() == [
        *(3, 7, 4, 0, 1, 5, 6, 2)
    ]


def test_steps_have_about_equal_pixels_and_cost_a_pass_each() -> None:
    attribution = np.random.default_rng(0).normal(size=SEGMENTS.shape)
    attribution[0] = 9.0  # a sixteenth of the pixels, all tied
    ranked = rank(attribution, SEGMENTS.shape)
    numbers = divide(ranked, 40)
    counts = np.bincount(numbers)
    assert counts[0] == 32
    assert counts[1] == 7  # up to the next fortieth
    assert set(counts[2:]) == {12, 13}
    assert (numbers[ranked.places.argsort()] == np.sort(numbers)).all()
    model = Linear(superpixel_weights())
    curve = measures.insertion(model, white(SEGMENTS), attribution, 1, steps=40, **LINEAR)
    assert model.seen == len(curve.shares) == counts.size + 1
    assert len(ask(measures.insertion, np.arange(8.0), steps=4).shares) == 5


def test_batches_change_nothing() -> None:
    image = np.random.default_rng(0).random((8, 12, 3)).astype(np.float32)
    attribution = np.random.default_rng(1).random((8, 12))
    one, many = (
        measures.deletion(Curved(), image, attribution, 0, outputs="logits", batch=batch)
        for batch in (1, 64)
    )
    assert one.probabilities == pytest.approx(many.probabilities, abs=1e-6)


def test_the_comparison_measures_the_same() -> None:
    model, ranking = Linear(superpixel_weights()), np.array([3, 1, 7, 5, 0, 2, 6, 4])
    selected = np.isin(np.arange(8), ranking[:3])
    evaluator = Evaluator(model, white(SEGMENTS), SEGMENTS, label=1, **LINEAR)
    truth = SEGMENTS < 3
    found = measures.measure_explanation(Archive(evaluator), selected, ranking, truth)
    own = {
        "insertion": ask(measures.insertion, ranking).area,
        "deletion": ask(measures.deletion, ranking).area,
        "probability": ask(measures.sufficiency, selected),
        "complement": ask(measures.necessity, ranking, top=3),
        "iou": measures.iou(ranking, truth, top=3, segments=SEGMENTS),
    }
    assert {key: found[key] for key in own} == pytest.approx(own, abs=1e-6)


def test_a_classifier_brings_its_preprocessing() -> None:
    model = torch.nn.Sequential(
        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(3, 2)
    )
    preprocessing = Preprocessing(size=16, mean=(0.5,) * 3, std=(0.2,) * 3)
    image = np.random.default_rng(0).random((20, 30, 3)).astype(np.float32)
    attribution = np.random.default_rng(1).random((16, 16))
    classifier = Classifier(model, "tiny", ("cat", "dog"), preprocessing)
    found = measures.insertion(classifier, image, attribution, outputs="logits")
    by_hand = measures.insertion(
        model, image, attribution, preprocessing=preprocessing, outputs="logits"
    )
    assert (found.probabilities == by_hand.probabilities).all()
    assert found.probabilities[-1] > 0.5  # by default the class of the whole image
    explicit = measures.insertion(
        classifier, image, attribution, outputs="logits", preprocessing=None
    )
    assert (found.probabilities == explicit.probabilities).all()


@pytest.mark.parametrize("channels", [1, 5])
def test_any_channels_fill_and_kind_of_model(channels: int) -> None:
    rng = np.random.default_rng(channels)
    image = rng.random((16, 32, channels)).astype(np.float32)
    fill = rng.random((16, 32, channels)).astype(np.float32)
    weights, order = rng.normal(size=(16, 32)), rng.permutation(8)

    def regression(images: np.ndarray) -> np.ndarray:
        return 7 + (np.asarray(images).mean(axis=1) * weights).sum(axis=(1, 2))

    found = measures.insertion(
        regression,
        image,
        order,
        segments=SEGMENTS,
        fill=fill,
        outputs="values",
        channels=channels,
    )
    first, last = ((part.mean(axis=2) * weights).sum() for part in (fill, image))
    for k, share in enumerate(found.probabilities):
        shown = np.isin(SEGMENTS, order[:k])[..., None]
        value = (np.where(shown, image, fill).mean(axis=2) * weights).sum()
        assert share == pytest.approx((value - first) / (last - first), abs=1e-4)


# --- Sufficiency and necessity --------------------------------------------------------------------


def test_what_is_shown_alone_and_what_is_left() -> None:
    scores = np.array([5.0, 1, 1, 4, 0, -1, -2, 3])
    for criterion, chosen in (
        ({"top": 2}, [0, 3]),
        ({"top": 4}, [0, 3, 7]),  # superpixels 1 and 2 are tied, and both do not fit
        ({"share": 3 / 8}, [0, 3, 7]),
        ({"share": 0.374}, [0, 3]),
        ({"share": 0.01}, []),
        ({"share": 1.0}, range(8)),
        ({"threshold": 0}, [0, 1, 2, 3, 7]),
    ):
        inside = WEIGHTS[list(chosen)].sum()
        for segments in (SEGMENTS, None):
            pixels = criterion
            if segments is None:
                pixels = {key: n * 64 if key == "top" else n for key, n in criterion.items()}
            part = {"segments": segments} | pixels
            found = ask(measures.sufficiency, scores[SEGMENTS], **part)
            assert found == pytest.approx(BASE + inside, abs=1e-6)
            found = ask(measures.necessity, scores[SEGMENTS], **part)
            assert found == pytest.approx(BASE + WEIGHTS.sum() - inside, abs=1e-6)


def test_a_mask_is_its_own_selection() -> None:
    mask = np.zeros(SEGMENTS.shape, dtype=bool)
    mask[:4, :10] = True  # half of superpixel 0, an eighth of superpixel 1
    inside = WEIGHTS[0] / 2 + WEIGHTS[1] / 8
    alone = ask(measures.sufficiency, mask, segments=None)
    assert alone == pytest.approx(BASE + inside, abs=1e-6)
    rest = ask(measures.necessity, mask, segments=None)
    assert rest == pytest.approx(BASE + WEIGHTS.sum() - inside, abs=1e-6)
    assert measures.iou(mask, mask) == 1
    everything = np.ones(SEGMENTS.shape, dtype=bool)
    assert ask(measures.necessity, everything, segments=None) == pytest.approx(BASE, abs=1e-6)
    assert measures.iou(everything, mask) == 40 / 512


def test_a_mask_of_whole_superpixels_is_its_own_selection() -> None:
    selected = np.isin(np.arange(8), [1, 6])
    mask = selected[SEGMENTS]
    for measure in (measures.sufficiency, measures.necessity):
        assert ask(measure, mask) == ask(measure, selected) == ask(measure, mask, segments=None)
        assert ask(measure, mask, top=2) == ask(measure, mask)
    assert measures.iou(torch.tensor(mask), mask, segments=SEGMENTS) == 1
    mask[0, 0] ^= True  # part of a superpixel
    with pytest.raises(UserError, match="exactly one is needed"):
        measures.iou(mask, mask, segments=SEGMENTS)


# --- Localisation ---------------------------------------------------------------------------------


def test_intersection_over_union_of_what_is_selected() -> None:
    truth = np.isin(SEGMENTS, [0, 1, 2])
    scores = np.array([4.0, -1, 2, 3, 0, 0, 0, 0])
    for attribution in (scores, np.array([0, 3, 2, 4, 5, 6, 7, 1])):
        assert measures.iou(attribution, truth, top=3, segments=SEGMENTS) == 0.5
    assert measures.iou(scores[SEGMENTS], truth, share=0.25) == 1 / 4
    assert measures.iou(scores[SEGMENTS], truth, threshold=3.5) == 1 / 3
    assert measures.iou(np.zeros(8), truth, top=3, segments=SEGMENTS) == 0


def test_the_pointing_game() -> None:
    truth = np.zeros((6, 9), dtype=bool)
    truth[2:4, 3:6] = True
    rng = np.random.default_rng(0)
    hits = []
    for _ in range(200):
        attribution = rng.normal(size=(6, 9))
        row, column = divmod(int(attribution.argmax()), 9)
        hits.append(measures.pointing_game(attribution, truth))
        assert hits[-1] == truth[row, column]
        away = np.hypot(max(2 - row, row - 3, 0), max(3 - column, column - 5, 0))
        assert measures.pointing_game(attribution, truth, tolerance=1.5) == (away <= 1.5)
    assert np.mean(hits) == pytest.approx(6 / 54, abs=0.08)
    two = np.zeros((6, 9))
    two[2, 3] = two[0, 0] = two[5, 8] = 1
    assert measures.pointing_game(two, truth) == pytest.approx(1 / 3)
    halves = np.where(np.arange(9) < 5, 0, 1) * np.ones((6, 1), int)
    assert measures.pointing_game(np.array([1.0, 0]), truth, segments=halves) == 4 / 30


# --- Refusals -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("attribution", "words"),
    [
        (np.zeros((3, 3)), r"shape \(3, 3\) found; \(16, 32\) or \(channels, 16, 32\)"),
        (np.zeros((1, 3, 16, 32)), r"\(1, 3, 16, 32\) found"),
        (np.zeros(7), r"or \(8,\) for the superpixels"),
        (np.full(8, np.nan), "8 values are NaN or infinite"),
        (np.where(SEGMENTS == 0, np.inf, 0), "64 values are NaN or infinite"),
        (np.array([0, 1, 2, 3, 4, 5, 6, 6]), "names every superpixel from 0 to 7 once"),
        (np.array([1, 2, 3, 4, 5, 6, 7, 8]), "scores must be floats"),
        (np.array(["a"] * 8), "<U1 found; numbers"),
        (np.zeros(8, dtype=complex), "complex128 found"),
    ],
)
def test_an_unusable_attribution_is_one_sentence(attribution, words: str) -> None:
    for measure in (measures.insertion, measures.deletion):
        with pytest.raises(UserError, match=words):
            ask(measure, attribution)
    with pytest.raises(UserError, match=words):
        measures.iou(attribution, SEGMENTS < 3, segments=SEGMENTS, top=3)


@pytest.mark.parametrize(
    ("criteria", "words"),
    [
        ({}, "none of them found; exactly one"),
        ({"top": 2, "share": 0.1}, "top and share found"),
        ({"top": 0}, "'top' is 0; a whole number from 1 to 8"),
        ({"top": 9}, "'top' is 9"),
        ({"share": 0}, "'share' is 0"),
        ({"share": 1.1}, "'share' is 1.1"),
        ({"threshold": np.nan}, "'threshold' is nan"),
    ],
)
def test_an_unusable_selection_is_one_sentence(criteria, words: str) -> None:
    with pytest.raises(UserError, match=words):
        ask(measures.sufficiency, np.arange(8.0), **criteria)
    with pytest.raises(UserError, match=words):
        select(rank(np.arange(8.0), SEGMENTS.shape, SEGMENTS), **criteria)


def test_other_unusable_arguments_are_one_sentence() -> None:
    truth = SEGMENTS < 3
    with pytest.raises(UserError, match="a ranking has no scores"):
        measures.iou(np.arange(8), truth, segments=SEGMENTS, threshold=0.5)
    for wrong in (np.zeros((16, 32), bool), np.ones((16, 32)), np.ones(3, bool)):
        with pytest.raises(UserError, match="truth: .* a mask"):
            measures.pointing_game(np.zeros((16, 32)), wrong)
    with pytest.raises(UserError, match=r"segments: .*\(16, 32\) found; .*\(8, 32\)"):
        measures.iou(np.arange(8), truth[:8], segments=SEGMENTS, top=1)
    with pytest.raises(UserError, match="'tolerance' is -1"):
        measures.pointing_game(np.arange(8), truth, segments=SEGMENTS, tolerance=-1)
    with pytest.raises(UserError, match="'steps' is 0"):
        ask(measures.insertion, np.arange(8.0), steps=0)
    with pytest.raises(UserError, match="give segments, or use grey, black or blur"):
        ask(measures.insertion, np.zeros(SEGMENTS.shape), segments=None, fill="mean")


def test_a_model_with_interactions_on_superpixels() -> None:
    rng = np.random.default_rng(2)
    model = Known(rng.normal(size=8), rng.normal(size=(8, 8)), bias=-1.0)
    order = rng.permutation(8)
    options = {"segments": SEGMENTS, "fill": "black", "outputs": "logits"}
    found = measures.deletion(model, white(SEGMENTS), order, 1, **options)
    left = np.array([[place not in order[:k] for place in range(8)] for k in range(9)])
    assert found.probabilities == pytest.approx(model.truth(left), abs=1e-5)


def test_the_mean_of_equal_values_is_that_value() -> None:
    thirds = np.arange(16 * 32).reshape(16, 32) // 100  # of unequal sizes
    assert (rank(np.full((16, 32), 0.1), (16, 32), thirds).places == 0).all()
    scores = rank(np.random.default_rng(0).normal(size=(16, 32)), (16, 32), thirds).scores
    noise = np.random.default_rng(0).normal(size=(16, 32))
    assert scores == pytest.approx([noise[thirds == each].mean() for each in range(6)])


def test_channels_are_summed_in_double_precision() -> None:
    halves = np.full((2, 16, 32), 6e4, dtype=np.float16)  # whose sum no float16 holds
    halves[:, 0, 0] = 5e4
    assert rank(halves, (16, 32)).scores.tolist()[:2] == [2 * 49984, 2 * 6e4]


def test_tensors_of_any_type_are_attributions() -> None:
    scores = np.arange(8.0)
    given = torch.tensor(scores, dtype=torch.bfloat16, requires_grad=True)
    assert (rank(given, SEGMENTS.shape, SEGMENTS).scores == scores).all()


def test_labels_of_superpixels_are_numbered_as_for_explain() -> None:
    truth, scores = SEGMENTS < 3, np.arange(8.0, 0, -1)
    expected = measures.iou(scores, truth, segments=SEGMENTS, top=3)
    assert expected == 1
    for labels in (3 * SEGMENTS - 7, SEGMENTS.tolist(), torch.tensor(SEGMENTS)):
        assert measures.iou(scores, truth, segments=labels, top=3) == expected
    for labels in (SEGMENTS.astype(float), "slic", SEGMENTS > 3, [[1], [1, 2]]):
        with pytest.raises(UserError, match="segments: a"):
            measures.pointing_game(scores, truth, segments=labels)


@pytest.mark.parametrize("masks", [[], None, [[True], [True, False]], np.ones((2, 3)), True])
def test_unusable_masks_are_one_sentence(masks) -> None:
    with pytest.raises(UserError, match="masks: a"):
        measures.agreement(masks)


def test_an_unknown_option_is_one_sentence() -> None:
    with pytest.raises(UserError, match="'options' has the unknown key 'budget'; .* fill"):
        ask(measures.insertion, np.arange(8.0), budget="1s")
