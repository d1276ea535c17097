"""What a service reads from its environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """A service's settings; a store whose address is unset is one the service does not need."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    service: str
    host: str = "127.0.0.1"
    port: int = Field(default=8000, ge=1, le=65535)
    workers: int = Field(default=1, ge=1, le=64)
    nautilus_release: str = "unreleased"
    environment: str = "production"
    redis_host: str | None = None
    redis_port: int = Field(default=6379, ge=1, le=65535)
    redis_password_file: Path | None = None
    database_url: str | None = None
    postgres_password_file: Path | None = None
    services: str = ""
    # Where engines are called, if not at their own addresses in `services`.
    engines: str = ""
    # The backend alone: the owner of the database, and where each role's password is a file.
    owner_database_url: str | None = None
    owner_password_file: Path | None = None
    roles_directory: Path | None = None
    job_retention_days: int = Field(default=30, ge=1)
    # Of a portfolio's life, how long its equity is kept by second; before, six points an hour.
    equity_by_second_days: int = Field(default=30, ge=1)
    read_needs_key: bool = False
    # The names under which the page is served; from there it may write without a key.
    page_hosts: str = "localhost,127.0.0.1,::1"
    # Marketdata alone: where days that are over are archived, and how long their ticks stay beside.
    archive_directory: Path | None = None
    ticks_kept_days: int = Field(default=7, ge=1)
    # Ml alone: how many inputs one run of a model waits for, and for how long at most.
    batch_rows: int = Field(default=1_024, ge=1, le=1_000_000)
    batch_wait_ms: float = Field(default=2.0, ge=0, le=60_000)
    # How long a worker that died keeps its job from the others.
    job_lease_s: float = Field(default=15.0, gt=0, le=3600)


def read_secret(path: Path | None) -> str | None:
    """The secret in a file, without its line end; None where no file is named."""
    if path is None:
        return None
    return path.read_text(encoding="utf-8").rstrip("\r\n")
