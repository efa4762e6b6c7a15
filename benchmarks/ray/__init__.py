"""`python -m benchmarks.ray`: a local cluster."""
