"""
What an image classifier looks at
=================================

Find the superpixels of a photograph that give it its class.
"""

import torch
from skimage import data

from srnet.images import Preprocessing, explain, measures

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
    curves=True,
)
print(found)
print("most important superpixels:", found.ranking[:5])

# %%
# The outlined image, the explanation alone, the scores, insertion and deletion:

figure = found.plot()
assert found.probability_selected > 0.9 > 0.5 > found.probability_complement

# %%
# Any other attribution is measured in the same way. This one is the redness of each pixel:

redness = found.image[..., 0] - found.image[..., 1:].max(axis=-1)
other = measures.deletion(Orange(), found.image, redness, found.label, segments=found.segments)
print(f"deletion: {found.deletion.area:.3f}, by redness {other.area:.3f}")
