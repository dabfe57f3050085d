"""The genetic algorithm over subsets of superpixels, its surrogate and its ranking."""
