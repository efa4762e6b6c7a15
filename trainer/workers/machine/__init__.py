"""The workers of one machine: how many, on which devices, and that they run."""
