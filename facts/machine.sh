#!/bin/sh
# Prints name=value lines, and at the end the text of sysctl as it stands.
kernel=$(uname -s)
printf 'kernel=%s\narchitecture=%s\n' "$kernel" "$(uname -m)"
printf 'home=%s\nuser=%s\nuid=%s\n' "$HOME" "$(id -un)" "$(id -u)"

if [ "$kernel" != Darwin ]; then
    printf 'os_version=%s\n' "$(. /etc/os-release 2>/dev/null; printf %s "$PRETTY_NAME")"
    printf 'memory_kib=%s\n' "$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo)"
    printf 'cpus=%s\n' "$(getconf _NPROCESSORS_ONLN)"
    printf 'linux_cpu_model=%s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
    exit 0
fi

names='machdep.cpu.brand_string hw.model hw.memsize hw.ncpu hw.physicalcpu hw.logicalcpu'
names="$names kern.hv_vmm_present kern.osproductversion"
levels=$(sysctl -n hw.nperflevels 2>/dev/null) && names="$names hw.nperflevels"
level=0
while [ "$level" -lt "${levels:-0}" ]; do
    for key in name physicalcpu logicalcpu l2cachesize cpusperl2; do
        names="$names hw.perflevel$level.$key"
    done
    level=$((level + 1))
done

# A sysctl that meets an unknown name may stop there: then each name is asked for by itself.
# shellcheck disable=SC2086
text=$(sysctl $names 2>/dev/null) ||
    text=$(for name in $names; do sysctl "$name" 2>/dev/null; done)
printf 'os_version=%s\n' "$(sw_vers -productVersion)"
printf 'sysctl=\n%s\n' "$text"
