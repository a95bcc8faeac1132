"""Rewriting images: image → image, composable, lazy, nothing changed in place.

A `Draft` is an image on its way to a lighter one: layers as lists of members, each of which is a range of bytes of an
old layer, or bytes of its own. Steps make drafts of drafts (`squeeze`, `strip`, `relayer`, …), from indexes alone
wherever that is enough. `finish` then writes the layers that differ, once, and the documents to go with them: layers
that nobody touched keep their blobs and digests.
"""
