# A private Redis 7 in VAR/redis, reached through its Unix socket only. Sourced after process.sh.
#
# It loses nothing when it stops and little when it is killed (append-only file), and never evicts: registrard checks both.

redis_prepare() {
    :
}

redis_start() {
    process_start redis /usr/bin/redis-server --dir "$VAR/redis" --port 0 --unixsocket "$SOCKETS/redis.sock" \
        --unixsocketperm 700 --appendonly yes --maxmemory-policy noeviction --save "" --daemonize no --set-proc-title no \
        ${STACK_THROWAWAY:+--appendfsync no}
}

# PING is refused while the file is still being read.
redis_ready() {
    process_ready redis as_user sh -c 'redis-cli -s "$1" PING | grep -qx PONG' sh "$SOCKETS/redis.sock"
}

redis_stop() {
    process_signal redis TERM
}

redis_settings() {
    say "REGISTRARD_REDIS_ADDRESS=$SOCKETS/redis.sock"
}
