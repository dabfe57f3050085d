"""E-LIME beside LIME, RISE and chance on the same images."""
