"""Reports of an analysis (`jettison analyze`), one file a format."""
