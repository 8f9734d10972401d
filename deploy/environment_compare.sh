#!/bin/sh
# Makes .venv-compare: the packages in requirements/compare.txt, and everything in .venv. Called by make after .venv is made.
set -eu
cd "$(dirname "$0")/.."

venv=.venv-compare
done=$venv/$(cat deploy/environment_compare.sh requirements/compare.txt requirements/dev.lock | cksum | cut -d ' ' -f 1).done
[ -e "$done" ] && exit 0

echo "environment: making $venv with compare.txt (once, about 2 minutes)"
rm -rf "$venv"
.venv/bin/python -m venv "$venv"
packages=$(.venv/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo "import site; site.addsitedir('$packages')" >"$venv/lib/python3.11/site-packages/venv.pth"
install() {
    "$venv/bin/python" -m pip --disable-pip-version-check install "$@" >>"$venv/install.log" 2>&1 || {
        echo "error: pip could not install $* into $venv; its output: $venv/install.log" >&2
        exit 1
    }
}
install -r requirements/compare.txt
# KerasHub requires TensorFlow's package with CUDA, which its image backbones do not need beside tensorflow-cpu.
install --no-deps keras-hub==0.32.0
touch "$done"
