#!/usr/bin/env bash
# Everything that a GPU has to show, in about six minutes; see bench/gpu.py for what is run and what is written.
#
#   bench/gpu.sh [--tiny] [--ddsm FOLDER] [--weights FOLDER] [--out FOLDER]
#
# PYTHON names the interpreter, by default the project's own environment, then python3.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}
exec "$python" bench/gpu.py "$@"
