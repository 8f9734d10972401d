"""What a failure looks like to the user: one line and an exit code."""

from __future__ import annotations

from streetdeciles.errors import RunFailed, RunRefused, one_line_error


def test_error_of_ours_is_told_as_it_is() -> None:
    error = RunRefused("conf.yaml: wrong")

    assert one_line_error(error) is error


def test_error_of_a_worker_is_taken_out_of_the_jvm_trace() -> None:
    trace = (
        "An exception was thrown from the Python worker. Please see the stack trace below.\n"
        "Traceback (most recent call last):\n"
        '  File "extraction.py", line 7, in extract\n'
        "streetdeciles.errors.RunRefused: features.device: gpu, but there is none\n"
        "\tat org.apache.spark.api.python.BasePythonRunner.handlePythonException(PythonRunner.scala:572)\n"
    )

    failure = one_line_error(RuntimeError(trace))

    assert type(failure) is RunRefused
    assert str(failure) == "features.device: gpu, but there is none"
    assert failure.exit_code == 2


def test_foreign_error_is_told_by_its_last_cause() -> None:
    failure = one_line_error(
        RuntimeError("Job aborted.\n\tat org.apache\nCaused by: java.io.IOException: No space left on device\n\tat x")
    )

    assert type(failure) is RunFailed
    assert str(failure) == "RuntimeError: java.io.IOException: No space left on device"
    assert failure.exit_code == 1


def test_error_of_py4j_has_the_message_of_the_jvm() -> None:
    text = (
        "An error occurred while calling o57.parquet.\n: org.apache.spark.SparkException: Job aborted.\n\tat org.apache"
    )

    assert str(one_line_error(RuntimeError(text))) == "RuntimeError: org.apache.spark.SparkException: Job aborted."


def test_error_without_text_is_told_by_its_name() -> None:
    assert str(one_line_error(MemoryError())) == "MemoryError: MemoryError"
