"""Types that several packages share."""

import os
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Kind = Literal["regression", "classification"]
StrPath = str | os.PathLike[str]
