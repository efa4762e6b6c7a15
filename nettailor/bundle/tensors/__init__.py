"""The tensors of a bundle: names, shapes and values, kind by kind (docs/bundle-format.md; numpy only)."""
