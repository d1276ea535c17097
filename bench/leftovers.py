"""What a run that was broken off could leave on a host, looked for when another has ended it."""

SCRIPT = r"""
# A look of the monitor has files of its own while it lasts.
find {directory} -maxdepth 2 ! -path '*/monitor/*' \( -name lock -o -name 'lock-*' \
    -o -name 'incoming*' -o -name 'current-*' -o -name '*.new' \
    -o -name '*.next' -o -name '*.part' \)
{docker} ps --all --filter label=dev.drydock.stack={stack} \
    --format '{{{{.Names}}}} {{{{.Status}}}}' | awk '! /\(healthy\)/ || $1 ~ /-beside$/'
{docker} ps --all --filter label=dev.drydock.keeps={stack} --filter status=created \
    --format '{{{{.Names}}}}, which was never started'
{docker} network ls --filter label=com.docker.compose.project={stack} --quiet | sed 1d
# A volume with a name stays, whatever happens; one without belongs to a container that is gone.
{docker} volume ls --filter dangling=true --quiet | grep -x '[0-9a-f]\{{64\}}'
# Each container that runs has its files mounted, and nobody else has.
mounted=$(grep -c '/overlay2/[^ ]*/merged ' /proc/mounts)
running=$({docker} ps --quiet | grep -c .)
[ "$mounted" = "$running" ] || echo "$mounted mounts of $running containers"
"""


def leftovers(directory: str, docker: str, stack: str) -> str:
    """A script for a lab's host that prints what is left there, and nothing where nothing is.

    + directory: the stack's, as a shell would take it
    + docker: the command line that reaches the host's daemon
    """
    return SCRIPT.format(directory=directory, docker=docker, stack=stack)
