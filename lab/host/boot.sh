#!/bin/sh
# First process of a lab host's own mount, process and UTS namespaces: makes its root and enters it.
# Arguments: hostname, lower directories (a:b), the host's directory, what to mount as
# SOURCE:TARGET, then --, then the command that runs as process 1.
# Every mount lives in this namespace alone, so ending process 1 undoes them all.
set -eu
name=$1 lower=$2 home=$3
shift 3

hostname "$name"
root=$home/root
mount -t overlay overlay -o "lowerdir=$lower,upperdir=$home/upper,workdir=$home/work" "$root"
cd "$root"
mkdir -p proc sys dev run tmp mnt
mount -t proc proc proc
mount -t sysfs sysfs sys
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount -t tmpfs -o mode=0755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp

mount -t tmpfs -o mode=0755 tmpfs dev
for node in null zero full random urandom tty; do
    : >"dev/$node"
    mount --bind "/dev/$node" "dev/$node"
done
mkdir dev/pts dev/shm dev/mqueue
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t mqueue mqueue dev/mqueue
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr

while [ "$1" != -- ]; do
    mkdir -p "${1#*:}"
    mount --bind "${1%%:*}" "${1#*:}"
    shift
done
shift

pivot_root . mnt
exec chroot . /bin/sh -c 'umount -l /mnt && exec /usr/bin/tini -g -- "$@"' sh "$@"
