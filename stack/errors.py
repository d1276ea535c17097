"""The error that a person is shown: what is wrong, where it stands, and what to do about it."""


class DrydockError(Exception):
    """A mistake in the data or a fact of a host that forbids going on.

    Its text is all that the user sees, so it names the file or host, the key, the value and the
    remedy. It is raised before anything on a host changes.
    """
