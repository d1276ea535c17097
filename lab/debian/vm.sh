#!/bin/sh
# Runs in a copy of the lab's Debian root by chroot: adds a kernel that a virtual machine boots.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends linux-image-cloud-amd64 initramfs-tools
apt-get clean
rm -rf /var/lib/apt/lists/*
