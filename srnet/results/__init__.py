"""Runs, networks and formulas as tidy tables, and the verdict on the published numbers."""
