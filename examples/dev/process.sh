# Processes known by name: started in a session of their own, found again by a later run, stopped. Sourced after lib.sh.
#
# A process is ours when VAR/run/<name>.pid names it and its command line has VAR in it; so a stale file, or a number
# that the kernel gave to somebody else since, is no process of ours.

# Starts the rest of the line in the background as NAME. Standard output and error go to VAR/log/NAME.log (the last
# run's is kept as .log.1) unless LOG_TO_TERMINAL is set. The number is written before the program starts: no moment
# exists at which a kill would leave a process that is not on file. A session of its own keeps a Ctrl-C at the terminal
# from it; bash would make it ignore the signal besides. $! is the process.
process_start() {
    local name=$1
    shift
    # shellcheck disable=SC2016
    local start='umask 077
        echo $$ >"$1/run/$2.pid"
        if [ -z "$3" ]; then
            [ ! -e "$1/log/$2.log" ] || mv -f "$1/log/$2.log" "$1/log/$2.log.1"
            exec >"$1/log/$2.log" 2>&1
        fi
        cd "$1" && shift 3 && exec "$@"'
    as_user rm -f -- "$VAR/run/$name.pid"
    setsid "${AS_USER[@]}" env --default-signal=INT,QUIT,HUP,PIPE sh -c "$start" sh "$VAR" "$name" "${LOG_TO_TERMINAL:-}" \
        "$@" </dev/null 9<&- &
    while [ ! -s "$VAR/run/$name.pid" ] && kill -0 $! 2>/dev/null; do sleep 0.01; done
}

# Prints the number of the process NAME; fails when it does not run.
process_pid() {
    local pid line='' tries
    pid=$(cat -- "$VAR/run/$1.pid" 2>/dev/null) || return 1
    [[ $pid =~ ^[0-9]+$ ]] || return 1
    # Empty is also, for a moment, that of one that becomes another program.
    for ((tries = 0; tries < 50; tries++)); do
        line=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") || return 1
        [ -z "$line" ] || break
        ! grep -qs '^State:.[ZX]' "/proc/$pid/status" || return 1
        sleep 0.01
    done
    [[ $line == *"$VAR/"* ]] || return 1
    printf '%s\n' "$pid"
}

process_signal() { # name signal
    local pid
    pid=$(process_pid "$1") || return 1
    as_user sh -c 'kill -s "$1" "$2"' sh "$2" "$pid" 2>/dev/null
}

# Waits until NAME is gone, at most 10 s, then kills it.
process_gone() {
    local tries
    for ((tries = 0; tries < 500; tries++)); do
        if ! process_pid "$1" >/dev/null; then
            as_user rm -f -- "$VAR/run/$1.pid"
            return
        fi
        sleep 0.02
    done
    say "$1 did not stop within 10 s: killed"
    process_signal "$1" KILL || true
    while process_pid "$1" >/dev/null; do sleep 0.02; done
}

# Waits until the rest of the line succeeds, at most 20 s; fails at once when the process NAME is gone.
process_ready() {
    local name=$1 tries
    shift
    for ((tries = 0; tries < 1000; tries++)); do
        process_pid "$name" >/dev/null || return 1
        "$@" >/dev/null 2>&1 && return
        sleep 0.02
    done
    return 1
}

port_answers() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

port_kept() { # name
    var_read ports | sed -n "s/^$1=//p" || true
}

# Leaves in PORT a free port of this machine's loopback for the use NAME: the one kept in VAR, or a new one when another
# program has taken that since. Below the range from which the kernel serves connections that go out.
port_keep() {
    local name=$1
    PORT=$(port_kept "$name")
    [[ $PORT =~ ^[0-9]+$ ]] && ! port_answers "$PORT" && return
    while
        PORT=$((${STACK_PORTS_FIRST:-20000} + SRANDOM % ${STACK_PORTS_COUNT:-12000}))
        port_answers "$PORT" || grep -qs "=$PORT\$" "$VAR/ports"
    do :; done
    { var_read ports | sed "/^$name=/d" || true; echo "$name=$PORT"; } | var_write ports
}
