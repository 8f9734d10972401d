"""An S3 for the tests of this folder, with a bucket for each test."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import fsspec
import pytest
from s3_server import FaultyStore, faulty_store, moto_server


@pytest.fixture(scope="session")
def s3_url() -> Iterator[str]:
    pytest.importorskip("moto", reason="needs moto, which requirements/compare.txt names")
    with moto_server() as url:
        yield url


@pytest.fixture
def bucket(s3_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URI of an empty bucket, which fsspec reaches by the environment alone, as users set it up."""
    use_store(monkeypatch, s3_url)
    fs = fsspec.filesystem("s3")
    name = f"bucket-{uuid4().hex}"
    fs.mkdir(name)
    yield f"s3://{name}"
    fsspec.filesystem("s3").clear_instance_cache()


@pytest.fixture
def faulty(s3_url: str, bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultyStore]:
    """The store of `bucket`, from now on reached through a proxy that spoils answers."""
    with faulty_store(s3_url) as (store, url):
        use_store(monkeypatch, url)
        monkeypatch.setattr("s3fs.S3FileSystem.retries", 2)  # of five, each waiting longer than the one before
        yield store


def use_store(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    settings = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": url,
        "AWS_MAX_ATTEMPTS": "1",  # else a request that always fails takes minutes
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    fsspec.get_filesystem_class("s3").clear_instance_cache()
