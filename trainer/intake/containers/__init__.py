"""Images that lie inside other files of an upload."""
