#!/bin/sh
# Builds without a Dockerfile: two containers of buildah's, each committed. $1 is the name of the image.
set -eu
container=$(buildah from --pull-never docker.io/library/debian:bookworm-slim)
buildah run "$container" sh -c 'apt-get update && apt-get install -y --no-install-recommends lighttpd perl-doc'
buildah commit --quiet "$container" "$1-first"
buildah rm "$container"

container=$(buildah from --pull-never "$1-first")
buildah copy "$container" site /var/www/site
buildah run "$container" sh -c 'apt-get purge -y perl-doc && rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/www/html'
buildah config --cmd '["lighttpd", "-D", "-f", "/var/www/site/lighttpd.conf"]' --label pier=north "$container"
buildah commit --quiet --rm "$container" "$1"
