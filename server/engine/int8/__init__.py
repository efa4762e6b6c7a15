"""The mixed pass in 8 bits, for tasks whose bundles say in which range their activations lie."""
