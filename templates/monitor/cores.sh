#!/bin/sh
# Looks once at a swarm's containers on this node, and gives those that Swarm has made anew the cores
# that cores.tsv says; launchd runs it every minute. What it did goes into a log, and what is wrong,
# once for as long as it stays so. Variables, from the job's property list: directory (the stack's),
# stack, docker_cli, DOCKER_HOST, DOCKER_CONFIG. POSIX sh with BSD's or GNU's tools, and the Docker CLI.
# shellcheck disable=SC2154
set -u
# shellcheck source=/dev/null
. "$directory/monitor/look.sh"
now=$(date -u '+%Y-%m-%dT%H:%M:%SZ')
tab=$(printf '\t')
shape="{{index .Config.Labels \"dev.drydock.service\"}}$tab{{.ID}}$tab{{.HostConfig.CpusetCpus}}"
for log in ../logs/cores.log errors.log; do rotate "$log"; done

say() { echo "$now $1" >>../logs/cores.log; }

trouble() {
    grep -qxF "$1" troubles || say "$1"
    echo "$1" >>troubles.new
}

# Service, container and cores, a line each, of what runs here; fails of a silent daemon.
containers() {
    found=$(ask container ls --quiet --filter "label=dev.drydock.swarm=$stack") || return
    # A container may have ended since.
    # shellcheck disable=SC2086
    [ -z "$found" ] || ask container inspect --format "$shape" $found || [ -z "$(unanswered)" ]
}

touch troubles
: >troubles.new
if containers >containers.new; then
    grep -q '^daemon: ' troubles && say "daemon: answers again"
else
    trouble "daemon: no answer, so cores are left as they are: $(unanswered)"
    : >containers.new
fi
while IFS="$tab" read -r service container cores; do
    wanted=$(awk -F '\t' -v it="$service" '$1 == it { print $2 }' cores.tsv)
    [ -n "$wanted" ] && [ "$cores" != "$wanted" ] || continue
    if ask container update --cpuset-cpus "$wanted" "$container" >/dev/null; then
        say "$service: cores ${cores:-all} -> $wanted"
    elif why=$(unanswered) && [ -n "$why" ]; then
        trouble "$service: cores stay ${cores:-all}, not $wanted: $why"
    fi
done <containers.new
mv troubles.new troubles
rm -f errors.new containers.new
