"""What is said of a host and of one run, beside the stack: `docs/stack.md` lists it."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from stack.fields import AbsolutePath, Data, MemoryBytes, Name, SecretUrl, Url
from stack.release import digest

GIVEN = ("alert_webhook",)
"""Settings that reach containers as secrets of the same name, instead of generated ones."""


def _names(said: object) -> object:
    """Read names with commas between, as --data gives them."""
    return said.split(",") if isinstance(said, str) else said


def _release_id(said: object) -> object:
    """Read an id of digits alone, which pyinfra takes for a number."""
    if isinstance(said, float):
        raise ValueError("write it in quotes, it looks like a number: --data 'release=\"12e4\"'")
    return str(said) if isinstance(said, int) else said


def _monitor(said: object) -> object:
    return {True: "agent", False: "off"}[said] if isinstance(said, bool) else said


class Settings(Data):
    """What differs between networks and hosts, not between stacks."""

    bind_address: str = Field("127.0.0.1", pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$")
    ca_bundle: str | None = None
    """PEM file on the control machine that builds trust, for a network with its own CA."""
    registry_mirror: str | None = Field(None, pattern=r"^[A-Za-z0-9.:/_-]+$")
    """Registry that Docker Hub's images are pulled through, by tag."""
    images_lock: str = Field("images.lock", min_length=1)
    """File on the control machine with the digests that base images are pinned to."""
    pip_index_url: Url | None = None
    npm_registry: Url | None = None
    docker_cli: AbsolutePath | None = None
    docker_socket: AbsolutePath | None = None
    min_free_disk: MemoryBytes = 6 * 2**30
    """Free disk space without which nothing is built."""
    build_parallel: int | None = Field(None, ge=1, le=6)
    """Images built at once; default: the daemon's CPUs, at most 4."""
    build_once: bool = False
    """Whether of several hosts that need the same image one builds it, and the others take it."""
    image_registry: str | None = Field(None, pattern=r"^[A-Za-z0-9.:/_-]+$")
    """Registry through which they take it, which needs no login; none: SSH. Implies build_once."""
    image_sources: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    """With build_once: hosts of the inventory that may have images already, beside a run's own."""
    keep_releases: int = Field(5, ge=1)
    """How many verified releases a host keeps, the current one included."""
    monitor: Annotated[Literal["off", "agent", "daemon"], BeforeValidator(_monitor)] = "agent"
    """As what launchd runs the monitor on a Mac; `daemon` where the data gives sudo's password."""
    alert_webhook: SecretUrl | None = None
    """Where Alertmanager, which runs where this is said, sends what a person should know."""
    heat_wait_s: int = Field(300, ge=0)
    """How long builds and starts of a deploy wait, in all, at heavy thermal pressure."""
    vm_cpus: int | None = Field(None, ge=1)
    """CPUs that the VM of the Mac's Docker should have; vm.py gives it them."""
    vm_memory: MemoryBytes | None = None
    """Memory that it should have, likewise."""
    vm_resize: bool = False
    """For vm.py: whether the VM may be restarted, with which all containers stop for a while."""
    ensure_docker: bool = False
    """For vm.py: whether a Mac without Docker is given Colima, through Homebrew."""
    swarm_address: str | None = Field(None, pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$")
    """For swarm.py: where the other Macs' daemons reach this one, its VM's address on the LAN."""
    swarm_encryption: bool = True
    """For swarm.py: whether what services say to each other is encrypted between the nodes."""
    why: str | None = None
    """Why this is deployed, for the release's record."""
    release: Annotated[str | None, BeforeValidator(_release_id)] = None
    """The release that rollback.py goes back to, or restore.py brings up: the start of its id."""
    services: Annotated[tuple[Name, ...], BeforeValidator(_names)] = ()
    """For rollback.py: go back with these services alone."""
    keep_failed: bool = False
    """Whether a deploy that fails leaves the host as it is, instead of rolling back."""
    adopt: bool = False
    """Whether to take over containers that others made under the stack's names, with their data."""
    key_file: str | None = None
    """For backup.py and restore.py: file on the control machine with the key of the secrets."""
    to: str | None = None
    """For backup.py: folder on the control machine that the backup is fetched to."""
    archive: str | None = None
    """For restore.py: the backup, a file on the control machine."""
    replace_data: bool = False
    """For restore.py: whether what the host has of the stack, its data too, goes before."""
    lock_wait_s: int = Field(0, ge=0)
    """How long a run waits for the lock of another that changes the same stack."""
    break_lock: bool = False
    """Whether to break a lock whose owner is gone."""
    restart_docker: bool = False
    """Whether to restart Docker where it holds a port for a container that it has lost."""

    @property
    def given_secrets(self) -> dict[str, str]:
        """Values of the secrets that the data gives."""
        said = {name: getattr(self, name) for name in GIVEN}
        return {name: it.get_secret_value() for name, it in said.items() if it is not None}

    @property
    def given_digests(self) -> dict[str, str]:
        """SHA-256 of the same values, to compare them with what a host has."""
        return {name: digest.of_bytes(it.encode()) for name, it in self.given_secrets.items()}

    @property
    def reached_at(self) -> str:
        """Where published ports are, as seen from the host itself."""
        return "127.0.0.1" if self.bind_address == "0.0.0.0" else self.bind_address  # noqa: S104
