"""
From scikit-learn to C
======================

Explain a scikit-learn pipeline in the units of its data, and export the formula to C and NumPy.
"""

import warnings

import numpy as np
from matplotlib import pyplot as plt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import srnet

warnings.simplefilter("ignore", ConvergenceWarning)
rng = np.random.default_rng(0)
X = np.column_stack([rng.uniform(273, 373, 300), rng.uniform(1, 2, 300)])  # kelvin, litres
pressure = X[:, 0] / X[:, 1]

network = MLPRegressor(
    hidden_layer_sizes=(3, 3), activation="logistic", solver="lbfgs", max_iter=500, random_state=0
)
pipeline = make_pipeline(StandardScaler(), network).fit(X, pressure)

result = srnet.explain(pipeline, X, task="gas", budget=60_000, progress=False)
print(result)

# %%
# Both in the units of the data:

litres = np.linspace(1, 2, 50)
figure, axes = plt.subplots()
for kelvin in (273, 323, 373):
    rows = np.column_stack([np.full(50, kelvin), litres])
    axes.plot(litres, pipeline.predict(rows), "k.", label="network" if kelvin == 273 else None)
    axes.plot(litres, result.predict(rows), label=f"formula, {kelvin} K")
axes.set(xlabel="litres", ylabel="pressure")
axes.legend()

# %%
# The network as a function in C:

print(result.to_c())

# %%
# And as the source of a NumPy function, which gives the same numbers:

names: dict = {}
exec(result.to_numpy(), names)
np.testing.assert_array_equal(names["network"](X), result.predict(X))
assert (result.r2 or 0) > 0.9
