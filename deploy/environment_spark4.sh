#!/bin/sh
# Makes .venv-spark4 from requirements/spark4.lock: Spark 4, NumPy 2 and no Petastorm. Called by make after .venv is made.
set -eu
cd "$(dirname "$0")/.."

venv=.venv-spark4
done=$venv/$(cat deploy/environment_spark4.sh setup.py requirements/build.lock requirements/spark4.lock | cksum | cut -d ' ' -f 1).done
[ -e "$done" ] && exit 0

echo "environment: making $venv with spark4.lock (once, about 2 minutes)"
rm -rf "$venv"
.venv/bin/python -m venv "$venv"
pip() {
    "$venv/bin/python" -m pip --no-input --disable-pip-version-check "$@" >>"$venv/install.log" 2>&1 || {
        echo "error: pip could not $* in $venv; its output: $venv/install.log" >&2
        exit 1
    }
}
pip install --require-hashes -r requirements/build.lock
pip install --require-hashes --no-deps --no-build-isolation -r requirements/spark4.lock
pip install --no-deps --no-build-isolation --editable .
pip check
touch "$done"
