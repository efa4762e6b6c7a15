"""One pass over an upload: what its files are, before anything is made of their names."""
