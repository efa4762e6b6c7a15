"""Predictions for a whole folder of images, as a table."""
