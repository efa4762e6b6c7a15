"""`make gpu-check`: what only a machine with a GPU can tell, by one script under eight minutes."""
