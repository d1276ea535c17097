"""The models: kept in Redis with their digests, and the current ones at hand in memory.

Redis keeps what it holds on a volume with an append-only file; a model is some 100 KiB. What is
loaded is ONNX, which is data, and never a pickle, which is code.
"""

import logging
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from hashlib import sha256

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from nautilus.engines.ml.models import Kind, ModelInfo, ModelState, Trained
from nautilus.engines.ml.runtime import Model

MODELS = "nautilus:ml:models"
CONTENTS = "nautilus:ml:contents"
CURRENT = "nautilus:ml:current"
CHANGED = "nautilus:ml:changed"
KEPT_VERSIONS = 10

log = logging.getLogger(__name__)

Load = Callable[[bytes], Awaitable[Model]]


class UnknownModelError(KeyError):
    """No model has this id."""


class Shelf:
    """Every version of every model; the current one of each kind is loaded."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._infos: dict[str, ModelInfo] = {}
        self._current: dict[Kind, str] = {}
        self._loaded: dict[str, Model] = {}
        self.faults: dict[Kind, str] = {}
        """Why a kind's current model cannot be used."""

    def __len__(self) -> int:
        return len(self._loaded)

    def current(self, kind: Kind) -> tuple[ModelInfo, Model] | None:
        """The model that predicts; None where there is none, or it cannot be used."""
        model = self._current.get(kind, "")
        return (self._infos[model], self._loaded[model]) if model in self._loaded else None

    def has(self, kind: Kind) -> bool:
        """Whether a kind has ever been trained."""
        return kind in self._current

    def states(self) -> list[ModelState]:
        """All versions, by kind, the newest first."""
        ordered = sorted(self._infos.values(), key=lambda info: (info.kind, -info.version))
        return [
            ModelState(
                **info.model_dump(),
                current=self._current.get(info.kind) == info.id,
                loaded=info.id in self._loaded,
            )
            for info in ordered
        ]

    async def put(
        self, redis: Redis, commit: Pipeline, trained: Trained, content: bytes, job: str
    ) -> ModelInfo:
        """Keep a new version and make it the current one, when the transaction is done."""
        stored = map(ModelInfo.model_validate_json, (await redis.hgetall(MODELS)).values())
        former = [info for info in stored if info.kind is trained.kind]
        version = 1 + max((info.version for info in former), default=0)
        info = ModelInfo(
            **trained.model_dump(),
            id=f"{trained.kind}-{version}",
            version=version,
            job=job,
            trained_at=datetime.now(UTC),
        )
        commit.hset(MODELS, info.id, info.model_dump_json())
        commit.hset(CONTENTS, info.id, b64encode(content).decode())
        commit.hset(CURRENT, info.kind, info.id)
        for old in sorted(former, key=lambda one: one.version)[: 1 - KEPT_VERSIONS or None]:
            commit.hdel(MODELS, old.id)
            commit.hdel(CONTENTS, old.id)
        commit.publish(CHANGED, info.id)
        return info

    async def activate(self, redis: Redis, model: str) -> None:
        """Let a version predict from now on, in every worker; raises UnknownModelError."""
        stored = await redis.hget(MODELS, model)
        if stored is None:
            raise UnknownModelError(model)
        kind = ModelInfo.model_validate_json(stored).kind
        async with redis.pipeline(transaction=True) as change:
            change.hset(CURRENT, kind, model)
            change.publish(CHANGED, model)
            await change.execute()
        await self.refresh(redis)

    async def follow(self, redis: Redis) -> None:
        """Load the current models, then take over each change; ends only by an error."""
        async with redis.pubsub() as changes:
            await changes.subscribe(CHANGED)
            # Loaded after subscribing: no change can fall between the two.
            await self.refresh(redis)
            while True:
                message = await changes.get_message(ignore_subscribe_messages=True, timeout=None)
                if message is not None:
                    await self.refresh(redis)

    async def refresh(self, redis: Redis) -> None:
        """Take over what Redis holds now."""
        stored = (await redis.hgetall(MODELS)).values()
        infos = {info.id: info for info in map(ModelInfo.model_validate_json, stored)}
        chosen = await redis.hgetall(CURRENT)
        current = {Kind(str(kind)): str(model) for kind, model in chosen.items()}
        loaded, faults = {}, {}
        for kind, model in current.items():
            try:
                loaded[model] = self._loaded.get(model) or await self._fetch(redis, infos, model)
            except ValueError as error:
                log.error("%s cannot be used: %s", model, error)
                faults[kind] = f"{model}: {error}"
        self._infos, self._current = infos, current
        self._loaded, self.faults = loaded, faults

    async def _fetch(self, redis: Redis, infos: dict[str, ModelInfo], model: str) -> Model:
        content = b64decode(await redis.hget(CONTENTS, model) or "")
        if model not in infos or sha256(content).hexdigest() != infos[model].digest:
            raise ValueError("what is stored is not what was trained: its digest differs")
        return await self._load(content)
