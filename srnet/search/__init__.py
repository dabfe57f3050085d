"""MNNCGP-ES and the joint search: layers, settings and a seed in, a run out."""
