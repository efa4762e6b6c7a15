"""What every process of ours stands on; it knows nothing of bundles, training or inference."""
