"""Tasks that have a whole network of their own and share no convolution."""
