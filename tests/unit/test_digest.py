import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from stack.release import digest

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
FILES = st.dictionaries(st.text(min_size=1), st.binary(), min_size=1)


def test_a_files_digest_is_its_sha_256():
    assert digest.of_bytes(b"demo") == hashlib.sha256(b"demo").hexdigest()


@settings(max_examples=40)
@given(st.dictionaries(st.text(), JSON))
def test_the_order_of_keys_does_not_matter(data):
    assert digest.of_data(data) == digest.of_data(dict(reversed(data.items())))


@given(JSON, JSON)
def test_different_data_differs(one, other):
    same_text = digest.of_data(one) == digest.of_data(other)
    assert same_text == (repr(one) == repr(other) or (one == other and type(one) is type(other)))


@given(FILES, st.data())
def test_a_renamed_file_or_another_content_gives_another_digest(files, data):
    path = data.draw(st.sampled_from(sorted(files)))
    other = {**files, path: files[path] + b"x"}
    renamed = {name + "x" if name == path else name: content for name, content in files.items()}
    assert digest.of_files(other) != digest.of_files(files)
    assert (digest.of_files(renamed) == digest.of_files(files)) == (renamed == files)


def test_a_file_is_not_taken_for_two():
    assert digest.of_files({"a": b"1", "b": b"2"}) != digest.of_files({"a": b'1","b":b"2'})
