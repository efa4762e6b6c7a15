"""The structure of TIFF files: which picture to show, and what its samples mean."""
