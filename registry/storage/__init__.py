"""Files: content-addressed blobs, records, the quarantine."""
