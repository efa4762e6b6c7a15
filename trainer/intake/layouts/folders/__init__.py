"""Folders that say what their images are."""
