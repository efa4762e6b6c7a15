"""The network of one version as a file for other runtimes: pruned, folded, verified."""
