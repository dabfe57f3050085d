"""SRNet, LIME, MAPLE and two baselines on the same points of one network."""
