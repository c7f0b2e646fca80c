#!/bin/sh
# System packages the tests need: a browser for the page, a second Redis-compatible server, and Node for the independent
# markdown parsers. Installed through apt where that is possible; otherwise says what to install by hand. Tests that need a
# missing one fail or are skipped with the same advice.
set -eu
missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
command -v node >/dev/null 2>&1 || missing="$missing nodejs"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
[ -n "$missing" ] || exit 0
if ! command -v apt-get >/dev/null 2>&1; then
  echo "glados: the tests need:$missing; install them with your system's package manager" >&2
  exit 1
fi
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo -n"
echo "glados: installing system packages for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
{ $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null; } || {
  echo "glados: could not install them; run: sudo apt-get install$missing" >&2
  exit 1
}
