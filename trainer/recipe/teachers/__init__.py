"""The search for the teacher: its candidates, and which of them is taken."""
