"""
A first formula
===============

Train a small network on x0² + x1, and read the formula that it has learned.
"""

# %%
# Any trained network will do. This one has learned 1000 rows:

import numpy as np
import torch
from matplotlib import pyplot as plt

import srnet

torch.manual_seed(0)
X = np.random.default_rng(0).uniform(-2, 2, (1000, 2)).astype(np.float32)
y = torch.tensor(X[:, :1] ** 2 + X[:, 1:])

model = torch.nn.Sequential(
    torch.nn.Linear(2, 8),
    torch.nn.Tanh(),
    torch.nn.Linear(8, 8),
    torch.nn.Tanh(),
    torch.nn.Linear(8, 1),
)
optimiser = torch.optim.Adam(model.parameters(), lr=0.03)
for _ in range(1000):
    optimiser.zero_grad()
    torch.nn.functional.mse_loss(model(torch.tensor(X)), y).backward()
    optimiser.step()

# %%
# One call explains its output. The budget is a number of evaluated formulas, and the result is the
# same every time. The last line is the formula of the whole network:

result = srnet.explain(model, X, budget=60_000, progress=False)
print(result)
assert sorted(result.layers[0].formulas) == ["(x0)**2", "x1"]
assert (result.r2 or 0) > 0.999

# %%
# Network and formula side by side, along x0:

x0 = np.linspace(-2, 2, 50, dtype=np.float32)
figure, axes = plt.subplots()
for x1 in (-1, 0, 1):
    rows = np.column_stack([x0, np.full_like(x0, x1)])
    axes.plot(x0, model(torch.tensor(rows)).detach(), "k.", label="network" if x1 == -1 else None)
    axes.plot(x0, result.predict(rows), label=f"formula, x1 = {x1}")
axes.set(xlabel="x0", ylabel="output")
axes.legend()
