"""A user's own network explained: ``srnet.explain``, its result, and the scikit-learn
estimators."""
