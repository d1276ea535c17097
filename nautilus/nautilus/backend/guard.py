"""Who may do what.

Reading is open where ports are bound to 127.0.0.1, as they are by default; READ_NEEDS_KEY closes
it. What changes anything or spends CPU needs a key that may write, or comes from the platform's
own page: then the browser itself vouches for where it comes from, by headers that no script of
another site can set. That keeps other sites out, not other programs of the Mac's user.
"""

from urllib.parse import urlsplit

from fastapi import HTTPException, Request

from nautilus.backend.keys import Keys, Scope
from nautilus.frame.settings import Settings

READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Admits a request, or says what it lacks."""

    def __init__(self, keys: Keys, settings: Settings) -> None:
        self._keys = keys
        self._read_needs_key = settings.read_needs_key
        self._hosts = frozenset(filter(None, settings.page_hosts.replace(" ", "").split(",")))

    async def admit(self, request: Request) -> None:
        """By what the request does. Raises 401 without a valid key, 403 with too small a one."""
        await self._admit(request, Scope.READ if request.method in READING else Scope.WRITE)

    async def admit_writer(self, request: Request) -> None:
        """As for a change, whatever the method."""
        await self._admit(request, Scope.WRITE)

    async def _admit(self, request: Request, needed: Scope) -> None:
        if needed is Scope.READ and not self._read_needs_key:
            return
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            await self._check(token.strip(), needed)
        elif not self._from_own_page(request):
            raise _unknown("this needs an API key: send it as 'Authorization: Bearer KEY'")

    async def _check(self, token: str, needed: Scope) -> None:
        scope = await self._keys.scope_of(token)
        if scope is None:
            raise _unknown("this API key is unknown or revoked")
        if needed is Scope.WRITE and scope is not Scope.WRITE:
            raise HTTPException(403, "this API key may read only")

    def _from_own_page(self, request: Request) -> bool:
        host = request.url.hostname
        origin = request.headers.get("origin")
        return (
            request.headers.get("sec-fetch-site") == "same-origin"
            and host in self._hosts
            and (origin is None or _hostname(origin) == host)
        )


def _hostname(origin: str) -> str | None:
    try:
        return urlsplit(origin).hostname
    except ValueError:
        return None


def _unknown(detail: str) -> HTTPException:
    return HTTPException(401, detail, headers={"WWW-Authenticate": "Bearer"})
