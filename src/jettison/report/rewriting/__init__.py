"""Reports on rewritten images: one format a module."""
