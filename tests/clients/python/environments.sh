#!/bin/sh
# Makes the environment of each Python client: a folder .venv beside its requirements.txt. Needs the network once.
# Says which clients cannot be installed, and why; .venv/failed tells it to the tests.
set -eu
cd "$(dirname "$0")"

install() {
  "${PYTHON:-python3}" -m venv "$1/.venv" &&
    "$1/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$1/requirements.txt"
}

for wanted in */requirements.txt; do
  folder=${wanted%/*}
  made=$folder/.venv
  [ "$made/ready" -nt "$wanted" ] && continue
  echo "glados: installing $folder"
  mkdir -p "$made"
  rm -f "$made/ready"
  if install "$folder" 2>"$made/failed"; then
    rm "$made/failed"
    touch "$made/ready"
  else
    echo "glados: $folder is not installed, so its tests are skipped: $(tail -n 1 "$made/failed")"
  fi
done
