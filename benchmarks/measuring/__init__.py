"""What all benchmarks share: rounds, ratios, the machine."""
