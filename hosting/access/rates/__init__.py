"""How much a caller may ask for in a time, counted over all processes."""
