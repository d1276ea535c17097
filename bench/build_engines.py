"""Build some engines and what they build on, by Drydock's own operation: `--data engines=`."""

from pyinfra.api.host import Host

from facts.plan import plan_host
from operations import images
from operations.refusal import fails_alone
from stack.changes.change import Changes


@fails_alone
def build(host: Host) -> None:
    """Build what is missing of the engines that the data names, and of what they build on."""
    plan = plan_host(host)
    wanted = {*plan.release.stack.images, *str(host.data.engines).split(",")}
    missing = tuple(it for it in plan.changes.of("build") if it.subject in wanted)
    images.build(
        release=plan.release,
        changes=Changes(missing),
        detected=plan.detected,
        settings=plan.settings,
        name="Build engines",
    )


build()
