"""Measures of any attribution of an image, a function for each::

    from srnet.images import measures

    measures.insertion(model, image, attribution, label).area
    measures.sufficiency(model, image, attribution, label, share=0.1)
    measures.iou(attribution, truth, share=0.1)

An attribution is a map of the pixels, or scores, a ranking or a selection of superpixels. Of a
network ask :func:`insertion`, :func:`deletion`, :func:`sufficiency` and :func:`necessity`; of the
object's mask :func:`iou` and :func:`pointing_game`; of several runs :func:`agreement`.
"""

from srnet.images.measures.curves import Curve
from srnet.images.measures.explanation import highest_probability, measure_explanation
from srnet.images.measures.faithfulness import deletion, insertion, necessity, sufficiency
from srnet.images.measures.localisation import agreement, iou, pointing_game

__all__ = [
    "Curve",
    "agreement",
    "deletion",
    "highest_probability",
    "insertion",
    "iou",
    "measure_explanation",
    "necessity",
    "pointing_game",
    "sufficiency",
]
