"""Directories made once."""

from pathlib import Path

import pytest

from lab.cache import digest, made_once


def test_digest_sees_content_names_and_the_executable_bit(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("x")
    first = digest([tmp_path])
    file.chmod(0o755)
    second = digest([tmp_path])
    file.rename(tmp_path / "b")
    third = digest([tmp_path])

    assert len({first, second, third}) == 3


def test_digest_keeps_its_parts_apart() -> None:
    assert digest(["ab", "c"]) != digest(["a", "bc"])


def test_made_once_makes_once(tmp_path: Path) -> None:
    made: list[Path] = []
    for _ in range(2):
        made_once(tmp_path / "kept", made.append)

    assert len(made) == 1
    assert (tmp_path / "kept").is_dir()


def test_what_was_half_made_is_never_trusted(tmp_path: Path) -> None:
    def fail(partial: Path) -> None:
        (partial / "half").write_text("")
        raise KeyboardInterrupt

    def finish(partial: Path) -> None:
        assert not (partial / "half").exists()

    with pytest.raises(KeyboardInterrupt):
        made_once(tmp_path / "kept", fail)
    assert not (tmp_path / "kept").exists()

    assert made_once(tmp_path / "kept", finish).is_dir()
