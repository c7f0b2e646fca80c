#!/bin/sh
# Makes the environment of each Python client: a folder .venv beside its requirements.txt. Needs the network once.
set -eu
cd "$(dirname "$0")"
for folder in */; do
  wanted="$folder/requirements.txt"
  [ -f "$wanted" ] || continue
  [ "$folder/.venv/ready" -nt "$wanted" ] && continue
  echo "glados: installing ${folder%/}"
  "${PYTHON:-python3}" -m venv "$folder/.venv"
  "$folder/.venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps -r "$wanted"
  touch "$folder/.venv/ready"
done
