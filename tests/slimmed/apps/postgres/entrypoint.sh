#!/bin/sh
set -e
if [ "$(id -u)" = 0 ]; then
  exec gosu postgres "$0" "$@"
fi
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  initdb --auth=trust --no-sync >/dev/null
fi
exec "$@"
