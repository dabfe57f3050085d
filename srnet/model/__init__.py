"""SRNet, the formulas and linear maps of all layers: fitting, rendering, simplification and
export."""
