"""Shapes of a backbone, and the plan of what survives."""
