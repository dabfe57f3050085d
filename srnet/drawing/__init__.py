"""Figures and tables: one module each, whose ``draw`` takes tidy frames and returns a Figure or a
frame.

``srnet.drawing.artifacts`` lists them. Nothing here searches, trains or reads results: frames come
from ``srnet.results.gather``.
"""
