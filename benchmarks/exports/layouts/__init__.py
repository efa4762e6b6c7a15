"""Data sets as people arrange and describe them by hand, or by code of their own."""
