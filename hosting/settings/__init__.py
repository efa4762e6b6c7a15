"""Settings from the environment and from a TOML file."""
