"""E-LIME: finds the parts of an image that make a network give it its class.

:func:`explain` evolves the superpixels that carry the class of an image, for any model of images,
and returns an :class:`ImageExplanation` (Wang, Pei, Xue and Zhang, *Explaining Deep Convolutional
Neural Networks for Image Classification by Evolving Local Interpretable Model-agnostic
Explanations*, arXiv 2211.15143)::

    from srnet.images import Preprocessing, explain

    preprocessing = Preprocessing(224, mean, std, resize=256)
    explanation = explain(model, "photograph.jpg", preprocessing=preprocessing)
    explanation.mask, explanation.probability_selected, explanation.plot()

:func:`explain_many` explains several images or labels.
:func:`read_classifier` reads a weights file with its architecture, :func:`read_image` an image;
:func:`superpixels` divides an image. :class:`Evaluator` is the network as a function of the
superpixels shown; :func:`lime`, :func:`rise` and :func:`random` make an :class:`Attribution` from
it. :mod:`srnet.images.measures` measures the quality of any explanation.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from srnet.images.comparison.baselines.attribution import Attribution, top
    from srnet.images.comparison.baselines.chance import random
    from srnet.images.comparison.baselines.lime import lime
    from srnet.images.comparison.baselines.rise import rise
    from srnet.images.explanation.explain import explain, explain_many
    from srnet.images.explanation.result import ImageExplanation
    from srnet.images.networks.architectures import Classifier, read_classifier
    from srnet.images.pictures.preprocessing import Preprocessing
    from srnet.images.pictures.reading import read_image
    from srnet.images.pictures.segments import superpixels
    from srnet.images.search.evaluator import Evaluator
    from srnet.images.search.genetic import Settings

# Loaded on first use: importing the package imports neither torch nor scikit-image.
_HOMES = {
    "Attribution": "comparison.baselines.attribution",
    "Classifier": "networks.architectures",
    "Evaluator": "search.evaluator",
    "ImageExplanation": "explanation.result",
    "Preprocessing": "pictures.preprocessing",
    "Settings": "search.genetic",
    "explain": "explanation.explain",
    "explain_many": "explanation.explain",
    "lime": "comparison.baselines.lime",
    "random": "comparison.baselines.chance",
    "read_classifier": "networks.architectures",
    "read_image": "pictures.reading",
    "rise": "comparison.baselines.rise",
    "superpixels": "pictures.segments",
    "top": "comparison.baselines.attribution",
}

__all__ = [
    "Attribution",
    "Classifier",
    "Evaluator",
    "ImageExplanation",
    "Preprocessing",
    "Settings",
    "explain",
    "explain_many",
    "lime",
    "random",
    "read_classifier",
    "read_image",
    "rise",
    "superpixels",
    "top",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'srnet.images' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"srnet.images.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
