"""
What an image classifier looks at
=================================

Find the superpixels of a photograph that give it its class.
"""

import torch
from skimage import data

from srnet.images import Preprocessing, explain

# %%
# Any torch classifier stands here. This one knows but the colour of a space suit:


class Orange(torch.nn.Module):
    """Logits of (something else, orange): the more orange pixels, the surer."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        red, green, blue = images.unbind(dim=1)
        amount = ((red > 1.6 * green) & (green > 1.2 * blue)).float().mean(dim=(1, 2))
        return torch.stack([torch.full_like(amount, 3.0), 120 * amount], dim=1)


# %%
# E-LIME looks for few superpixels that give the class by themselves:

found = explain(
    Orange(),
    data.astronaut(),
    preprocessing=Preprocessing(size=128),
    classes=("something else", "orange"),
)
print(found)
print("most important superpixels:", found.ranking[:5])

# %%
# The image, its superpixels, the explanation and the scores:

figure = found.plot()
assert found.probability_selected > 0.9 > 0.5 > found.probability_complement
