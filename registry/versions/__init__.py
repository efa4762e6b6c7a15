"""Versions: aliases, promotion and rollback, policies, annotations, attachments, lineage."""
