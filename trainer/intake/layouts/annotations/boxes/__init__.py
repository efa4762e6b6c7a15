"""Exports of boxes and outlines: refused with the reason, unless every image shows one class only."""
