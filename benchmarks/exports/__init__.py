"""Whether data sets are read right, as tools and people give them; `python -m benchmarks.exports`."""
