"""Labels that are arrays themselves: the n-th is that of the n-th image."""
