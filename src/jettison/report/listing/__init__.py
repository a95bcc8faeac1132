"""The images that a place holds, in a format."""
