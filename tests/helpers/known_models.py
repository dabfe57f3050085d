"""Image classifiers whose truth is known: the log-odds of class 1 are a known function of the
superpixels shown."""

import itertools

import numpy as np
import torch

SIDE = 8  # pixels of a superpixel


def grid(rows: int, columns: int) -> np.ndarray:
    """Square superpixels 0 … rows * columns - 1, (H, W)."""
    numbers = np.arange(rows * columns, dtype=np.int32).reshape(rows, columns)
    return numbers.repeat(SIDE, axis=0).repeat(SIDE, axis=1)


def white(segments: np.ndarray) -> np.ndarray:
    """A white image; with the fill black, a superpixel's mean is 1 where shown and 0 where
    hidden."""
    return np.ones((*segments.shape, 3), dtype=np.float32)


def genomes(n: int) -> np.ndarray:
    """All 2ⁿ."""
    return np.array(list(itertools.product([False, True], repeat=n)))


class Known(torch.nn.Module):
    """Logits (0, bias + weights · shown + shown' pairs shown), with a batch normalisation that
    training mode would change."""

    def __init__(
        self, weights: np.ndarray, pairs: np.ndarray | None = None, bias: float = -2.0
    ) -> None:
        super().__init__()
        n = len(weights)
        self.norm = torch.nn.BatchNorm2d(3)
        self.register_buffer("weights", torch.tensor(weights, dtype=torch.float32))
        self.register_buffer(
            "pairs", torch.tensor(np.zeros((n, n)) if pairs is None else pairs, dtype=torch.float32)
        )
        self.bias = torch.nn.Parameter(torch.tensor(bias))
        self.seen: list[int] = []  # images of every call

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(len(x))
        x = self.norm(x) * (1 + self.norm.eps) ** 0.5
        shown = torch.nn.functional.avg_pool2d(x.mean(dim=1, keepdim=True), SIDE).flatten(1)
        odds = self.bias + shown @ self.weights + ((shown @ self.pairs) * shown).sum(dim=1)
        return torch.stack([torch.zeros_like(odds), odds], dim=1)

    def truth(self, shown: np.ndarray) -> np.ndarray:
        """Probability of class 1, in float64."""
        weights, pairs = self.weights.double().numpy(), self.pairs.double().numpy()
        odds = (
            self.bias.item()
            + shown @ weights
            + np.einsum("mi,ij,mj->m", shown, pairs, shown.astype(float))
        )
        return 1 / (1 + np.exp(-odds))


class Game(torch.nn.Module):
    """Probabilities (1 - p, p), with p a given value of every set of superpixels.

    The values are those of ``genomes(n)``, in its order.
    """

    def __init__(self, values: np.ndarray) -> None:
        super().__init__()
        self.register_buffer("values", torch.tensor(values, dtype=torch.float32))
        self.seen: list[int] = []  # images of every call

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(len(x))
        shown = torch.nn.functional.avg_pool2d(x[:, :1], SIDE).flatten(1) > 0.5
        powers = 2 ** torch.arange(shown.shape[1] - 1, -1, -1)
        p = self.values[(shown * powers).sum(dim=1)]
        return torch.stack([1 - p, p], dim=1)
