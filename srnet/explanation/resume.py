"""``srnet resume``: go on with the search of an explanation in files."""

from pathlib import Path
from typing import Any

from srnet.errors import UserError
from srnet.explanation.explain import resume_search
from srnet.explanation.files import check_folder, write_files
from srnet.explanation.result import Explanation
from srnet.io.files import read_json
from srnet.networks.layers import Layers
from srnet.search.settings import of_run
from srnet.typing import StrPath
from srnet.validation import SECONDS

# What tells how a search goes on, beside the model.
_REQUIRED_KEYS = (
    *("preset", "seed", "settings", "layers_fingerprint"),
    *("layer_names", "output_scale", "validation"),
)


def write_resumed(
    run_file: StrPath,
    *,
    layers_file: StrPath | None = None,
    out: StrPath | None = None,
    time_limit: float = 5.0,
    **options: Any,
) -> Explanation:
    """``srnet resume``: RUN.json and layers.npz of ``srnet explain`` in, all its files out, of an
    explanation that was searched on (:meth:`Explanation.resume`).

    Parameters
    ----------
    layers_file
        By default layers.npz beside ``run_file``.
    out
        The folder that is written; by default that of ``run_file``, whose files are replaced.
    time_limit
        Seconds for the simplification of the formulas.
    options
        Of :meth:`Explanation.resume`.

    Raises
    ------
    UserError
        If a file cannot be read or written, the layers are not those of the run, or the run cannot
        be resumed; no file is changed then.
    """
    time_limit = SECONDS.check("time_limit", time_limit)
    beside = Path(run_file).parent
    explanation = read_explanation(run_file, layers_file or beside / "layers.npz")
    folder = beside if out is None else out
    check_folder(folder)
    resumed = explanation.resume(**options)
    write_files(resumed, folder, time_limit)
    return resumed


def read_explanation(run_file: StrPath, layers_file: StrPath) -> Explanation:
    """The explanation of a RUN.json, with the rows that it was found on, which can be resumed.

    Raises
    ------
    UserError
        If a file cannot be read, or the layers are not those of the run.
    """
    run = read_json(run_file)
    try:
        explanation = Explanation(run)
        lacking = [key for key in _REQUIRED_KEYS if key not in run]
        if lacking:
            raise UserError(
                f"lacks '{lacking[0]}'; a RUN.json that srnet explain has written is needed"
            )
        of_run(run)
    except UserError as error:
        raise error.in_file(run_file) from error
    layers = Layers.load(layers_file, explanation.model.task)
    if layers.fingerprint() != run["layers_fingerprint"]:
        raise UserError(
            f"{layers_file}: holds other rows than those on which {run_file} was found; the "
            f"layers.npz that was written with it is needed"
        )
    return Explanation(run, layers=layers, search_on=resume_search)
