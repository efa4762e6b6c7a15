"""What commands take that is more than a word: names, ids that were shortened, times."""
