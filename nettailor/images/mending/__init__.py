"""Files that decoders refuse for what no picture needs."""
