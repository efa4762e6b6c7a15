"""The mixed forward pass through the shared blocks."""
