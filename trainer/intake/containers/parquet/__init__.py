"""Parquet files with images in them."""
