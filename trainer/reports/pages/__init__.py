"""The pages people read: templates, and how they are filled."""
