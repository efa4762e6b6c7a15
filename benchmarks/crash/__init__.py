"""kill -9 of those who write to the registry, and of what they write to: nothing acknowledged may be lost."""
