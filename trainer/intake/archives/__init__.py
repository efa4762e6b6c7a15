"""Archives of any accepted kind, read without trusting them."""
