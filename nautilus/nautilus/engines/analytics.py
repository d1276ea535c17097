"""Performance and attribution of a track record."""

from collections.abc import Mapping

from pydantic import JsonValue
from typing_extensions import override

from nautilus import __version__
from nautilus.frame.service import Service


class Analytics(Service):
    """Performance and attribution of a track record."""

    name = "analytics"
    counts = ("processed_count",)

    @override
    async def health(self) -> Mapping[str, JsonValue]:
        return {"engine_version": __version__, "data_sources": list(self.stores.needed)}
