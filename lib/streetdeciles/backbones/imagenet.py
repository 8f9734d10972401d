"""Keras' files of weights trained on ImageNet: in its cache, on its server, downloaded."""

from __future__ import annotations

import os
import re
import threading
import urllib.error
import urllib.request
from pathlib import Path

from streetdeciles.errors import RunRefused, reason

KERAS_FILES = "https://storage.googleapis.com/tensorflow/keras-applications"

TIMEOUT_S = 8.0
"""For the server's answer, name look-up included."""


def check_available(url: str) -> None:
    """RunRefused if the file is neither in Keras' cache nor on the server."""
    if not is_cached(url):
        check_reachable(url)


def download(url: str, md5: str) -> str:
    """Path of the file, downloaded once into Keras' own cache folder."""
    from keras.utils import get_file

    try:
        return str(get_file(url.rsplit("/", 1)[1], url, cache_subdir="models", file_hash=md5))
    except Exception as error:  # get_file wraps what urllib and the file system raise in bare exceptions
        raise cannot_download(url, error) from error


def is_cached(url: str) -> bool:
    """Whether Keras has the file in its cache; it would download a damaged one again."""
    home = os.environ.get("KERAS_HOME") or str(Path("~/.keras").expanduser())
    name = url.rsplit("/", 1)[1]
    # Keras uses the second if the first cannot be written.
    return any((Path(folder) / "models" / name).is_file() for folder in (home, "/tmp/.keras"))  # noqa: S108


def check_reachable(url: str, timeout_s: float = TIMEOUT_S) -> None:
    """RunRefused unless the server confirms within `timeout_s` that it has the file."""
    answers: list[Exception | None] = []

    def ask() -> None:
        request = urllib.request.Request(url, method="HEAD")  # noqa: S310 - Keras' own address
        try:
            with urllib.request.urlopen(request, timeout=timeout_s):  # noqa: S310
                answers.append(None)
        except urllib.error.HTTPError as error:
            answers.append(None if error.code in (405, 501) else error)  # it knows no HEAD, but answers
        except (OSError, ValueError) as error:
            answers.append(error)

    # Looking up a name has no timeout of its own, so the thread is abandoned if that takes too long.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(timeout_s)
    answer = answers[0] if answers else TimeoutError(f"no answer within {timeout_s:g} s")
    if answer is not None:
        raise cannot_download(url, answer)


def cannot_download(what: str, error: Exception) -> RunRefused:
    """The error for weights that cannot be downloaded, with the reason from the network or the file system."""
    url = re.search(r"https?://\S+?(?=[:,;]?(\s|$))", reason(error))
    if url and "://" not in what:
        what = f"{what}, {url[0]}"
    return RunRefused(
        f"features.weights: imagenet: cannot download {what} ({_root_cause(error):.200}); fetch "
        "that file on a machine with network and set features.weights to its path, or use random:<seed>"
    )


def _root_cause(error: BaseException) -> str:
    """The text of the network's or the file system's error: Keras wraps it in others that repeat the URL."""
    root = error
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError):
            root = cause
        cause = cause.__cause__ or cause.__context__
    return reason(root)
