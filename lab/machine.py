"""What the machine itself says about package registries: apt mirror, CA bundle, pip and npm."""

import os
import re
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from lab.process import LabError, run, say

SUITE = "trixie"
# The only settings of apt that decide whether a mirror can be reached and trusted.
APT_SETTINGS = re.compile(r"Acquire::(Check-Valid-Until|Check-Date|https?::(Proxy|CAInfo)) ")
BUNDLE_VARIABLES = ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
SYSTEM_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
LOCAL_CERTIFICATES = Path("/usr/local/share/ca-certificates")
TOOLS = {"debootstrap": "debootstrap", "iptables": "iptables", "ip": "iproute2"}
TOOLS |= {"ssh": "openssh-client", "ssh-keygen": "openssh-client", "unshare": "util-linux"}


@dataclass(frozen=True)
class AptSource:
    """Where Debian's packages come from on this machine."""

    mirror: str
    security: str | None
    settings: str

    def sources_list(self) -> str:
        """apt's one-line format for the lab's own suite."""
        lines = [f"deb {self.mirror} {SUITE} main", f"deb {self.mirror} {SUITE}-updates main"]
        if self.security:
            lines.append(f"deb {self.security} {SUITE}-security main")
        return "".join(f"{line}\n" for line in lines)


def apt_source() -> AptSource:
    """The machine's own mirror, found among its apt sources by carrying a Debian release."""
    mirror, security = pick_mirrors(_apt_index())
    settings = [line for line in run("apt-config", "dump").splitlines() if APT_SETTINGS.match(line)]
    return AptSource(mirror, security, "".join(f"{line}\n" for line in settings))


def _apt_index() -> list[str]:
    listing = ("apt-get", "indextargets", "--format", "$(SITE) $(RELEASE) $(ORIGIN)")
    lines = run(*listing).splitlines()
    if any("Debian" in line for line in lines):
        return lines
    # Only a downloaded index says whose it is.
    run("apt-get", "update", timeout_s=300)
    return run(*listing).splitlines()


def pick_mirrors(index: Iterable[str]) -> tuple[str, str | None]:
    """Main and security mirror among lines of `SITE RELEASE ORIGIN`; LabError if no main one."""
    mirror = security = None
    for line in index:
        site, _, rest = line.partition(" ")
        release = rest.partition(" ")[0]
        if "Debian" not in rest:
            continue
        if release.endswith("-security"):
            security = security or site
        elif "-" not in release:
            mirror = mirror or site
    if mirror is None:
        raise LabError("no Debian mirror among this machine's apt sources (run apt-get update)")
    return mirror, security


def ca_bundle(environment: Mapping[str, str] = os.environ) -> Path | None:
    """The machine's CA bundle if it trusts a private authority, else None."""
    for variable in BUNDLE_VARIABLES:
        named = environment.get(variable)
        if named and Path(named).is_file():
            return Path(named)
    if any(LOCAL_CERTIFICATES.glob("*.crt")) and SYSTEM_BUNDLE.is_file():
        return SYSTEM_BUNDLE
    return None


def install_tools(extra: Mapping[str, str] | None = None) -> None:
    """Install what the lab runs on this machine with apt-get, only if something is missing."""
    wanted = TOOLS | dict(extra or {})
    missing = sorted({package for tool, package in wanted.items() if not shutil.which(tool)})
    if not missing:
        return
    say(f"Installing {', '.join(missing)} with apt-get")
    run("apt-get", "update", timeout_s=300)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ("apt-get", "install", "-y", "--no-install-recommends", *missing)
    run(*install, env=environment, timeout_s=900)


def registry_settings(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Host data for builds: `ca_bundle`, `pip_index_url`, `npm_registry`, each if configured."""
    found: dict[str, str] = {}
    bundle = ca_bundle(environment)
    if bundle:
        found["ca_bundle"] = str(bundle)
    pip_index = environment.get("PIP_INDEX_URL") or _configured("pip", "global.index-url")
    if pip_index:
        found["pip_index_url"] = pip_index
    npm_registry = environment.get("NPM_CONFIG_REGISTRY")
    if npm_registry:
        found["npm_registry"] = npm_registry
    return found


def _configured(tool: str, key: str) -> str | None:
    if not shutil.which(tool):
        return None
    try:
        return run(tool, "config", "get", key).strip() or None
    except LabError:  # pip's way to say that the key isn't set.
        return None
