"""`python -m benchmarks.http`: the whole server under load."""
