"""Docker Desktop's settings file: every letter stays that is not a number of the VM's size."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.vm.docker_desktop import size_in, with_size
from stack.vm.size import Size

GIB = 2**30
SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=12)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS | NUMBERS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=6,
)
SIZE_KEYS = ("cpus", "memorymib")
OTHERS = st.dictionaries(
    st.text(max_size=10).filter(lambda key: key.lower() not in SIZE_KEYS), VALUES, max_size=6
)
FILES = st.sampled_from(["/x/settings-store.json", "/x/settings.json"])


def spelt(name):
    cases = [st.sampled_from([letter.lower(), letter.upper()]) for letter in name]
    return st.tuples(*cases).map("".join)


KEYS = st.dictionaries(
    spelt("cpus") | spelt("memorymib"), st.none() | st.integers(1, 10**6), max_size=3
)


@given(OTHERS, KEYS, st.sampled_from([None, 0, 2, "\t"]), FILES, st.booleans(), st.randoms())
def test_any_settings_keep_their_other_keys(others, sizes, indent, file, escaped, random):
    members = [*others.items(), *sizes.items()]
    random.shuffle(members)
    text = json.dumps(dict(members), indent=indent, ensure_ascii=escaped)
    new = with_size(text, Size(11, 24 * GIB), file)

    assert size_in(new) == Size(11, 24 * GIB)
    kept = {key: it for key, it in json.loads(new).items() if key.lower() not in SIZE_KEYS}
    assert kept == others
    assert [key for key in json.loads(new) if key in dict(members)] == list(dict(members))
    assert with_size(new, Size(11, 24 * GIB), file) == new


@given(OTHERS, KEYS, FILES)
def test_what_is_not_wished_stays_letter_by_letter(others, sizes, file):
    text = json.dumps(others | sizes)
    assert with_size(text, Size(), file) == text


def test_only_the_numbers_change():
    text = '{\n  "Cpus":4 ,\n  "proxy": {"cpus": 1}, "AutoStart" : 1.50,\n  "MemoryMiB" : 8192\n}\n'
    assert with_size(text, Size(12, 24 * GIB), "settings-store.json") == (
        '{\n  "Cpus":12 ,\n  "proxy": {"cpus": 1}, "AutoStart" : 1.50,\n  "MemoryMiB" : 24576\n}\n'
    )


@pytest.mark.parametrize(
    ("file", "text", "expected"),
    [
        ("settings-store.json", "{}", {"MemoryMiB": 2048, "Cpus": 3}),
        ("settings.json", '{"a": 1}', {"memoryMiB": 2048, "cpus": 3, "a": 1}),
    ],
)
def test_a_missing_key_is_spelt_as_its_version_spells_it(file, text, expected):
    assert json.loads(with_size(text, Size(3, 2 * GIB), file)) == expected


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"cpus": 4', "Expecting"),
        ("[]", "no JSON object"),
        ("", "Expecting"),
        ('{"cpus": NaN}', "NaN"),
        ('{"CPUs": "4"}', 'CPUs is "4", not a whole number'),
        ('{"memoryMiB": {"value": 4}}', "not a whole number"),
        ('{"cpus": true}', "not a whole number"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_settings_that_are_none_are_refused(text, why):
    with pytest.raises(ValueError, match=why):
        with_size(text, Size(2, GIB), "settings.json")


def test_settings_may_leave_it_to_docker_desktop():
    assert size_in('{"Cpus": null}') == Size()
    assert size_in('{"cpus": 2, "CPUS": 3, "MEMORYMIB": 1024}') == Size(3, GIB)
