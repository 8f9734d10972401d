"""What runs on the executors for `doctor --cluster`.

The functions travel there as a whole, with what is inside them, since this package may not be installed there.
"""

from __future__ import annotations

from collections.abc import Callable


def executor_probe(
    folder: str, modules: tuple[str, ...], slow_modules: tuple[str, ...], seconds: float
) -> Callable[[int], str]:
    """A function of any number, which returns JSON about its executor.

    `executor` is its name, `python` and `package` are versions, `missing` are modules, `gpu` is an address, and `file`
    is what it has written in the folder. `problem` says why it cannot import the package, or read or write there.

    Args:
        folder: shared with the driver, which has written the file `driver` there.
        modules: are imported.
        slow_modules: are only looked for.
        seconds: how long a call waits, so that other executors get the next tasks.
    """
    missing_modules, share_folder = _missing_modules(modules, slow_modules), _share_folder(folder)

    def probe(number: int) -> str:
        import json
        import os
        import platform
        import socket
        import time

        with open(f"/proc/{os.getppid()}/stat") as file:  # noqa: PTH123 - the daemon's, whose parent is the executor
            jvm = file.read().rsplit(")", 1)[1].split()[1]
        executor = f"{socket.gethostname()}:{jvm}"
        answer = {"executor": executor, "python": platform.python_version(), "package": "", "problem": "", "gpu": ""}
        answer["file"] = f"executor-{executor.replace(':', '-')}"
        try:
            from pyspark import TaskContext

            context = TaskContext.get()
            gpus = context.resources().get("gpu") if context is not None else None
            answer["gpu"] = ", ".join(gpus.addresses) if gpus else ""
            import streetdeciles

            answer["package"] = streetdeciles.__version__
            answer["problem"] = share_folder(answer["file"])
        except Exception as error:
            answer["problem"] = f"cannot import streetdeciles ({error}): ship it (deploy/README.md, Your executors)"
        missing = missing_modules()
        time.sleep(seconds)
        return json.dumps({**answer, "missing": missing})

    return probe


def _missing_modules(modules: tuple[str, ...], slow_modules: tuple[str, ...]) -> Callable[[], list[str]]:
    def missing_modules() -> list[str]:
        import importlib
        import importlib.util

        missing = [name for name in slow_modules if importlib.util.find_spec(name) is None]
        for name in modules:
            try:
                importlib.import_module(name)
            except Exception as error:
                is_absent = isinstance(error, ModuleNotFoundError) and error.name == name
                missing.append(name if is_absent else f"{name} that can be imported ({error})")
        return missing

    return missing_modules


def _share_folder(folder: str) -> Callable[[str], str]:
    def share_folder(name: str) -> str:
        """Read the driver's file and write one; returns what failed, empty if nothing did."""
        from streetdeciles import storage

        try:
            storage.read_text(storage.join(folder, "driver"))
        except Exception as error:
            return f"cannot read the driver's files in work_dir ({error})"
        try:
            storage.write_text(storage.join(folder, name), "from an executor")
        except Exception as error:
            return f"cannot write in work_dir ({error})"
        return ""

    return share_folder
