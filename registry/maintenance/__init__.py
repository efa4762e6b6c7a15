"""Upkeep of what is stored: check, collect."""
