"""Teacher, student, prune, retrain, select."""
