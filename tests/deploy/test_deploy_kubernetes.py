"""The images and the manifest for Kubernetes, as far as they can be checked without a cluster."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from streetdeciles.cli import _parser

REPOSITORY = Path(__file__).parents[2]
FOLDER = REPOSITORY / "deploy" / "kubernetes"

KEYS: dict[str, Any] = {
    "": {"apiVersion", "kind", "metadata", "spec"},
    "spec": {
        *(
            "type",
            "pythonVersion",
            "mode",
            "sparkVersion",
            "image",
            "imagePullPolicy",
            "mainApplicationFile",
            "arguments",
        ),
        *("restartPolicy", "dynamicAllocation", "sparkConf", "volumes", "driver", "executor"),
    },
    "spec.restartPolicy": {
        *("type", "onFailureRetries", "onFailureRetryInterval"),
        *("onSubmissionFailureRetries", "onSubmissionFailureRetryInterval"),
    },
    "spec.dynamicAllocation": {"enabled", "initialExecutors", "minExecutors", "maxExecutors"},
    "spec.driver": {
        *("cores", "memory", "memoryOverhead", "annotations", "serviceAccount"),
        *("podSecurityContext", "securityContext", "volumeMounts"),
    },
    "spec.executor": {
        *("cores", "coreRequest", "memory", "memoryOverhead", "deleteOnTermination", "gpu"),
        *("podSecurityContext", "securityContext", "volumeMounts"),
    },
    "spec.executor.gpu": {"name", "quantity"},
}
"""Of the operator's v1beta2, those that the manifest may use."""


def instructions(path: Path) -> list[tuple[str, str]]:
    text = re.sub(r"\\\n", " ", path.read_text())
    return [(word, rest) for word, rest in re.findall(r"^([A-Z]+) (.+)$", text, re.MULTILINE)]


def copied_files(name: str) -> list[str]:
    """What the Dockerfile copies from the repository."""
    copies = [shlex.split(rest)[:-1] for word, rest in instructions(FOLDER / name) if word == "COPY"]
    return [source for sources in copies if not sources[0].startswith("--") for source in sources]


def test_builder_is_sent_what_the_images_copy_and_no_more() -> None:
    lines = (REPOSITORY / ".dockerignore").read_text().splitlines()
    assert lines[1] == "*"
    sent = {line.removeprefix("!") for line in lines if line.startswith("!")}
    assert sent == {*copied_files("Dockerfile.cpu"), *copied_files("Dockerfile.gpu")}


@pytest.mark.parametrize("name", ["Dockerfile.cpu", "Dockerfile.gpu"])
def test_image_has_pinned_bases_files_that_exist_and_no_root(name: str) -> None:
    lines = instructions(FOLDER / name)
    bases = [rest.split()[0] for word, rest in lines if word == "FROM"]
    assert len(bases) == 2
    assert all(re.search(r":\d", base) for base in bases)
    assert all((REPOSITORY / source).exists() for source in copied_files(name))
    assert [rest for word, rest in lines if word == "USER"] == ["185"]
    assert [word for word, _ in lines][-2:] == ["USER", "ENTRYPOINT"]


def test_manifest_has_known_keys_and_runs_a_job_of_ours() -> None:
    manifest = yaml.safe_load((FOLDER / "spark-application.yaml").read_text())
    assert (manifest["apiVersion"], manifest["kind"]) == ("sparkoperator.k8s.io/v1beta2", "SparkApplication")
    for where, keys in KEYS.items():
        part = manifest
        for key in filter(None, where.split(".")):
            part = part[key]
        assert {*part} <= keys, where
    spec = manifest["spec"]
    job = Path(spec["mainApplicationFile"].removeprefix("local:///opt/streetdeciles/"))
    assert (REPOSITORY / job).is_file()
    assert _parser().parse_args([job.stem, *spec["arguments"]]).only == "features"
    mounts = {mount["name"] for part in ("driver", "executor") for mount in spec[part]["volumeMounts"]}
    assert mounts == {volume["name"] for volume in spec["volumes"]}
    assert all(isinstance(value, str) for value in spec["sparkConf"].values())
    assert spec["sparkConf"]["spark.task.cpus"] == str(spec["executor"]["cores"])
    assert float(spec["executor"]["coreRequest"]) < spec["executor"]["cores"]
    for part in ("driver", "executor"):
        assert spec[part]["securityContext"]["runAsNonRoot"]
        assert spec[part]["podSecurityContext"]["fsGroup"] == spec[part]["securityContext"]["runAsUser"]
    lock = (REPOSITORY / "requirements" / "cpu.lock").read_text()
    assert re.findall(r"^pyspark==(\S+)", lock, re.MULTILINE) == [spec["sparkVersion"]]


def test_pages_name_files_that_exist() -> None:
    for page in (REPOSITORY / "deploy").rglob("*.md"):
        text = page.read_text()
        for link in re.findall(r"\]\(([^)#]+)\)", text):
            assert link.startswith("http") or (page.parent / link).exists(), (page, link)
        for path in re.findall(r"(?<![\w/])(?:conf/spark|jobs|deploy)/[\w./-]+\.(?:conf|py|sh)", text):
            assert (REPOSITORY / path).exists(), (page, path)
