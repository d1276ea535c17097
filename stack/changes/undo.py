"""Which changes undo those that a deploy has made, and no others."""

from stack.changes.change import Changes
from stack.model import Stack


def undoing(back: Changes, made: Changes, failed: Stack, former: Stack) -> Changes:
    """Of all changes that lead back, those to what a deploy was about to change.

    + back: what differs now from the former release
    + made: what the deploy was to change
    + failed, former: the stacks of the two releases, since a service may be in one alone
    """

    def container(subject: str) -> str:
        # What left a stack is known by its container's name.
        stack = next((it for it in (former, failed) if subject in it.services), None)
        return stack.container_name(subject) if stack else subject

    touched = {container(change.subject) for change in made.all}
    return Changes(
        tuple(it for it in back.all if it.action == "switch" or container(it.subject) in touched)
    )
