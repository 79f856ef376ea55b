/* Sealing: opens what was sealed, and nothing that was changed in any way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "component/base/arena.h"
#include "component/base/crypto.h"
#include "component/base/seal.h"
#include "component/base/text.h"

#define KEY_A "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define KEY_B "FFeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100"

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    crypto_init();
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static struct keyring *ring_of(const char *text)
{
    struct keyring *ring;
    assert_int_equal(keyring_new(secret_of_cstr(text), &ring), OK);
    return ring;
}

static void opens_what_was_sealed(void **state)
{
    (void)state;
    struct keyring *ring = ring_of("1:" KEY_A);
    for (size_t length = 0; length < 100; length++) {
        char plain[100];
        memset(plain, (int)length, sizeof plain);
        struct sealed sealed = seal(ring, arena, "jid:1", secret_of(plain, length));
        assert_int_equal(sealed.key_id, 1);
        assert_int_equal(sealed.length, 12 + length + 16);
        struct secret opened;
        assert_int_equal(unseal(ring, arena, "jid:1", sealed, &opened), OK);
        assert_true(secret_equal(opened, secret_of(plain, length)));
        assert_int_equal(secret_expose(opened)[length], 0);
    }
    keyring_free(&ring);
    assert_null(ring);
    keyring_free(&ring);
}

static void the_plain_text_does_not_show(void **state)
{
    (void)state;
    struct keyring *ring = ring_of("1:" KEY_A);
    struct secret plain = secret_of_cstr("correct horse battery staple");
    struct sealed a = seal(ring, arena, "x", plain);
    struct sealed b = seal(ring, arena, "x", plain);
    assert_null(memmem(a.bytes, a.length, "horse", 5));
    assert_memory_not_equal(a.bytes, b.bytes, 12);
    assert_memory_not_equal(a.bytes + 12, b.bytes + 12, plain.length);
    keyring_free(&ring);
}

static void any_changed_bit_is_noticed(void **state)
{
    (void)state;
    struct keyring *ring = ring_of("1:" KEY_A);
    struct sealed sealed = seal(ring, arena, "jid:1", secret_of_cstr("value"));
    for (size_t bit = 0; bit < sealed.length * 8; bit++) {
        uint8_t changed[64];
        memcpy(changed, sealed.bytes, sealed.length);
        changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        struct secret opened;
        struct sealed forged = {.key_id = 1, .bytes = changed, .length = sealed.length};
        assert_int_equal(unseal(ring, arena, "jid:1", forged, &opened), ERR_INVALID);
    }
    for (size_t length = 0; length < sealed.length; length++) {
        struct secret opened;
        struct sealed shorter = {.key_id = 1, .bytes = sealed.bytes, .length = length};
        assert_int_equal(unseal(ring, arena, "jid:1", shorter, &opened), ERR_INVALID);
    }
    keyring_free(&ring);
}

static void the_context_is_part_of_it(void **state)
{
    (void)state;
    struct keyring *ring = ring_of("1:" KEY_A);
    struct sealed sealed = seal(ring, arena, "jid:1", secret_of_cstr("value"));
    struct secret opened;
    assert_int_equal(unseal(ring, arena, "jid:2", sealed, &opened), ERR_INVALID);
    assert_int_equal(unseal(ring, arena, "", sealed, &opened), ERR_INVALID);
    sealed = seal(ring, arena, "", secret_of_cstr("value"));
    assert_int_equal(unseal(ring, arena, "", sealed, &opened), OK);
    keyring_free(&ring);
}

static void keys_can_be_changed(void **state)
{
    (void)state;
    struct keyring *old = ring_of("1:" KEY_A);
    struct keyring *both = ring_of("2:" KEY_B ",1:" KEY_A);
    struct keyring *only_new = ring_of("2:" KEY_B);
    struct keyring *renumbered = ring_of("1:" KEY_B);
    struct sealed sealed = seal(old, arena, "c", secret_of_cstr("v"));
    struct secret opened;
    assert_int_equal(unseal(both, arena, "c", sealed, &opened), OK);
    assert_int_equal(unseal(only_new, arena, "c", sealed, &opened), ERR_NOT_FOUND);
    assert_int_equal(unseal(renumbered, arena, "c", sealed, &opened), ERR_INVALID);
    assert_int_equal(seal(both, arena, "c", secret_of_cstr("v")).key_id, 2);
    keyring_free(&old);
    keyring_free(&both);
    keyring_free(&only_new);
    keyring_free(&renumbered);
}

static void rings_are_parsed_strictly(void **state)
{
    (void)state;
    static const char *const good[] = {"1:" KEY_A, " 1:" KEY_A "\n", "1:" KEY_A "\n2:" KEY_B, "2147483647:" KEY_A,
                                       ", 7:" KEY_A ",\t8:" KEY_B ","};
    static const char *const bad[] = {"",
                                      " ",
                                      KEY_A,
                                      ":" KEY_A,
                                      "0:" KEY_A,
                                      "-1:" KEY_A,
                                      "2147483648:" KEY_A,
                                      "a:" KEY_A,
                                      "1:",
                                      "1:" KEY_A "00",
                                      "1:00",
                                      "1: " KEY_A,
                                      "1:" KEY_A ","
                                      "1:" KEY_B,
                                      "1:" KEY_A ";2:" KEY_B,
                                      "1:" KEY_A ",2",
                                      "1:g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct keyring *ring = ring_of(good[i]);
        keyring_free(&ring);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct keyring *ring = NULL;
        assert_int_equal(keyring_new(secret_of_cstr(bad[i]), &ring), ERR_INVALID);
        assert_null(ring);
    }
    struct keyring *ring = NULL;
    assert_int_equal(keyring_new(secret_of("1:" KEY_A "\0", 67), &ring), ERR_INVALID);
}

static void macs_differ_by_key_purpose_and_bytes(void **state)
{
    (void)state;
    struct keyring *a = ring_of("1:" KEY_A);
    struct keyring *again = ring_of("9:" KEY_A ",2:" KEY_B);
    struct keyring *b = ring_of("1:" KEY_B);
    uint8_t mac[32], other[32];
    keyring_mac(a, "phone", "+8613900000000", 14, mac);
    keyring_mac(again, "phone", "+8613900000000", 14, other);
    assert_memory_equal(mac, other, 32);
    keyring_mac(b, "phone", "+8613900000000", 14, other);
    assert_memory_not_equal(mac, other, 32);
    keyring_mac(a, "token", "+8613900000000", 14, other);
    assert_memory_not_equal(mac, other, 32);
    keyring_mac(a, "phone", "+8613900000001", 14, other);
    assert_memory_not_equal(mac, other, 32);
    keyring_free(&a);
    keyring_free(&again);
    keyring_free(&b);
}

static void macs_under_all_keys(void **state)
{
    (void)state;
    struct keyring *ring = ring_of("9:" KEY_B ",2:" KEY_A);
    struct keyring *old = ring_of("2:" KEY_A);
    struct keyed_mac *macs = NULL;
    uint8_t mac[32];
    assert_int_equal(keyring_macs(ring, arena, "phone", "+8613900000000", 14, &macs), 2);
    assert_int_equal(macs[0].key_id, 9);
    assert_int_equal(macs[1].key_id, 2);
    keyring_mac(ring, "phone", "+8613900000000", 14, mac);
    assert_memory_equal(macs[0].bytes, mac, sizeof mac);
    keyring_mac(old, "phone", "+8613900000000", 14, mac);
    assert_memory_equal(macs[1].bytes, mac, sizeof mac);
    keyring_free(&ring);
    keyring_free(&old);
}

/* Computed with another implementation (Python's hmac and cryptography): what is stored must open for ever. */
static void the_format_stays(void **state)
{
    (void)state;
    static const char stored[] = "a0a1a2a3a4a5a6a7a8a9aaab"
                                 "4ab2c9daad6f2e681b9c591ad4"
                                 "60e4b80b5af6ffd92c6f43a5f3d73a87";
    uint8_t bytes[41], mac[32], expected[32];
    struct keyring *ring = ring_of("1:" KEY_A);
    struct secret opened;
    assert_int_equal(hex_decode(stored, sizeof bytes, bytes), OK);
    struct sealed sealed = {.key_id = 1, .bytes = bytes, .length = sizeof bytes};
    assert_int_equal(unseal(ring, arena, "jid:1", sealed, &opened), OK);
    assert_string_equal(secret_expose(opened), "correct horse");

    keyring_mac(ring, "phone", "+8613900000000", 14, mac);
    assert_int_equal(hex_decode("15c5184068d7a9f1b8bd0a72f6bea75556489fdc1b7a266c790b853d0a6f31ce", 32, expected), OK);
    assert_memory_equal(mac, expected, sizeof mac);
    keyring_free(&ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opens_what_was_sealed),
        cmocka_unit_test(the_plain_text_does_not_show),
        cmocka_unit_test(any_changed_bit_is_noticed),
        cmocka_unit_test(the_context_is_part_of_it),
        cmocka_unit_test(keys_can_be_changed),
        cmocka_unit_test(rings_are_parsed_strictly),
        cmocka_unit_test(macs_differ_by_key_purpose_and_bytes),
        cmocka_unit_test(macs_under_all_keys),
        cmocka_unit_test(the_format_stays),
    };
    return cmocka_run_group_tests_name("seal", tests, setup, teardown);
}
