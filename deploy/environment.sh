#!/bin/sh
# Finds a Python 3.11 and makes the project's environment, .venv, with it:
#   sh deploy/environment.sh cpu|dev
# Set PYTHON to one that is elsewhere. Plain sh, so that a missing or wrong Python gives one line and not a trace.

here=$(dirname "$0")

version_of() {
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null
}

try() {
    [ "$(version_of "$1")" = 3.11 ] && exec "$@"
}

what_to_do='install it (Debian, Ubuntu: apt-get install python3.11-venv), or name one: make PYTHON=/path/to/python3.11'

if [ -n "$PYTHON" ]; then
    try "$PYTHON" "$here/environment.py" "$@"
    found=$(version_of "$PYTHON")
    echo "error: Python 3.11 is needed, $PYTHON is ${found:-not a Python that runs}; $what_to_do" >&2
    exit 2
fi

# A name on PATH may be a shim without this version, so the usual places are tried as well.
for python in python3.11 python3 python /usr/bin/python3.11 /usr/local/bin/python3.11 /opt/homebrew/bin/python3.11; do
    try "$python" "$here/environment.py" "$@"
done
found=$(version_of python3)
echo "error: Python 3.11 is needed, but ${found:+python3 is $found and }there is no python3.11; $what_to_do" >&2
exit 2
