"""Figures and tables: one module for each, whose ``draw`` turns tidy frames into a Figure or frame.

``figures`` and ``tables`` hold those of the tasks, ``images`` those of the image branch, and
``srnet.drawing.artifacts`` lists them all. Nothing here searches, trains or reads results.
"""
