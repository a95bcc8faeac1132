"""What carries the rules: base classes, the registry, the walk over a file, ignores, and fixes proved or undone."""
