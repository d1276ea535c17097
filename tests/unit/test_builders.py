"""Who builds which image of several hosts, and which layers needn't be moved."""

from hypothesis import given
from hypothesis import strategies as st

from stack.rollout.builders import builders, layers_there, nearest, with_parents

IMAGES = st.lists(st.lists(st.sampled_from("abcd"), max_size=4).map(tuple), max_size=4)


def test_the_first_host_that_lacks_an_image_builds_it():
    wanted = {"mac1": ["x"], "mac2": ["x", "y"], "mac3": ["y"]}
    assert builders(wanted) == {"x": "mac1", "y": "mac2"}


@given(st.dictionaries(st.sampled_from("ABC"), st.lists(st.sampled_from("xyz"))))
def test_each_image_has_one_builder_who_lacks_it(wanted):
    chosen = builders(wanted)
    assert chosen.keys() == {digest for each in wanted.values() for digest in each}
    assert all(digest in wanted[host] for digest, host in chosen.items())


def test_an_image_needs_all_that_it_is_built_on():
    parents = {"risk": ("python",), "python": ("debian",), "debian": (), "redis": ()}
    assert with_parents(["risk"], parents) == {"risk", "python", "debian"}
    assert with_parents([], parents) == set()


def test_layers_of_a_common_base_stay():
    assert layers_there([("a", "b", "c")], [("a", "b", "x")]) == {"a", "b"}


def test_a_layer_on_another_base_is_another_layer():
    assert layers_there([("a", "c")], [("b", "c")]) == frozenset()
    assert layers_there([("a", "c"), ("b", "c")], [("a", "c")]) == {"a"}


@given(wanted=IMAGES, images=IMAGES)
def test_what_is_left_out_is_there_wherever_it_is_wanted(wanted, images):
    left_out = layers_there(wanted, images)
    for image in wanted:
        for height, layer in enumerate(image, start=1):
            if layer in left_out:
                assert any(each[:height] == image[:height] for each in images)


def test_sources_of_the_same_groups_are_asked_first():
    sources = {"a": ["m1", "all"], "b": ["m4max", "desk", "all"], "c": ["m4max", "all"]}
    assert nearest(["m4max", "all"], sources) == ["b", "c", "a"]
