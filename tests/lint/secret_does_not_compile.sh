#!/bin/sh
# Logging a secret must not compile. A file that logs a plain text must, so that the failure is of the secret alone; and
# the compiler must name the secret's type, so that it is not of something else.
set -eu
cd "$(dirname "$0")/../.."
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# compile NAME TYPE: a function that logs a TYPE
compile() {
    cat >"$dir/$1.c" <<EOF
#include "component/base/log.h"
#include "component/base/secret.h"
void say($2 value);
void say($2 value)
{
    log_info("said", F("value", value));
}
EOF
    ${CC:-cc} -std=c17 -D_GNU_SOURCE -I. -Wall -Wextra -Werror -c -o "$dir/$1.o" "$dir/$1.c" 2>"$dir/$1.err"
}

if ! compile text 'const char *'; then
    cat "$dir/text.err" >&2
    echo "secret_does_not_compile: logging a text does not compile" >&2
    exit 1
fi
if compile secret 'struct secret'; then
    echo "secret_does_not_compile: logging a struct secret compiles" >&2
    exit 1
fi
if ! grep -q 'struct secret' "$dir/secret.err"; then
    cat "$dir/secret.err" >&2
    echo "secret_does_not_compile: refused, but not because of the secret" >&2
    exit 1
fi
