#!/bin/sh
# Looks once at the Mac and at the stack's containers; launchd runs it every minute. What it sees goes
# into metrics.prom, what has changed since the last look into two logs. While the Mac is hot, services
# of the throughput class get fewer CPUs, live. Variables, from the job's
# property list: directory (the stack's), docker_cli, min_free_kib, DOCKER_HOST, DOCKER_CONFIG.
# POSIX sh with BSD's or GNU's tools, and the Docker CLI.
# shellcheck disable=SC2154
set -u
# shellcheck source=/dev/null
. "$directory/monitor/look.sh"
key=com.apple.system.thermalpressurelevel
# Fields as Go's types spell them, not as their JSON: else the CLI falls back on a reading that
# fails for a container without a health check.
shape='{{index .Config.Labels "dev.drydock.service"}}|{{.Name}}|{{.State.Status}}|{{with .State.Health}}{{.Status}}{{end}}|{{.RestartCount}}|{{.HostConfig.Memory}}|{{.HostConfig.NanoCPUs}}|{{.ID}}|{{.HostConfig.CpusetCpus}}'

# What the containers are, then what they use, each under a heading; nothing of a silent daemon.
containers() {
    # Names in a stack's data are words of letters, digits, - and _.
    names=$(cut -f 2 ../current/services.tsv 2>/dev/null)
    # shellcheck disable=SC2086
    if ! found=$(ask container inspect --format "$shape" ${names:-nothing-is-deployed}); then
        why=$(unanswered)
        [ -z "$why" ] || { echo "silent $why" && return; }
    fi
    echo containers
    printf '%s\n' "$found"
    running=$(printf '%s\n' "$found" | awk -F '|' '$3 == "running" { print substr($2, 2) }')
    if [ -n "$running" ]; then
        echo usage
        # shellcheck disable=SC2086
        ask stats --no-stream --format '{{.Name}}|{{.CPUPerc}}|{{.MemUsage}}' $running
    fi
    # The VM's size changes with a restart of the VM alone, so now and then is enough.
    if ! grep -q '^vm_looks	[1-9]$' state 2>/dev/null; then
        echo vm
        ask info --format '{{.MemTotal}}'
    fi
}

# What was seen, as lines under headings.
observations() {
    echo pressure
    notifyutil -g "$key" 2>/dev/null
    echo disk
    df -Pk .
    echo deployed
    cat ../deployed 2>/dev/null
    echo backed_up
    cat ../backed_up 2>/dev/null
    echo services.tsv
    cat ../current/services.tsv 2>/dev/null
    for file in state caps; do
        echo "$file"
        cat "$file" 2>/dev/null
    done
    containers
}

said=$(date -u '+%s %Y-%m-%dT%H:%M:%SZ')
for log in ../logs/thermal-monitor.log ../logs/resource-alerts.log errors.log; do rotate "$log"; done
by=
[ -d ../lock ] && by=' (while a deploy holds the lock)'
observations | awk -v now_s="${said%% *}" -v now="${said#* }" -v by="$by" \
    -v min_free_kib="$min_free_kib" -f monitor.awk >steps.new || exit 1
# Caps are written down before they are made, so that no deploy takes one for somebody's change.
mv metrics.prom.new metrics.prom && mv state.new state && mv caps.new caps || exit 1

tab=$(printf '\t')
while IFS="$tab" read -r service container before after why; do
    if ask container update --cpus "$after" "$container" >/dev/null; then
        said_of="CPUs $before -> $after, $why"
    else
        said_of="CPUs stay at $before, not $after: $(head -n 1 errors.new)"
    fi
    echo "${said#* } $service: $said_of$by" >>../logs/thermal-monitor.log
done <steps.new
rm -f errors.new steps.new
