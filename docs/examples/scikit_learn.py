"""Explain a scikit-learn pipeline in its data's own units, and take the formula elsewhere."""

import warnings

import numpy as np
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
for how in ("accuracy", "best", "knee"):
    chosen = result.select(how)
    print(f"{how}: complexity {chosen.complexity}, R² {chosen.r2:.4f}")

print(result.to_c())

# the source of a NumPy function gives the same numbers
names: dict = {}
exec(result.to_numpy(), names)
np.testing.assert_array_equal(names["network"](X), result.predict(X))
assert (result.r2 or 0) > 0.9
