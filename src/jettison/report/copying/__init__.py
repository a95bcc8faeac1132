"""Reports on copies: one format a module."""
