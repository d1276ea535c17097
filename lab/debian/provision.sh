#!/bin/sh
# Runs in the new Debian root by chroot; turns it into what all hosts of the lab share.
# Arguments: the packages.
set -eu
export DEBIAN_FRONTEND=noninteractive

printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
chmod 0755 /usr/sbin/policy-rc.d
apt-get update
apt-get install -y --no-install-recommends "$@"
apt-get clean
rm -rf /var/lib/apt/lists/* /etc/ssh/ssh_host_*

# A Mac has no Docker on the PATH of `ssh mac command`; each runtime puts its CLI at its own place.
mkdir -p /opt/lab/bin /opt/lab/cli-plugins /opt/engine/bin
mv /usr/bin/docker /opt/lab/bin/docker
rm /usr/bin/docker-compose
mv /usr/libexec/docker/cli-plugins/* /opt/lab/cli-plugins/
for program in dockerd docker-proxy containerd containerd-shim-runc-v2 ctr runc; do
    for directory in /usr/bin /usr/sbin /usr/libexec/docker; do
        if [ -e "$directory/$program" ]; then
            mv "$directory/$program" /opt/engine/bin/
        fi
    done
done
ln -s /usr/bin/tini-static /opt/engine/bin/docker-init

# macOS: the first user has id 501, everybody's group is staff with id 20, the shell is zsh.
groupmod --gid 5020 dialout
groupmod --gid 20 staff
useradd --uid 501 --gid 20 --home-dir /Users/trader --create-home --shell /bin/zsh --groups sudo trader
# No password, yet not locked: sshd refuses a locked account even with a key.
usermod --password '*' trader
mkdir -p /opt/homebrew/bin /Applications
