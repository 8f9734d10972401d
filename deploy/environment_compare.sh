#!/bin/sh
# Makes .venv-compare: what requirements/compare.txt names, and everything of .venv. Called by make, after .venv is made.
set -eu
cd "$(dirname "$0")/.."

venv=.venv-compare
done=$venv/$(cat requirements/compare.txt requirements/dev.lock | cksum | cut -d ' ' -f 1).done
[ -e "$done" ] && exit 0

echo "environment: making $venv with compare.txt (once, about 2 minutes)"
rm -rf "$venv"
.venv/bin/python -m venv "$venv"
packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "import site; site.addsitedir('$packages')" >"$venv/lib/python3.11/site-packages/venv.pth"
"$venv/bin/python" -m pip --quiet --disable-pip-version-check install -r requirements/compare.txt || {
    echo "error: pip could not install requirements/compare.txt into $venv; its words are above" >&2
    exit 1
}
touch "$done"
