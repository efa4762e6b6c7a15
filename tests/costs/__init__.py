"""What our parsers cost, by the size of what they are given."""
