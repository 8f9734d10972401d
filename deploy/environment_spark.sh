#!/bin/sh
# Makes an environment with another Spark than .venv has; make calls it after .venv is made:
#   sh deploy/environment_spark.sh spark4           Spark 4, NumPy 2 and no Petastorm: .venv-spark4, from requirements/spark4.lock
#   sh deploy/environment_spark.sh databricks-17.3  a runtime: .venv-runtimes/databricks-17.3, from requirements/runtimes/databricks-17.3.txt
# A runtime gets its own packages first, then this package and TensorFlow, as the libraries of the Databricks bundle are
# added to a cluster's; what pip replaces of the runtime's packages is printed.
set -eu
cd "$(dirname "$0")/.."

name=$1
case $name in
spark4) venv=.venv-spark4 pins=requirements/spark4.lock ;;
*) venv=.venv-runtimes/$name pins=requirements/runtimes/$name.txt ;;
esac
if [ ! -e "$pins" ]; then
    echo "error: there is no $pins; there are spark4 and the files in requirements/runtimes" >&2
    exit 2
fi

# pyenv's name on PATH does not run unless that version is chosen.
find_python() {
    for python in "python$1" "$(pyenv prefix "$1" 2>/dev/null)/bin/python$1"; do
        if [ "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)" = "$1" ]; then
            echo "$python"
            return
        fi
    done
    echo "error: $name needs Python $1, and there is no python$1; install it (pyenv install $1) and run it again" >&2
    exit 2
}

pip() {
    "$venv/bin/python" -m pip --no-input --disable-pip-version-check "$@" >>"$venv/install.log" 2>&1 || {
        echo "error: pip could not $* in $venv; its output: $venv/install.log" >&2
        exit 1
    }
}

install_lock() {
    pip install --require-hashes -r requirements/build.lock
    pip install --require-hashes --no-deps --no-build-isolation -r "$pins"
    pip install --no-deps --no-build-isolation --editable .
}

install_runtime() {
    pip install -r requirements/build.in
    pip install --no-build-isolation -r "$pins"
    install_package # the CPU cluster's libraries
    pip install --no-build-isolation ".[cpu]" -r requirements/spark4.in
    frozen=$("$venv/bin/python" -m pip freeze | tr A-Z_ a-z-)
    sed -n 's/\[.*\]//; /^[a-z].*==/p' "$pins" | while read -r pin; do
        now=$(echo "$frozen" | grep "^${pin%%==*}==") || true
        [ "$now" = "$pin" ] || echo "environment: pip has replaced ${pin%%==*} ${pin##*==} of $name by ${now##*==}"
    done
}

install_package() {
    rm -rf build # whose files would be in the wheel, deleted ones too
    pip install --no-build-isolation .
}

done=$venv/$(cat deploy/environment_spark.sh setup.py requirements/build.lock "$pins" | cksum | cut -d ' ' -f 1).done
if [ ! -e "$done" ]; then
    if [ "$name" = spark4 ]; then python=.venv/bin/python; else python=$(find_python "$(sed -n 's/^# python: //p' "$pins")"); fi
    echo "environment: making $venv (once, some 2 minutes, 3 GB)"
    rm -rf "$venv"
    "$python" -m venv "$venv"
    if [ "$name" = spark4 ]; then install_lock; else install_runtime; fi
    pip check
    touch "$done"
elif [ "$name" != spark4 ]; then
    install_package # as it is now
fi
