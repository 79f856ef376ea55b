/* The machine's own rate of argon2id with the production parameters: plain libargon2, a thread a core, nothing else.
 *
 *     baseline_argon2 SECONDS [MEMORY_KIB PASSES]
 *
 * Prints {"per_second": …}. Memory is allocated for each hash, as argon2id_hash_raw does it. */
#include <argon2.h>
#include <pthread.h>
#include <unistd.h>

#include "component/base/clock.h"
#include "tests/bench/die.h"

enum { THREADS_MAX = 64, TAG_SIZE = 32 };

struct hashing {
    int64_t until_us;
    unsigned memory_kib, passes;
};

struct thread {
    pthread_t id;
    const struct hashing *hashing;
    double per_second;
};

static void *hash_on(void *arg)
{
    static const char password[] = "0123456789abcdef0123456789abcdef", salt[] = "0123456789abcdef";
    struct thread *thread = arg;
    const struct hashing *hashing = thread->hashing;
    const int64_t start_us = clock_us();
    unsigned count = 0;
    int64_t now_us;
    do {
        char tag[TAG_SIZE];
        if (argon2id_hash_raw(hashing->passes, hashing->memory_kib, 1, password, sizeof password - 1, salt,
                              sizeof salt - 1, tag, sizeof tag) != ARGON2_OK)
            die("argon2 failed");
        count++;
        now_us = clock_us();
    } while (now_us < hashing->until_us);
    thread->per_second = count * 1e6 / (double)(now_us - start_us);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct thread threads[THREADS_MAX];
    if (argc != 2 && argc != 4)
        die("usage: baseline_argon2 SECONDS [MEMORY_KIB PASSES]");
    const struct hashing hashing = {.until_us = clock_us() + (int64_t)(strtod(argv[1], NULL) * 1e6),
                                    .memory_kib = argc == 4 ? (unsigned)strtoul(argv[2], NULL, 10) : 19456,
                                    .passes = argc == 4 ? (unsigned)strtoul(argv[3], NULL, 10) : 2};
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const unsigned count = cores > THREADS_MAX ? THREADS_MAX : (unsigned)cores;
    for (unsigned i = 0; i < count; i++) {
        threads[i].hashing = &hashing;
        if (pthread_create(&threads[i].id, NULL, hash_on, &threads[i]) != 0)
            die("no thread");
    }
    double per_second = 0;
    for (unsigned i = 0; i < count; i++) {
        pthread_join(threads[i].id, NULL);
        per_second += threads[i].per_second;
    }
    printf("{\"per_second\": %.2f}\n", per_second);
    return 0;
}
