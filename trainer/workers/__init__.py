"""Processes that carry jobs out."""
