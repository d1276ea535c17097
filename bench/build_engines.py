"""Build some engines' images and nothing else, by Drydock's own operation, as `--data engines=`."""

from pyinfra.api.host import Host

from facts.plan import plan_host
from operations import images
from operations.refusal import fails_alone
from stack.changes import Changes


@fails_alone
def build(host: Host) -> None:
    """Build what is missing of the engines that the data names."""
    plan = plan_host(host)
    engines = str(host.data.engines).split(",")
    missing = tuple(it for it in plan.changes.of("build") if it.subject in engines)
    images.build(
        release=plan.release,
        changes=Changes(missing),
        detected=plan.detected,
        settings=plan.inputs.settings,
        name="Build engines",
    )


build()
