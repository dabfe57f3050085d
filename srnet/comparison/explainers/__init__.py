"""Explainers of single points with one interface: LIME, MAPLE, SRNet's formulas and two baselines.

An explainer is made for one network from rows and a seed. ``explain(points)`` returns
``Explanations`` (:mod:`srnet.comparison.explainers.interface`): for each point, a function that
approximates the network near it. Points are in the units of ``layers.npz``.

========================  =====================================================================
``lime.Lime``             a weighted linear fit to random samples, as the package ``lime`` makes it
``maple.Maple``           a linear fit to the rows that share a forest's leaves with the point
``srnet.Symbolic``        a run's formulas, the same for every point
``local.Local``           the linear formula of a run's formulas at the point
``baselines.Linear``      one linear model for every point
``baselines.Constant``    one value for every point
========================  =====================================================================

Import each from its own module, because scikit-learn takes a second to load.
"""
