"""An image in hand: its layers' bytes, the index of each layer, and the tree that they make together."""
