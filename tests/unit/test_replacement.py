"""Who is replaced beside the running container, who with an interruption, and what is said."""

import copy
from dataclasses import replace

import pytest

from stack.changes.change import Change, Changes
from stack.changes.replacement import replacements
from stack.errors import DrydockError
from stack.load import load_stack
from tests.demo import GIB, STACK, demo_release
from tests.docker_doubles import inspected_containers, observed

ROUTES = {"services": ["risk"], "lead": ["lead", "{service}", "{host}"]}

UNHEALTHY = {"Health": {"Status": "unhealthy"}}


def decided(project, *changed, routes=ROUTES, memory_bytes=16 * GIB, measured=None, **states):
    """What is decided when containers change, all of them running unless told otherwise."""
    release = demo_release(project, {"page": {"routes": routes}} if routes else {})
    containers = copy.deepcopy(inspected_containers(release))
    for name, state in states.items():
        containers[name]["State"].update(state)
    seen = observed(release, containers=containers)
    changes = Changes(tuple(Change("recreate", name, "image") for name in changed))
    return {
        it.service: it for it in replacements(release, seen, changes, memory_bytes, measured or {})
    }


def test_a_routed_service_has_a_stand_in(demo_project):
    risk = decided(demo_project, "risk", measured={"risk": 3.6})["risk"]
    assert risk.router == "page"
    assert risk.sentence == (
        "risk: replaced beside the running one, page leads requests; 127.0.0.1:8200 itself with"
        " about 4 s of interruption"
    )


@pytest.mark.parametrize(
    ("changed", "options", "why"),
    [
        ("store", {}, "it keeps data in volumes, which two containers can't share"),
        ("page", {}, "no service leads requests to it"),
        ("risk", {"routes": None}, "no service leads requests to it"),
        ("risk", {"risk": {"Health": {"Status": "unhealthy"}}}, "it is unhealthy now"),
        (
            "risk",
            {"page": {"Health": {"Status": "unhealthy"}}},
            "page, which leads requests to it, isn't",
        ),
        ("risk", {"memory_bytes": 2 * GIB}, "memory for both isn't there: 1 GiB more"),
    ],
)
def test_any_other_says_why_it_is_interrupted(demo_project, changed, options, why):
    made = decided(demo_project, changed, **options)[changed]
    assert made.router is None
    assert why in made.sentence
    assert "not measured yet" in made.sentence


@pytest.mark.parametrize(("phase", "beside"), [("engines", 2), ("infrastructure", 1)])
def test_memory_for_both_is_needed_once_a_phase(demo_project, phase, beside):
    """Stand-ins of different phases never run at once, those of one phase do."""
    routes = {"services": ["risk", "store"], "lead": ["lead", "{service}", "{host}"]}
    release = demo_release(demo_project, {"page": {"routes": routes}, "risk": {"phase": phase}})
    store = release.stack.services["store"].model_copy(update={"volumes": {}})
    services = {**release.stack.services, "store": store}
    release = replace(release, stack=release.stack.model_copy(update={"services": services}))
    changes = Changes(tuple(Change("recreate", name, "image") for name in ("store", "risk")))

    made = replacements(release, observed(release), changes, 3 * GIB, {})

    assert [it.router for it in made].count("page") == beside


def test_a_router_that_is_replaced_after_it_leads_requests_until_then(demo_project):
    made = decided(demo_project, "risk", "page")
    assert made["risk"].router == "page"
    assert "page: replaced with an interruption" in made["page"].sentence


@pytest.mark.parametrize(
    ("router", "service", "why"),
    [
        # The one that comes is asked, when it runs.
        ({"phase": "infrastructure", "needs": []}, {"needs": []}, None),
        ({"phase": "engines", "needs": []}, {"needs": []}, None),
        ({"phase": "engines", "needs": []}, {"needs": ["page"]}, "which it needs, is replaced too"),
    ],
)
def test_a_router_that_is_replaced_before_or_beside_it(demo_project, router, service, why):
    release = demo_release(demo_project, {"page": {"routes": ROUTES, **router}, "risk": service})
    changes = Changes(tuple(Change("recreate", name, "image") for name in ("risk", "page")))
    (risk,) = (
        it
        for it in replacements(release, observed(release), changes, 16 * GIB, {})
        if it.service == "risk"
    )
    assert (risk.router is None) == (why is not None)
    assert (why or "beside the running one") in risk.sentence


@pytest.mark.parametrize("former", [None, {**ROUTES, "lead": ["lead-to", "{host}"]}])
def test_a_router_that_is_asked_otherwise_than_the_next_one_leads_nobody(demo_project, former):
    """What runs until then doesn't know the command; without a label it never said one."""
    running = demo_release(demo_project, {"page": {"routes": former}} if former else {})
    release = demo_release(demo_project, {"page": {"routes": ROUTES}})
    changes = Changes(tuple(Change("recreate", name, "image") for name in ("risk", "page")))
    risk, _ = replacements(release, observed(running), changes, 16 * GIB, {})
    assert risk.router is None
    assert "page, which leads requests to it, is replaced by one that does it" in risk.sentence


def test_what_does_not_run_is_not_replaced(demo_project):
    assert decided(demo_project, "risk", risk={"Status": "exited"}) == {}


@pytest.mark.parametrize(
    ("routes", "said"),
    [
        ({"services": ["risk"], "lead": ["lead", "{service}"]}, "doesn't name {host}"),
        ({"services": ["rsik"], "lead": ["{host}"]}, "'rsik' is no service of this stack"),
        ({"services": ["page"], "lead": ["{host}"]}, "'page' can't lead requests to itself"),
        ({"services": ["risk", "risk"], "lead": ["{host}"]}, "is led to by 'page' already"),
    ],
)
def test_wrong_routes_are_refused(routes, said):
    with pytest.raises(DrydockError, match="routes") as refused:
        load_stack({"stack": STACK, "overrides": {"page": {"routes": routes}}}, {})
    assert said in str(refused.value)
