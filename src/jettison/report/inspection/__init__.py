"""What an image's own documents say of it, in a format."""
