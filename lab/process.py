"""Run programs of the machine, and say clearly when one fails or takes long."""

import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

HEARTBEAT_S = 5.0


class LabError(Exception):
    """Something the lab needs is missing or failed; the message says what, for a person."""


def say(text: str) -> None:
    """Print one line of progress at once, also into a pipe."""
    print(text, flush=True)


def run(
    *argv: str | Path,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    timeout_s: float | None = 120,
) -> str:
    """Run a short command and return its output; LabError with its last words when it fails."""
    words = [str(word) for word in argv]
    try:
        done = subprocess.run(
            words,
            check=False,
            input=stdin,
            env=env,
            timeout=timeout_s,
            capture_output=True,
            text=True,
        )
    except FileNotFoundError as error:
        raise LabError(f"{words[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{' '.join(words)}: no end after {timeout_s} s") from error
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()
        raise LabError(f"{' '.join(words)}: exit status {done.returncode}: {said}")
    return done.stdout


def succeeds(*argv: str | Path, timeout_s: float = 30) -> bool:
    """Whether a command exits with 0 within its time; its output is of no interest."""
    try:
        run(*argv, timeout_s=timeout_s)
    except LabError:
        return False
    return True


def run_long(label: str, argv: Sequence[str | Path], log: Path) -> None:
    """Run a command that takes long, its output in `log`, and report on it every few seconds."""
    log.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with log.open("wb") as output:
        child = subprocess.Popen(
            [str(word) for word in argv],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            while True:
                try:
                    status = child.wait(timeout=HEARTBEAT_S)
                    break
                except subprocess.TimeoutExpired:
                    elapsed_s = time.monotonic() - started
                    say(f"  {label}: {elapsed_s:.0f} s, {_last_line(log)}")
        except BaseException:
            child.terminate()
            child.wait()
            raise
    if status != 0:
        tail = "\n".join(_lines(log)[-20:])
        raise LabError(f"{label}: exit status {status}; the end of {log}:\n{tail}")
    say(f"  {label}: done in {time.monotonic() - started:.0f} s")


def _lines(log: Path) -> list[str]:
    text = log.read_text(errors="replace").replace("\r", "\n")
    return [line for line in text.splitlines() if line.strip()]


def _last_line(log: Path) -> str:
    lines = _lines(log)
    return lines[-1].strip()[:100] if lines else "no output yet"
