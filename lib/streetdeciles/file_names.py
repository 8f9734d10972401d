"""How Python and Java turn file names into bytes: under LC_ALL=C (Slurm, cron) Java knows ASCII only.

Python reads names as UTF-8 there, and Java replaces each other character by `?`, so the two would mean different files.
"""

from __future__ import annotations

import codecs
import locale
import os
import sys

UTF8_LOCALES = ("C.UTF-8", "C.utf8", "en_US.UTF-8")
ADVICE = "set LC_ALL=C.UTF-8 (or another UTF-8 locale of `locale -a`)"


def locale_encoding() -> str:
    """What programs that follow the locale read file names as; `utf-8`, `ascii`, …"""
    return _name_of(locale.nl_langinfo(locale.CODESET))


def python_encoding() -> str:
    return _name_of(sys.getfilesystemencoding())


def utf8_locale() -> str | None:
    """A UTF-8 locale that this machine has."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        for name in UTF8_LOCALES:
            try:
                locale.setlocale(locale.LC_CTYPE, name)
            except locale.Error:
                continue
            return name
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return None


def use_utf8_in_child_processes() -> str | None:
    """Give a JVM that is started after this, and its Python workers, file names in UTF-8 where Python has them so.

    Returns:
        The locale that was set; None where nothing had to be set, or nothing could be.
    """
    if python_encoding() != "utf-8" or locale_encoding() == "utf-8":
        return None
    utf8_name = utf8_locale()
    if utf8_name is not None:
        os.environ["LC_ALL"] = utf8_name
    return utf8_name


def means_another_file(path: str, encoding: str) -> bool:
    """Whether a program that reads file names as `encoding` opens another file than Python does, or none."""
    try:
        return path.encode(encoding) != os.fsencode(path)
    except (UnicodeEncodeError, LookupError):
        return not path.isascii()


def _name_of(encoding: str) -> str:
    try:
        return codecs.lookup(encoding).name
    except LookupError:
        return encoding.lower()
