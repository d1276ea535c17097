#!/bin/sh
# Process 1 of the virtual machine: unpacks the host's own layer, joins the lab, runs what hosts run.
# From the kernel's command line: lab.name, lab.address (with prefix) and lab.gateway. Disks:
# vda the root, vdb the Docker data, vdc the layer as a tar archive.
set -eu
export PATH=/usr/sbin:/usr/bin:/sbin:/bin

mounted() { grep -q " $1 " /proc/mounts; }
mounted /proc || mount -t proc proc /proc
mounted /sys || mount -t sysfs sysfs /sys
mounted /dev || mount -t devtmpfs devtmpfs /dev
mounted /run || mount -t tmpfs -o mode=0755 tmpfs /run
mount -o remount,rw /
mkdir -p /dev/pts /dev/shm /dev/mqueue
mounted /dev/pts || mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t mqueue mqueue /dev/mqueue
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# The root cgroup has no limits to show, from which the daemon would infer that there are none.
mkdir /sys/fs/cgroup/host
echo $$ >/sys/fs/cgroup/host/cgroup.procs
for controller in cpu cpuset io memory pids; do
    echo "+$controller" >/sys/fs/cgroup/cgroup.subtree_control
done
mkdir -p /var/lib/docker
mount /dev/vdb /var/lib/docker
tar -xf /dev/vdc -C /

setting() { tr ' ' '\n' </proc/cmdline | sed -n "s/^lab\.$1=//p"; }
hostname "$(setting name)"
ip link set lo up
ip addr add "$(setting address)" dev eth0
ip link set eth0 up
ip route add default via "$(setting gateway)"

exec tini -g -- /opt/lab/init
