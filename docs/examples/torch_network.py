"""
A torch network of a physical law
=================================

Explain a network that has learned the energy of a spring, k x² / 2.
"""

import numpy as np
import torch

import srnet

torch.manual_seed(0)
rng = np.random.default_rng(0)
X = rng.uniform(1, 5, (300, 2)).astype(np.float32)
y = torch.tensor(X[:, :1] * X[:, 1:] ** 2 / 2)

model = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.Tanh(), torch.nn.Linear(8, 1))
optimiser = torch.optim.Adam(model.parameters(), lr=0.02)
for _ in range(1500):
    optimiser.zero_grad()
    loss = torch.nn.functional.mse_loss(model(torch.tensor(X)), y)
    loss.backward()
    optimiser.step()

# %%
# The output, by as many formulas of the inputs as it takes:

result = srnet.explain(model, X, task="spring", budget=60_000, progress=False)
print(result)

# %%
# The formulas against the network, on rows that the search has not seen. The figure has R² of every
# explained layer, the output of the formulas over that of the network, and the importance of the
# inputs:

new = rng.uniform(1, 5, (100, 2))
fidelity = result.fidelity(new)
print(f"on new rows: R² {fidelity.r2:.4f} against the network")
figure = result.plot()
assert (fidelity.r2 or 0) > 0.98
