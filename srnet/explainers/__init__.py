"""Explainers of single points behind one interface: LIME, MAPLE, SRNet's formulas, and two floors.

An explainer is made for one network from rows and a seed; ``explain(points)`` gives ``Explanations``
(:mod:`srnet.explainers.interface`), of every point a function that says what the network does near it. All of them read points in
the units of ``layers.npz``.

================================  ======================================================================================
``lime.Lime``                     the package ``lime``: a weighted linear fit to the network, asked at random samples
``maple.Maple``                   a linear fit to the rows that share the leaves of a forest with the point
``symbolic.Symbolic``             a run's formulas, one and the same for every point
``floors.Linear``                 one linear model for every point: a floor
``floors.Constant``               one value for every point: the lowest floor
================================  ======================================================================================

Each is imported from its own module: ``lime`` and scikit-learn take a second to load.
"""
