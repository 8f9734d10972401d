"""Makes the project's environment, .venv, from the pins in requirements/<set>.lock: `sh deploy/environment.sh cpu|dev`.

`cpu` is what a run needs; `dev` adds what the tests and checks need. This uses the standard library only, since nothing
is installed yet. A file in .venv records what a finished environment was made from, so that a second call returns at
once, and a call after a kill begins again. Every failure is one line that says what to do; pip's own output is in
.venv/install.log.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
UNFINISHED = VENV / "unfinished"
LOG = VENV / "install.log"

SETS = ("cpu", "dev")
VENV_GB = 3.0
TEMPORARY_GB = 2.0
"""The final size of the environment, and of what pip downloads and builds (measured, rounded up)."""

NO_NETWORK = (
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "SSLError",
    "Connection refused",
    "Connection reset",
    "Connection broken",
    "Network is unreachable",
    "Temporary failure in name resolution",
)


class Refused(Exception):
    """The environment cannot be made; the text is one line for the user."""


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in SETS:
        print(f"error: expected one of {', '.join(SETS)}", file=sys.stderr)
        return 2
    try:
        make_environment(arguments[0])
    except Refused as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("stopped; the same command starts again from the beginning", file=sys.stderr)
        return 130
    return 0


def make_environment(name: str) -> None:
    """Install the set in .venv, unless it is there already; `dev` includes `cpu`."""
    if is_done(name):
        return
    check_python()
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        lock(folder)
        if is_done(name):
            return
        check_disk()
        print(f"environment: making .venv with {name}.lock (once, about 2 minutes)", flush=True)
        make_venv()
        UNFINISHED.touch()
        LOG.write_text("", encoding="utf-8")
        pip("install", "--require-hashes", "-r", "requirements/build.lock")
        locked = ("--require-hashes", "--no-deps", "--no-build-isolation", "-r", f"requirements/{name}.lock")
        pip("install", *locked, total=packages_in(name))
        pip("install", "--no-deps", "--no-build-isolation", "--editable", ".")
        pip("check")
        mark(name).write_text(fingerprint(name), encoding="utf-8")
        UNFINISHED.unlink()
    except OSError as error:
        raise Refused(f"cannot make {VENV}: {error.strerror or error}; fix that and run it again") from error
    finally:
        os.close(folder)


def is_done(name: str) -> bool:
    if UNFINISHED.exists() or not PYTHON.exists():
        return False
    return any(
        mark(done).exists() and mark(done).read_text(encoding="utf-8") == fingerprint(done)
        for done in SETS[SETS.index(name) :]
    )


def mark(name: str) -> Path:
    """The file that exists once the set is complete. It includes the folder, as a moved environment does not work."""
    return VENV / f"{name}.done"


def fingerprint(name: str) -> str:
    content = hashlib.sha256()
    for path in (ROOT / "setup.py", ROOT / "requirements" / "build.lock", ROOT / "requirements" / f"{name}.lock"):
        content.update(path.read_bytes())
    return f"{content.hexdigest()} {VENV}"


def packages_in(name: str) -> int:
    text = (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    return len(re.findall(r"^[A-Za-z0-9].*==", text, flags=re.MULTILINE))


def check_python() -> None:
    if sys.version_info[:2] != (3, 11):
        found = ".".join(str(part) for part in sys.version_info[:3])
        raise Refused(f"Python 3.11 is needed, this is {found}; run `sh deploy/environment.sh`, which looks for one")
    for module in ("venv", "ensurepip"):
        if importlib.util.find_spec(module) is None:
            raise Refused(
                f"{sys.executable} has no {module}; install it (Debian, Ubuntu: apt-get install python3.11-venv)"
            )


def check_disk() -> None:
    temporary = Path(tempfile.gettempdir())
    in_one_place = os.stat(temporary).st_dev == os.stat(ROOT).st_dev
    needed = {ROOT: VENV_GB + TEMPORARY_GB} if in_one_place else {ROOT: VENV_GB, temporary: TEMPORARY_GB}
    for folder, gigabytes in needed.items():
        free = shutil.disk_usage(folder).free / 1e9
        if free < gigabytes:
            raise Refused(
                f"{folder} has {free:.1f} GB free and the environment needs {gigabytes:.1f} GB; "
                f"free some space{'' if folder == ROOT else ', or set TMPDIR to a folder elsewhere'}, and run it again"
            )


def lock(folder: int) -> None:
    """Wait until no other process is making this environment."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("environment: waiting for another command that is making .venv", flush=True)
        fcntl.flock(folder, fcntl.LOCK_EX)


def make_venv() -> None:
    """Make a new .venv, unless there is a complete one: a kill may have left half-installed packages."""
    marks = [mark(done).read_text(encoding="utf-8") for done in SETS if mark(done).exists()]
    if PYTHON.exists() and not UNFINISHED.exists() and any(text.endswith(f" {VENV}") for text in marks):
        return
    if VENV.is_symlink() or VENV.is_file():
        VENV.unlink()
    shutil.rmtree(VENV, ignore_errors=True)
    result = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True, check=False)
    if result.returncode:
        output = " ".join((result.stdout + result.stderr).split())
        raise Refused(f"cannot make {VENV} ({output[:300]}); Debian, Ubuntu: apt-get install python3.11-venv")


def pip(*arguments: str, total: int = 0) -> None:
    """Run the environment's pip with its output in the log; the terminal counts the `total` packages."""
    command = [str(PYTHON), "-m", "pip", "--no-input", "--disable-pip-version-check", *arguments]
    output: list[str] = []
    seen = 0
    with (
        LOG.open("a", encoding="utf-8") as log,
        subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as process,
    ):
        assert process.stdout is not None
        for line in process.stdout:
            log.write(line)
            output.append(line)
            seen += line.startswith("Collecting ")
            if total:
                show(line, seen, total)
    if process.returncode:
        raise Refused(explain("".join(output)))


def show(line: str, seen: int, total: int) -> None:
    on_terminal = sys.stdout.isatty()
    if line.startswith("Collecting ") and on_terminal:
        package = line.split()[1]
        print(f"\r\033[Kenvironment: {seen} of {total} packages, {package}", end="", flush=True)
    if line.startswith("Installing collected packages"):
        start = "\r\033[K" if on_terminal else ""
        print(f"{start}environment: installing {total} packages", flush=True)


def explain(output: str) -> str:
    """pip's failure in one line."""
    if "No space left on device" in output or "Errno 28" in output:
        return f"the disk is full; free {VENV_GB + TEMPORARY_GB:.1f} GB and run it again"
    if any(sign in output for sign in NO_NETWORK):
        # pip downloads everything before it installs anything, so an earlier environment is still complete.
        UNFINISHED.unlink(missing_ok=True)
        return (
            "pip cannot reach its package index; check the network (behind a proxy set HTTPS_PROXY, with a mirror "
            f"PIP_INDEX_URL) and run it again; pip's output: {LOG}"
        )
    if "DO NOT MATCH THE HASHES" in output:
        return f"a package that pip downloaded is not the one in the lock file; check the mirror; pip's output: {LOG}"
    errors = re.findall(r"^(?:ERROR|error): (.+)$", output, flags=re.MULTILINE)
    last = (errors or output.split("\n")[-2:])[-1].strip()
    return f"pip failed: {last[:300]}; pip's output: {LOG}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
