"""
Is the formula good enough?
===========================

Compare a formula with its network on new rows and far outside, and choose a shorter one.
"""

import numpy as np
from matplotlib import pyplot as plt
from sklearn.neural_network import MLPRegressor

import srnet

rng = np.random.default_rng(0)
X = rng.uniform(-2, 2, (300, 2))
network = MLPRegressor(
    hidden_layer_sizes=(8,), activation="tanh", solver="lbfgs", max_iter=3000, random_state=0
).fit(X, np.sin(2 * X[:, 0]) + X[:, 0] * X[:, 1])

result = srnet.explain(network, X, task="waves", budget=60_000, progress=False)
print(result)

# %%
# The first line compares the formulas with a linear regression. Before every formula stands what it
# adds to R². Now the rows of a table that the search has not seen:

print(result.fidelity(rng.uniform(-2, 2, (1000, 2))))

# %%
# And rows farther and farther from those that were explained. A formula that fits there is the
# exception:

reach = np.linspace(1, 6, 11)
r2 = [result.fidelity(rng.uniform(-far, far, (1000, 2))).r2 for far in reach]

figure, axes = plt.subplots()
axes.plot(reach, r2, "o-")
axes.axvspan(1, 2, color="0.9", label="where the rows were")
axes.set(xlabel="rows between −x and x", ylabel="R² against the network", ylim=(-0.1, 1.05))
axes.legend()

# %%
# The Pareto front has the best formulas of every length. Perhaps a shorter one will do:

print(result.pareto[["complexity", "r2"]].to_string(index=False))
for how in ("accuracy", "best", "knee"):
    chosen = result.select(how)
    print(f"{how}: complexity {chosen.complexity}, R² {chosen.r2:.4f}")
assert (result.r2 or 0) > 0.9
