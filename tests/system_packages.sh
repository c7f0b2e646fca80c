#!/bin/sh
# System packages the tests need: a browser for the page, a second Redis-compatible server, Node for the independent
# markdown parsers, and a scanner of web pages. Installed through apt where that is possible; otherwise says what to install by hand. Tests that need a
# missing one are skipped with the same advice. With CI set, whatever is missing is an error here and there.
set -eu
missing=""
command -v chromium >/dev/null 2>&1 || missing="$missing chromium"
command -v redis-server >/dev/null 2>&1 || missing="$missing redis-server"
command -v node >/dev/null 2>&1 || missing="$missing nodejs"
command -v npm >/dev/null 2>&1 || missing="$missing npm"
command -v wapiti >/dev/null 2>&1 || missing="$missing wapiti"
[ -n "$missing" ] || exit 0
give_up() {
  echo "glados: $1; tests that need them are skipped" >&2
  [ -z "${CI:-}" ]
  exit
}
if ! command -v apt-get >/dev/null 2>&1; then
  give_up "please install with your system's package manager:$missing"
fi
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo -n"
echo "glados: installing system packages for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
{ $sudo apt-get update -qq && $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null; } ||
  give_up "could not install them; please run: sudo apt-get install$missing"
