#!/bin/sh
# System packages the tests need: a browser for the page, a second Redis-compatible server, Node for the independent
# markdown parsers, and a scanner of web pages. Installed through apt where that is possible; otherwise says what to
# install by hand. Tests that need a missing one are skipped with the same advice. With CI set, whatever is missing is
# an error here and there.
set -eu
has() { command -v "$1" >/dev/null 2>&1; }
missing=""
has chromium-headless-shell || has chromium || missing="$missing chromium"
has redis-server || missing="$missing redis-server"
has node || missing="$missing nodejs"
has npm || missing="$missing npm"
has wapiti || missing="$missing wapiti"
[ -n "$missing" ] || exit 0
give_up() {
  echo "glados: $1; tests that need them are skipped" >&2
  [ -z "${CI:-}" ]
  exit
}
if ! has apt-get; then
  give_up "please install with your system's package manager:$missing"
fi
sudo=""
[ "$(id -u)" = 0 ] || sudo="sudo -n"
echo "glados: installing system packages for the tests:$missing"
export DEBIAN_FRONTEND=noninteractive
install_them() {
  $sudo apt-get update -qq || return
  # Chromium without windows takes a third of the processor time; not every system has it.
  ! apt-cache show chromium-headless-shell >/dev/null 2>&1 || missing="chromium-headless-shell${missing# chromium}"
  $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
}
install_them || give_up "could not install them; please run: sudo apt-get install$missing"
