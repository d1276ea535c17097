"""The files of a release as they reach a host."""

import io
import tarfile
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as some

from operations import releases

YEAR_2000, YEAR_2009 = 946_684_800, 1_230_768_000


@dataclass
class ReleaseDouble:
    files: dict[str, bytes] = field(default_factory=dict)

    def manifest(self) -> bytes:
        return b"{}"


def modified_at(**files: bytes) -> dict[str, float]:
    archive = releases._archive(ReleaseDouble(files))
    return {it.name: it.mtime for it in tarfile.open(fileobj=io.BytesIO(archive))}


@given(one=some.binary(max_size=40), other=some.binary(max_size=40))
def test_a_files_time_changes_with_its_content_alone(one, other):
    times = modified_at(one=one, other=other)
    assert (times["one"] == times["other"]) == (one == other)
    assert times == modified_at(one=one, other=other)


@given(content=some.binary(max_size=40))
def test_a_files_time_is_one_that_archives_can_tell_and_is_over(content):
    assert YEAR_2000 <= modified_at(one=content)["one"] < YEAR_2009
