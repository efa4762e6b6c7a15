"""Exports of annotation tools, one module a format."""
