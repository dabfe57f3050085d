"""Tasks and their rows: formulas, PMLB, scikit-learn and CSV tables."""
