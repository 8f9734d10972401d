"""deploy/environment.sh under the conditions in which it is first met: the wrong Python, no network, a full disk.

The script is the real one; what it installs is a small project of its own, so that no test needs the network.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
NOWHERE = "http://127.0.0.1:9"

BACKEND = """
import zipfile
NAME = "tiny-1.0-py3-none-any.whl"
def build_editable(folder, config_settings=None, metadata_directory=None):
    with zipfile.ZipFile(f"{folder}/{NAME}", "w") as wheel:
        wheel.writestr("tiny.py", "")
        wheel.writestr("tiny-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n")
        wheel.writestr("tiny-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\n")
        wheel.writestr("tiny-1.0.dist-info/RECORD", "")
    return NAME
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the real script, empty locks and a package that builds without any other."""
    folder = tmp_path / "a folder with spaces"
    (folder / "requirements").mkdir(parents=True)
    (folder / "deploy").mkdir()
    for name in ("environment.sh", "environment.py"):
        shutil.copy(REPOSITORY / "deploy" / name, folder / "deploy" / name)
    for name in ("build", "cpu", "dev"):
        (folder / "requirements" / f"{name}.lock").write_text("# nothing\n")
    (folder / "setup.py").write_text("# never run\n")
    (folder / "backend.py").write_text(BACKEND)
    (folder / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    return folder


def environment(tmp_path: Path, **changes: str) -> dict[str, str]:
    """No settings of this machine's pip, an empty HOME, an index that no one answers for."""
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "PYTHON"))}
    return {
        **kept,
        "HOME": str(home),
        "PYTHON": sys.executable,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": NOWHERE,
        "PIP_RETRIES": "1",
        **changes,
    }


def make(project: Path, env: dict[str, str], environment_name: str = "cpu") -> subprocess.CompletedProcess[str]:
    command = ["sh", str(project / "deploy" / "environment.sh"), environment_name]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


def only_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of an error; what was printed before on the way is not counted."""
    assert done.returncode == 2, done.stdout + done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("error: ")
    return line


@functools.cache
def pythons_of_other_versions() -> list[str]:
    """One interpreter for each other version that this machine has and that runs."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if "shims" not in folder]
    folders += sorted(Path.home().glob(".pyenv/versions/*/bin"))
    path_of: dict[str, str] = {}
    for path in (path for folder in folders for path in sorted(folder.glob("python[23]*"))):
        if re.fullmatch(r"python\d(\.\d+)?", path.name):
            completed = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
            version = re.match(r"Python (\d+\.\d+)", completed.stdout + completed.stderr)
            if completed.returncode == 0 and version and version[1] != "3.11":
                path_of.setdefault(version[1], str(path))
    return list(path_of.values())


def test_wrong_python_is_told_in_one_line(project: Path, tmp_path: Path) -> None:
    others = pythons_of_other_versions()
    if not others:
        pytest.skip("no Python of another version is on this machine")
    for other in others:
        line = only_line(make(project, environment(tmp_path, PYTHON=other)))
        assert "Python 3.11 is needed" in line
        assert other in line
        assert "make PYTHON=" in line


def test_program_that_is_not_python_is_refused_in_one_line(project: Path, tmp_path: Path) -> None:
    line = only_line(make(project, environment(tmp_path, PYTHON="/no/such/python")))
    assert "/no/such/python is not a Python that runs" in line


def test_environment_script_run_by_a_wrong_python_says_so(project: Path, tmp_path: Path) -> None:
    others = [path for path in pythons_of_other_versions() if not path.endswith(("python2", "python2.7"))]
    newer = [path for path in others if re.search(r"3\.(8|9|1\d)", path)]
    if not newer:
        pytest.skip("no Python 3 of another version is on this machine")
    done = subprocess.run(
        [newer[0], project / "deploy" / "environment.py", "cpu"],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Python 3.11 is needed, this is 3." in only_line(done)


def test_python311_is_found_where_python3_is_another(project: Path, tmp_path: Path) -> None:
    others = pythons_of_other_versions()
    if not others:
        pytest.skip("no Python of another version is on this machine")
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "python3").symlink_to(others[0])
    (programs / "python3.11").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (programs / "python3.11").chmod(0o755)
    (project / "deploy" / "environment.py").write_text("import sys; print(sys.version_info[:2])")
    env = environment(tmp_path, PYTHON="", PATH=f"{programs}{os.pathsep}{os.environ['PATH']}")
    assert make(project, env).stdout == "(3, 11)\n"


def test_python_without_venv_is_refused_with_what_to_install(project: Path, tmp_path: Path) -> None:
    """As on Debian without python3.11-venv: the interpreter is there, `ensurepip` is not."""
    hidden = tmp_path / "python-without-ensurepip"
    start = "import importlib.util as u, runpy, sys; find = u.find_spec; "
    start += "u.find_spec = lambda name, *a: None if name == 'ensurepip' else find(name, *a); "
    start += "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    real = f'exec "{sys.executable}"'
    hidden.write_text(f'#!/bin/sh\n[ "$1" = -c ] && {real} "$@"\n{real} -c "{start}" "$@"\n')
    hidden.chmod(0o755)
    line = only_line(make(project, environment(tmp_path, PYTHON=str(hidden))))
    assert "has no ensurepip" in line
    assert "apt-get install python3.11-venv" in line


def test_no_network_is_told_in_one_line(project: Path, tmp_path: Path) -> None:
    (project / "requirements" / "cpu.lock").write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    line = only_line(make(project, environment(tmp_path)))
    assert "pip cannot reach its package index" in line
    assert "HTTPS_PROXY" in line
    log = line.rsplit("pip's output: ", maxsplit=1)[1]
    assert "Connection refused" in Path(log).read_text()


def test_full_disk_is_told_before_anything_is_made(project: Path, tmp_path: Path) -> None:
    """On a real file system of 20 MB, mounted where no other process sees it."""
    small = tmp_path / "small disk"
    small.mkdir()
    script = 'mount -t tmpfs -o size=20m none "$1" && cp -r "$2/." "$1" && exec sh "$1/deploy/environment.sh" cpu'
    apart = ["unshare", "--mount", "--map-root-user"]
    if shutil.which("unshare") is None or subprocess.run([*apart, "true"], check=False).returncode:
        pytest.skip("this machine lets no one mount a small disk (unshare --mount)")
    done = subprocess.run(
        [*apart, "sh", "-c", script, "sh", small, project],
        env=environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    line = only_line(done)
    assert f"{small} has 0.0 GB free and the environment needs" in line
    assert "free some space" in line
    assert done.stdout == ""


def test_environment_is_built_once_and_again_if_its_inputs_change(project: Path, tmp_path: Path) -> None:
    env = environment(tmp_path)
    first = make(project, env, "dev")
    assert first.returncode == 0, first.stderr
    for environment_name in ("dev", "cpu"):  # dev holds all of cpu
        again = make(project, env, environment_name)
        assert (again.returncode, again.stdout, again.stderr) == (0, "", "")

    # Another lock, and no network for it: what is there stays as it is.
    (project / "requirements" / "dev.lock").write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    assert "package index" in only_line(make(project, env, "dev"))
    (project / "requirements" / "dev.lock").write_text("# nothing\n")
    assert make(project, env, "dev").stdout == ""

    # In another place: its programs name the old one.
    moved = project.rename(tmp_path / "moved")
    assert "making .venv" in make(moved, env, "cpu").stdout
    program = (moved / ".venv" / "bin" / "pip").read_text()
    assert str(moved) in program
    assert "a folder with spaces" not in program


def test_killed_environment_is_repaired(project: Path, tmp_path: Path) -> None:
    env = environment(tmp_path)
    command = ["sh", str(project / "deploy" / "environment.sh"), "cpu"]
    first = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    while not (project / ".venv" / "unfinished").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    halves = project / ".venv" / "lib" / "python3.11" / "site-packages" / "half_a_package.py"
    halves.write_text("import what_was_not_copied\n")

    again = make(project, env)
    assert again.returncode == 0, again.stderr
    assert not halves.exists()
    assert not (project / ".venv" / "unfinished").exists()
    installed = project / ".venv" / "bin" / "python"
    assert subprocess.run([installed, "-c", "import tiny"], check=False).returncode == 0


@pytest.mark.parametrize(
    ("printed", "message"),
    [
        (
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
            "the disk is full; free 5.0 GB and run it again",
        ),
        (
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package",
            "a package that pip downloaded is not the one in the lock file; check the mirror",
        ),
        (
            "Collecting six\nERROR: six has an invalid wheel, .dist-info directory not found\n",
            "pip failed: six has an invalid wheel, .dist-info directory not found",
        ),
    ],
)
def test_words_of_pip_become_one_line(printed: str, message: str) -> None:
    place = importlib.util.spec_from_file_location("environment", REPOSITORY / "deploy" / "environment.py")
    assert place is not None
    assert place.loader is not None
    environment_script = importlib.util.module_from_spec(place)
    place.loader.exec_module(environment_script)
    assert environment_script.explain(printed).startswith(message)
