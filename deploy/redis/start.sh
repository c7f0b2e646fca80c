#!/bin/sh
# Start Valkey or Redis for GLaDOS, with a password, a minimal access list, an append-only file, and no eviction.
# Environment: REDIS_PASSWORD or REDIS_PASSWORD_FILE (needed); SERVER (valkey-server), DATA (/data), RUN (/tmp), PORT (6379),
# MAXMEMORY (2gb). The script passes all its arguments to the server.
set -eu
umask 077
password=${REDIS_PASSWORD:-}
[ -n "$password" ] || { [ -n "${REDIS_PASSWORD_FILE:-}" ] && password=$(cat "$REDIS_PASSWORD_FILE"); } || true
[ -n "$password" ] || { echo "start.sh: set REDIS_PASSWORD or REDIS_PASSWORD_FILE" >&2; exit 2; }
hash=$(printf %s "$password" | sha256sum | cut -d ' ' -f 1)
acl=${RUN:-/tmp}/users.acl
sed -e "s/@HASH@/$hash/" -e '/^#/d' -e '/^$/d' "${ACL_TEMPLATE:-/etc/glados/users.acl}" > "$acl"
unset password REDIS_PASSWORD
# noeviction: a full store refuses new questions, and people are told; eviction would forget old questions silently.
# appendfsync always: neither a kill nor a power failure loses acknowledged writes.
exec "${SERVER:-valkey-server}" --port "${PORT:-6379}" --dir "${DATA:-/data}" --aclfile "$acl" \
  --appendonly yes --appendfsync always --save "" \
  --maxmemory "${MAXMEMORY:-2gb}" --maxmemory-policy noeviction --tcp-keepalive 60 "$@"
