"""How long it takes from `git clone` to the first prediction on one's own photographs."""
