"""Inference: HTTP -> images -> scheduler -> engine; many tasks through one frozen backbone."""
