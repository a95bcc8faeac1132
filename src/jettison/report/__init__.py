"""Reports: what was found, in a format. One folder a kind of result, one file a format."""
