"""The methods of the comparison by name: what it is and, after a hyphen, its network passes.

``sparse-100`` is E-LIME's preset ``sparse`` with at most 100 passes, ``published`` that preset with
its own end. ``lime-1000`` is LIME with 1000 samples; GLIME, RISE and the two methods of SHAP need
such a number too. ``greedy``, ``greedy-contrast``, ``smdl``, ``lima`` and ``phasewin`` rank all
superpixels, ``lima-200`` with at most 200 passes. ``gradcam``, ``integrated-gradients`` and
``random`` have no number.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from srnet.errors import UserError

if TYPE_CHECKING:
    from srnet.images.comparison.baselines.attribution import Attribution
    from srnet.images.search.evaluator import Evaluator

ELIME = ("sparse", "published")  # presets of E-LIME; they choose their superpixels themselves
SEARCHES = ("greedy", "greedy-contrast", "smdl", "lima", "phasewin")
SAMPLING = ("lime", "glime", "rise", "kernelshap", "partitionshap")
GRADIENTS = ("gradcam", "integrated-gradients")
BASELINES = (*SEARCHES, *SAMPLING, *GRADIENTS, "random")  # they rank


@dataclass(frozen=True)
class Method:
    """One way to explain an image.

    Attributes
    ----------
    name
        As the configuration has it.
    kind
        Of ``ELIME`` or ``BASELINES``.
    passes
        Network passes: at most (E-LIME, searches, PartitionSHAP) or exactly (the other samplings);
        None: the method's own end.
    """

    name: str
    kind: str
    passes: int | None


def method(name: str) -> Method:
    """The method of a name.

    Raises
    ------
    UserError
        If there is no such method, a sampling one lacks its number of passes, or one that takes no
        number has one.
    """
    match = re.fullmatch(r"(.+?)(?:-([1-9][0-9]*))?", name)
    kind, passes = match.groups() if match else ("", None)
    if (
        kind not in (*ELIME, *BASELINES)
        or (kind in SAMPLING and passes is None)
        or (kind in (*GRADIENTS, "random") and passes is not None)
    ):
        raise UserError(
            f"there is no method '{name}' for images; allowed are "
            f"{', '.join((*ELIME, *SEARCHES))}, each of them with -N (at most N network passes), "
            f"{', '.join(f'{kind}-N' for kind in SAMPLING)}, {', '.join(GRADIENTS)} and random"
        )
    return Method(name, kind, int(passes) if passes else None)


def attribute(method: Method, evaluator: "Evaluator", classifier: Any, seed: int) -> "Attribution":
    """Rank the superpixels of an image by one of ``BASELINES``.

    Parameters
    ----------
    evaluator
        The network on the image.
    classifier
        The :class:`srnet.images.networks.architectures.Classifier`, of which gradients are taken.
    seed
        Of the methods that draw.

    Raises
    ------
    UserError
        If the passes do not suffice, a package is not installed, or the network is not fit for the
        method.
    """
    from srnet.images.comparison.baselines.chance import random
    from srnet.images.comparison.baselines.glime import glime
    from srnet.images.comparison.baselines.gradcam import gradcam
    from srnet.images.comparison.baselines.greedy import greedy
    from srnet.images.comparison.baselines.integrated_gradients import integrated_gradients
    from srnet.images.comparison.baselines.kernelshap import kernelshap
    from srnet.images.comparison.baselines.lima import lima
    from srnet.images.comparison.baselines.lime import lime
    from srnet.images.comparison.baselines.partitionshap import partitionshap
    from srnet.images.comparison.baselines.phasewin import phasewin
    from srnet.images.comparison.baselines.rise import rise

    passes = method.passes
    match method.kind:
        case "greedy":
            return greedy(evaluator, "probability", passes)
        case "greedy-contrast":
            return greedy(evaluator, "contrast", passes)
        case "smdl":
            return greedy(evaluator, "smdl", passes)
        case "lima":
            return lima(evaluator, passes=passes)
        case "phasewin":
            return phasewin(evaluator, passes=passes)
        case "gradcam":
            return gradcam(evaluator, classifier.model, classifier.preprocessing.tensor)
        case "integrated-gradients":
            return integrated_gradients(
                evaluator, classifier.model, classifier.preprocessing.tensor
            )
        case "random":
            return random(evaluator, seed)
    assert passes is not None
    sampling = {
        "lime": lime,
        "glime": glime,
        "rise": rise,
        "kernelshap": kernelshap,
        "partitionshap": partitionshap,
    }
    return sampling[method.kind](evaluator, passes, seed)
