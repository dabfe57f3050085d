"""The genetic search over sets of superpixels, its surrogate and the ranking."""
