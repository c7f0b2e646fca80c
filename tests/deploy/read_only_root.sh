#!/bin/sh
# Run a command as the containers do: user 10001 without capabilities, a root that cannot be written, /tmp in memory, and
# one writable folder, which appears as /mnt/data. Needs user namespaces; the caller may be anybody.
# usage: read_only_root.sh FOLDER COMMAND...
set -eu
if [ "${1:-}" != --inside ]; then
  exec unshare --user --map-root-user --mount sh "$0" --inside "$@"
fi
folder=$2
shift 2
mount -t tmpfs tmpfs /mnt
mkdir /mnt/data
mount --bind "$folder" /mnt/data
checkout=$(cd "$(dirname "$0")/../.." && pwd)
mkdir /mnt/checkout
mount --bind "$checkout" /mnt/checkout # it may lie in /tmp
mount -o remount,bind,ro /
mount -t tmpfs -o mode=1777 tmpfs /tmp
if [ ! -d "$checkout" ]; then
  mkdir -p "$checkout"
  mount --bind /mnt/checkout "$checkout"
  mount -o remount,bind,ro "$checkout"
fi
exec unshare --user --map-user=10001 --map-group=10001 "$@"
