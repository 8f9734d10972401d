"""One run at a time in a work_dir: a lock file that names its owner, and that a dead owner does not hold.

Runs of one machine see whether the owner's process is alive. On another machine, or since it has started again, they
watch the lock: its owner renews it every BEAT_S seconds, so one that has not been renewed for SILENT_S seconds is free.
Nothing depends on clocks that agree. A run that finds that its lock was taken over, e.g. because its machine was
asleep, ends.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from threading import Event, Thread
from uuid import uuid4

from pydantic import TypeAdapter, ValidationError

from streetdeciles.errors import RunRefused
from streetdeciles.lock_file import LockFile
from streetdeciles.process_identity import ProcessIdentity, this_process
from streetdeciles.shown import shown
from streetdeciles.stopping import at_the_end, end_run
from streetdeciles.work_dir import sweep

BEAT_S = 20.0
SILENT_S = 180.0
"""Long enough for a run whose machine is busy, or whose store fails for a moment."""

LOOK_S = 0.5
END_S = 20.0
"""How long a run that is asked to end may take."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Owner:
    """The content of the lock file."""

    process: ProcessIdentity
    token: str
    """Another one each time that the lock is taken."""
    since: float
    """Seconds since 1970, for people; nothing depends on it."""
    beats: int | None
    """How often an object was renewed; None in locks of earlier releases, which are not renewed."""

    def __str__(self) -> str:
        minutes = max(0.0, time.time() - self.since) / 60
        return f"process {self.process.pid} on {self.process.host} since {minutes:.0f} min"

    def to_json(self) -> bytes:
        values = {"token": self.token, "since": self.since, "beats": self.beats}
        return json.dumps({**asdict(self.process), **values}, indent=1).encode()


@dataclass(frozen=True)
class _Hold:
    token: str
    since: float
    beats: int | None = None


@contextmanager
def locked(work_dir: str, *, take_over: bool = False) -> Iterator[None]:
    """Hold `<work_dir>/run.lock`; RunRefused if a live run holds it, named by host, process and age.

    What runs before this one have not finished is removed (`work_dir.sweep`).

    Args:
        take_over: end the run that holds it, and go on in its place.
    """
    lock = LockFile(work_dir)
    owner = Owner(this_process(), uuid4().hex, time.time(), beats=0)
    ends_in_s = _take(lock, owner, take_over=take_over)
    try:
        with at_the_end(lambda: _give_back(lock, owner)), _renewed(lock, owner):
            time.sleep(ends_in_s)
            sweep(work_dir)
            yield
    finally:
        _give_back(lock, owner)


def lock_owner(work_dir: str) -> str | None:
    """Process, host and age of the run that is at work in the work_dir, as far as this machine can see."""
    lock = LockFile(work_dir)
    content = lock.read()
    if content is None:
        return None
    owner = _parse(content)
    if owner is None:
        return f"an unknown run ({lock.uri} is empty or damaged)" if lock.may_be_half_written() else None
    return str(owner) if owner.process.may_be_alive() else None


def _take(lock: LockFile, owner: Owner, *, take_over: bool) -> float:
    """Hold the lock; returns in how many seconds the run that was taken over has seen that, and has ended."""
    lock.prepare()
    content = owner.to_json()
    with lock.alone_on_this_machine():
        if lock.create(content):
            return 0.0
        before = lock.state()
        other = lock_owner(lock.work_dir)
    if other and take_over:
        _end_visible(lock, before[0], other)
    elif other and not _falls_silent(lock, other, before):
        raise RunRefused(
            f"work_dir {lock.work_dir} is in use by {other}; wait for it, or end that run and go on in its place "
            "with --take-over"
        )
    with lock.alone_on_this_machine():
        left = lock.read()
        if other:
            logger.warning("%s: took over from %s", lock.work_dir, other)
        elif left is not None and _parse(left) is None:
            logger.warning("%s is empty or damaged, so no run holds it; replaced it", lock.uri)
        may_replace = left == before[0] or (take_over and _is_same_hold(left, before[0]))
        taken = lock.replace(left, content) if left is not None and may_replace else lock.create(content)
        if not taken:
            raise RunRefused(f"work_dir {lock.work_dir} was just taken by {lock_owner(lock.work_dir) or 'another run'}")
    return BEAT_S + END_S if other and take_over and _may_live(before[0]) else 0.0


def _is_same_hold(one: bytes | None, other: bytes | None) -> bool:
    """Whether a lock is still the same run's, perhaps renewed: yet another run may be taking over as well."""
    owner, before = _parse(one), _parse(other)
    return owner is not None and before is not None and owner.token == before.token


def _may_live(content: bytes | None) -> bool:
    owner = _parse(content)
    return owner is not None and owner.process.may_be_alive()


def _end_visible(lock: LockFile, content: bytes | None, other: str) -> None:
    """End the owner's process, if this machine sees it."""
    owner = _parse(content)
    if owner is None or not owner.process.is_visible():
        return
    try:
        if owner.process.end(END_S):
            return
        why = f"it has not ended {END_S:.0f} s after SIGTERM"
    except PermissionError:
        why = "it is another user's"
    raise RunRefused(f"work_dir {lock.work_dir} is in use by {other}, which cannot be taken over: {why}")


def _falls_silent(lock: LockFile, other: str, before: tuple[bytes | None, object]) -> bool:
    """Whether the owner, whose process this machine cannot see, does not renew its lock."""
    owner = _parse(before[0])
    if owner is None or owner.beats is None or owner.process.is_visible():
        return False
    logger.info("%s is in use by %s; watching for %.0f s whether that run lives", lock.work_dir, shown(other), SILENT_S)
    until = time.monotonic() + SILENT_S
    while time.monotonic() < until:
        if lock.state() != before:
            return False
        time.sleep(LOOK_S)
    return True


@contextmanager
def _renewed(lock: LockFile, owner: Owner) -> Iterator[None]:
    ended = Event()
    beating = Thread(target=_renew, args=(lock, owner, ended), name="lock", daemon=True)
    beating.start()
    try:
        yield
    finally:
        ended.set()
        beating.join(BEAT_S)


def _renew(lock: LockFile, owner: Owner, ended: Event) -> None:
    beats, renewed = 0, time.monotonic()
    while not ended.wait(BEAT_S):
        beats += 1
        try:
            with lock.alone_on_this_machine():
                content = lock.read()
                holder = _parse(content)
                if content is not None and holder is not None and holder.token == owner.token:
                    lock.renew(content, replace(owner, beats=beats).to_json())
        except Exception as error:  # a store that fails for a moment
            logger.debug("%s could not be renewed: %s", lock.uri, error)
            if time.monotonic() - renewed > SILENT_S - 2 * BEAT_S:
                logger.error("%s could not be renewed in time, so others may take it; this run ends", lock.uri)
                end_run()
                return
            continue
        renewed = time.monotonic()
        if holder is not None and holder.token != owner.token:
            logger.error("%s was taken over by %s; this run ends", lock.work_dir, holder)
            end_run()
            return


def _give_back(lock: LockFile, owner: Owner) -> None:
    with lock.alone_on_this_machine():
        content = lock.read()
        holder = _parse(content)
        if content is not None and holder is not None and holder.token == owner.token:
            lock.remove(content)
        else:
            logger.warning(
                "%s is no longer the lock of this run (%s), so it is not removed",
                lock.uri,
                holder or "missing or damaged",
            )


def _parse(content: bytes | None) -> Owner | None:
    """None where there is no lock, or one that cannot be read."""
    if content is None:
        return None
    try:
        hold = _HOLD.validate_json(content)
        return Owner(_PROCESS.validate_json(content), hold.token, hold.since, hold.beats)
    except ValidationError:
        return None


_PROCESS: TypeAdapter[ProcessIdentity] = TypeAdapter(ProcessIdentity)
_HOLD: TypeAdapter[_Hold] = TypeAdapter(_Hold)
