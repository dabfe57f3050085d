"""SRNet: turn a trained neural network into formulas."""

__version__ = "0.1.0"
