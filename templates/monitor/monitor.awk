# Decides what one look at a Mac means. Input: lines under headings, from monitor.sh. Writes
# metrics.prom.new, state.new and caps.new here, and what has changed into the logs; prints a step for
# each service that is to get other CPUs: service, container, CPUs before and after, why; with tabs.
# Variables: now_s, now (ISO 8601), by (what to add to an event), min_free_kib. POSIX awk.
BEGIN {
    FS = "\t"
    split("nominal moderate heavy trapping sleeping", words, " ")
    HEAVY = 2        # from this level on, services of the throughput class are capped
    CAP = 0.5        # at this part of their CPUs
    CALM_LOOKS = 3   # so many looks without pressure in a row before a cap is lifted
    BUSY_LOOKS = 3   # so many looks in a row at its CPU limit before that is worth a line
    level = free = deployed = backed_up = vm = ""
    section = silent = ""
    busy["high"] = 0.95; busy["low"] = 0.8
    full["high"] = 0.9; full["low"] = 0.8
}

/^(pressure|disk|deployed|backed_up|services\.tsv|state|caps|containers|usage|vm)$/ { section = $0; next }
/^silent / { silent = substr($0, 8); section = ""; next }

section == "pressure" && / [0-4]$/ { level = substr($0, length($0)) + 0 }
section == "disk" { if (split($0, part, / +/) >= 6 && part[4] ~ /^[0-9]+$/) free = part[4] * 1024 }
section == "deployed" && /^[0-9]+$/ { deployed = $0 }
section == "backed_up" && /^[0-9]+$/ { backed_up = $0 }
section == "services.tsv" && NF == 4 {
    order[++count] = $1
    service_of[$2] = $1; name_of[$1] = $2; class_of[$1] = $3; map_cpus[$1] = $4 + 0
}
section == "state" && $1 == "service" {
    had[$2] = 1; old_status[$2] = $3; old_restarts[$2] = $4 + 0; old_id[$2] = $5
    was_full[$2] = $6 + 0; busy_looks[$2] = $7 + 0
}
section == "state" && $1 != "service" { old[$1] = $2 }
section == "caps" && NF == 4 { cap_line[$1] = $0; capped_at[$1] = $3 + 0; since[$1] = $4 }
section == "containers" {
    split($0, part, "|")
    it = service_of[substr(part[2], 2)]
    if (it != "") {
        status[it] = part[3]
        if (part[3] == "running" && part[4] != "") status[it] = part[4]
        restarts[it] = part[5] + 0; limit[it] = part[6] + 0; cpus[it] = part[7] / 1000000000
        id[it] = part[8]; cores[it] = part[9]; here[it] = 1
    }
}
section == "usage" {
    split($0, part, "|")
    it = service_of[part[1]]
    if (it != "" && part[2] ~ /^[0-9.]+%$/ && part[3] ~ /^[0-9.]+[kKMGT]?i?B/) {
        used_cpus[it] = part[2] / 100
        used_bytes[it] = bytes(part[3])
    }
}
section == "vm" && /^[1-9][0-9]*$/ { vm = $0 }

function bytes(text,    number, power) {
    number = text + 0
    sub(/^[0-9.]+/, "", text)
    for (power = index("KMGT", toupper(substr(text, 1, 1))); power > 0; power--) number *= 1024
    return number
}
function alert(text) { print now " " text by >> "../logs/resource-alerts.log" }
function heat(text) { print now " " text by >> "../logs/thermal-monitor.log" }
function shown(at) {
    if (at == "") return "not reported"
    # A Mac that reports nothing says 0 as well: only one that has said more has shown that it can.
    if (at == 0 && !seen) return "none reported (0)"
    return words[at + 1] " (" at ")"
}
function percent(ratio) { return int(ratio * 100 + 0.5) }
function gib(number) { return sprintf("%.1f GiB", number / 1073741824) }
function metric(name, help, samples) {
    if (samples == "") return
    printf "# HELP %s %s\n# TYPE %s gauge\n%s", name, help, name, samples > "metrics.prom.new"
}
function sample(name, it, value) {
    return name (it == "" ? "" : "{service=\"" it "\"}") " " value "\n"
}

# Whether something is over a mark, having been so or not: it must fall below the lower one to end.
function over(value, was, mark) { return value >= mark["high"] || (was && value >= mark["low"]) }

function look_at_pressure() {
    seen = old["seen"] || level > 0
    if (!("now_s" in old)) heat("the monitor begins; pressure " shown(level))
    else if (old["level"] != level "") heat("pressure " shown(old["level"]) " -> " shown(level))
    calm = level == 0 || level == "" ? old["calm"] + 1 : 0
}

function look_at_disk(    was) {
    was = old["disk_low"] + 0
    disk_low = was
    if (free == "") return
    disk_low = free < min_free_kib * 1024 || (was && free < min_free_kib * 1229)
    if (disk_low != was) alert("disk: " gib(free) " free" (disk_low ? "" : " again"))
}

function look_at_daemon() {
    if (silent != "" && old["silent"] != 1) alert("daemon: no answer, so nothing is known of the containers: " silent)
    if (silent == "" && old["silent"] == 1) alert("daemon: answers again")
    vm_looks = silent == "" && vm == "" ? (old["vm_looks"] + 1) % 10 : silent == ""
    if (silent == "" && vm == "") vm = old["vm"]
}

function look_at(it,    now_full, ratio) {
    if (!(it in status)) status[it] = "missing"
    if (had[it] ? status[it] != old_status[it] : status[it] !~ /^(healthy|running|starting)$/)
        alert(it ": " (had[it] ? old_status[it] " -> " : "") status[it])
    if (had[it] && id[it] == old_id[it] && restarts[it] > old_restarts[it])
        alert(it ": restarted, " restarts[it] " times since it was made")
    if (id[it] != old_id[it]) was_full[it] = busy_looks[it] = 0
    if (!(it in used_bytes) || !limit[it]) return
    ratio = used_bytes[it] / limit[it]
    now_full = over(ratio, was_full[it], full)
    if (now_full != was_full[it]) alert(sprintf("%s: memory %d %% of its limit%s", it, percent(ratio), now_full ? "" : " again"))
    was_full[it] = now_full
    if (!cpus[it]) return
    ratio = used_cpus[it] / cpus[it]
    if (over(ratio, busy_looks[it] >= BUSY_LOOKS, busy)) {
        if (++busy_looks[it] == BUSY_LOOKS) alert(sprintf("%s: CPU %d %% of its limit, %d looks in a row", it, percent(ratio), BUSY_LOOKS))
    } else {
        if (busy_looks[it] >= BUSY_LOOKS) alert(sprintf("%s: CPU %d %% of its limit again", it, percent(ratio)))
        busy_looks[it] = 0
    }
}

# What a service's CPUs should be: half of the map's while the pressure is heavy, and the map's again
# when there was none for a while. In between, and of a silent daemon, a cap stays.
function look_at_cap(it,    cap) {
    if (silent != "") { if (it in cap_line) print cap_line[it] > "caps.new"; return }
    if (!here[it] || class_of[it] != "throughput") return
    cap = int(map_cpus[it] * CAP * 100 + 0.5) / 100
    if (cap < 0.01) cap = 0.01
    if (level != "" && level >= HEAVY) {
        if (cpus[it] > cap + 0.005) step(it, cap, "pressure " shown(level))
        else if (!(it in cap_line)) return
        keep_cap(it, cap)
    } else if (it in cap_line && cpus[it] <= capped_at[it] + 0.005) {
        if (calm >= CALM_LOOKS) step(it, map_cpus[it], "pressure " shown(level) " at " CALM_LOOKS " looks")
        keep_cap(it, capped_at[it])
    }
}
function keep_cap(it, cap) {
    printf "%s\t%s\t%s\t%s\n", it, map_cpus[it], cap, it in since ? since[it] : now > "caps.new"
}
function step(it, wanted, why) {
    printf "%s\t%s\t%s\t%s\t%s\n", it, name_of[it], cpus[it], wanted, why
}

function write_state(    i, it) {
    printf "now_s\t%s\nlevel\t%s\nseen\t%d\ncalm\t%d\nsilent\t%d\ndisk_low\t%d\nvm\t%s\nvm_looks\t%d\n", \
        now_s, level, seen, calm, (silent != ""), disk_low, vm, vm_looks > "state.new"
    for (i = 1; i <= count; i++) {
        it = order[i]
        # Of a silent daemon the last that is known stays.
        if (silent != "" && !had[it]) continue
        if (silent != "") {
            status[it] = old_status[it]; restarts[it] = old_restarts[it]; id[it] = old_id[it]
        }
        printf "service\t%s\t%s\t%d\t%s\t%d\t%d\n", it, status[it], restarts[it], id[it], was_full[it], busy_looks[it] > "state.new"
    }
}

# A service's cpuset as a sample, and its CPUs spread evenly over these cores.
function on_cores(it,    parts, ends, n, i, core, own, held) {
    if (cores[it] == "") return ""
    n = split(cores[it], parts, ",")
    for (i = 1; i <= n; i++) {
        if (split(parts[i], ends, "-") < 2) ends[2] = ends[1]
        for (core = ends[1] + 0; core <= ends[2] + 0; core++) { own[core]; held++ }
    }
    for (core in own) {
        may_use[core] += cpus[it] / held
        uses[core] += used_cpus[it] / held
        if (core + 1 > core_count) core_count = core + 1
    }
    return "drydock_container_cores{service=\"" it "\",cores=\"" cores[it] "\"} 1\n"
}

function write_metrics(    i, it, cpu, used, memory, most, again, well, set, busy_core, full_core) {
    for (i = 1; i <= count && silent == ""; i++) {
        it = order[i]
        if (here[it]) set = set on_cores(it)
        if (it in used_bytes) {
            used = used sample("drydock_container_cpus", it, sprintf("%.4f", used_cpus[it]))
            if (cpus[it]) cpu = cpu sample("drydock_container_cpu_ratio", it, sprintf("%.4f", used_cpus[it] / cpus[it]))
            memory = memory sample("drydock_container_memory_bytes", it, sprintf("%.0f", used_bytes[it]))
        }
        if (here[it]) {
            if (limit[it]) most = most sample("drydock_container_memory_limit_bytes", it, sprintf("%.0f", limit[it]))
            again = again sample("drydock_container_restarts", it, restarts[it])
        }
        well = well sample("drydock_container_healthy", it, status[it] == "healthy" ? 1 : 0)
    }
    for (i = 0; i < core_count; i++) if (i in uses) {
        busy_core = busy_core "drydock_core_cpus{core=\"" i "\"} " sprintf("%.4f", uses[i]) "\n"
        full_core = full_core "drydock_core_limit_cpus{core=\"" i "\"} " sprintf("%.4f", may_use[i]) "\n"
    }
    if (level != "") metric("drydock_thermal_pressure_level", "0 none reported, 1 moderate, 2 heavy, 3 trapping, 4 sleeping", sample("drydock_thermal_pressure_level", "", level))
    metric("drydock_container_cpu_ratio", "CPU used of the CPU limit that holds now, over about a second", cpu)
    metric("drydock_container_cpus", "CPUs used, over about a second", used)
    metric("drydock_container_cores", "1; its label cores is the container's cpuset", set)
    metric("drydock_core_cpus", "CPUs that services with a cpuset used, each spread evenly over its cores", busy_core)
    metric("drydock_core_limit_cpus", "CPUs that these services may use, spread likewise", full_core)
    metric("drydock_container_memory_bytes", "Memory used, without file pages that the kernel can drop", memory)
    metric("drydock_container_memory_limit_bytes", "Memory limit", most)
    metric("drydock_container_restarts", "Restarts by the daemon since the container was made", again)
    metric("drydock_container_healthy", "1 while its health check says so", well)
    if (free != "") metric("drydock_disk_free_bytes", "Free on the disk of the stack's directory", sample("drydock_disk_free_bytes", "", sprintf("%.0f", free)))
    if (vm != "") metric("drydock_vm_memory_bytes", "Memory of the daemon's VM", sample("drydock_vm_memory_bytes", "", vm))
    if (deployed != "") metric("drydock_deploy_last_timestamp_seconds", "When a deploy or a rollback last ended well", sample("drydock_deploy_last_timestamp_seconds", "", deployed))
    if (backed_up != "") metric("drydock_backup_last_success_timestamp_seconds", "When a backup last was read back whole", sample("drydock_backup_last_success_timestamp_seconds", "", backed_up))
    metric("drydock_monitor_last_run_timestamp_seconds", "When the monitor last looked", sample("drydock_monitor_last_run_timestamp_seconds", "", now_s))
}

END {
    look_at_pressure()
    look_at_disk()
    look_at_daemon()
    for (i = 1; i <= count && silent == ""; i++) look_at(order[i])
    printf "" > "caps.new"
    for (i = 1; i <= count; i++) look_at_cap(order[i])
    write_state()
    write_metrics()
}
