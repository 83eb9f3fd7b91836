#!/usr/bin/env bash
# Checks a GPU in about six minutes; bench/gpu.py describes the steps and their reports.
#
#   bench/gpu.sh [--tiny] [--ddsm FOLDER] [--weights FOLDER] [--out FOLDER]
#
# PYTHON names the interpreter, by default the project's own environment, then python3.
set -euo pipefail
cd "$(dirname "$0")/.."
python=${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || echo python3)}
exec "$python" bench/gpu.py "$@"
