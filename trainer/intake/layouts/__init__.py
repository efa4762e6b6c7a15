"""The ways in which people say what each image is, one module a layout."""
