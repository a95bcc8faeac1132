"""The image specification's own words: references, digests, descriptors, manifests, indexes, configurations.

Everything here is frozen data that is read from bytes and never touches a disk or a network. Sources: the OCI image
specification 1.1, the OCI distribution specification 1.1 and Docker's image manifest version 2, schema 2.
"""
