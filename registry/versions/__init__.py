"""What is said of versions: aliases, annotations, attachments, lineage."""
