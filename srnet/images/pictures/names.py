"""Names of the networks as they are printed, and of the classes of the made images; nothing heavy
is imported."""

CLASSES = ("astronaut", "cat", "coffee", "coin", "flower", "motorcycle", "pagoda", "shuttle")
