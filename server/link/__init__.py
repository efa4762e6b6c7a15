"""The link between a front, which takes requests, and the engine's process, which answers them."""
