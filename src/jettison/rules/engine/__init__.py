"""What carries the rules: their base classes, the registry, the walk over a file, ignores, and fixes proved or undone."""
