# A private Postgres 15 cluster in VAR/postgres: reached through its Unix socket only, by the servers' user and root
# only (peer). Sourced after process.sh.

POSTGRES_BIN=/usr/lib/postgresql/15/bin

# The cluster is made beside its place and moved there when it is complete with its role and database.
postgres_prepare() {
    [ ! -d "$VAR/postgres" ] || return 0
    # shellcheck disable=SC2016
    as_user sh -c 'exec >"$1/log/initdb.log" 2>&1; cd "$1" && rm -rf postgres.new &&
        "$2/initdb" -D postgres.new -U postgres -A peer -E UTF8 --locale=C.UTF-8 $4 &&
        printf "%s\n" "CREATE ROLE registrard LOGIN" "CREATE DATABASE registrard OWNER registrard" |
            "$2/postgres" --single -D postgres.new postgres &&
        printf "stack %s %s\n" "$3" registrard "$3" postgres root registrard root postgres >postgres.new/pg_ident.conf &&
        echo "local all all peer map=stack" >postgres.new/pg_hba.conf &&
        mv postgres.new postgres' sh "$VAR" "$POSTGRES_BIN" "$SERVERS_USER" "${STACK_THROWAWAY:+--no-sync}" ||
        die "no Postgres cluster was made; see $VAR/log/initdb.log"
}

# A killed postmaster leaves its pid in two files, and Postgres takes any process with that number for itself. No more is
# lost with them than a guess: shared memory tells it whether children of the old one still run.
postgres_start() {
    as_user rm -f -- "$VAR/postgres/postmaster.pid" "$SOCKETS/.s.PGSQL.5432.lock"
    process_start postgres "$POSTGRES_BIN/postgres" -D "$VAR/postgres" -k "$SOCKETS" -c listen_addresses= \
        ${STACK_THROWAWAY:+-c fsync=off}
}

postgres_ready() {
    process_ready postgres as_user "$POSTGRES_BIN/pg_isready" -q -h "$SOCKETS" -U registrard -d registrard
}

# Fast shutdown: ends the sessions, checkpoints.
postgres_stop() {
    process_signal postgres INT
}

postgres_settings() {
    say "REGISTRARD_POSTGRES_URL=host=$SOCKETS dbname=registrard user=registrard"
}
