"""`run --open`: the report in a browser, where there is one."""

from __future__ import annotations

import os
import sys
import webbrowser
from pathlib import Path

from streetdeciles import storage
from streetdeciles.config import RunConfig
from streetdeciles.terminal import say


def open_report(config: RunConfig) -> None:
    """Open `report.html` in a new tab; say so where it cannot be opened from here."""
    uri = storage.join(config.work_dir, "report.html")
    if not storage.exists(uri):
        say("--open: this run has no report, because its split predicts nothing")
    elif not storage.is_local(uri):
        say(f"--open: the report is not on this machine; copy {uri} and open the copy")
    elif not (_has_screen() and webbrowser.open_new_tab(Path(storage.local_path(uri)).absolute().as_uri())):
        say(f"--open: no browser on this machine; copy {uri} to one that has")


def _has_screen() -> bool:
    """Without a screen `webbrowser` would start a browser for terminals, which waits for keys; BROWSER is a choice."""
    if os.environ.get("BROWSER"):
        return True
    return sys.platform != "linux" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
