"""What readers of files raise for files that are truncated, damaged, or of another kind."""

from __future__ import annotations

import zipfile
import zlib

DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    ArithmeticError,
    AttributeError,
    EOFError,
    ImportError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""Raised by the readers of zip archives, HDF5, NumPy's files and pickles."""
