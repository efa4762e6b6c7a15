"""`python -m benchmarks.engine`: the engine against what people do today."""
