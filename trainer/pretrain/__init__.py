"""Pretraining of the embedded backbone."""
