/* Digests and HMAC by the vectors of their standards, from several threads at once; random numbers by what they must
 * never do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include "component/base/crypto.h"
#include "component/base/text.h"

static void assert_digest(const uint8_t digest[SHA256_SIZE], const char *hex)
{
    char actual[2 * SHA256_SIZE + 1];
    hex_encode(digest, SHA256_SIZE, actual);
    assert_string_equal(actual, hex);
}

static int init(void **state)
{
    (void)state;
    crypto_init();
    crypto_init(); /* harmless */
    return 0;
}

/* FIPS 180-4 examples. */
static void sha256_vectors(void **state)
{
    (void)state;
    uint8_t digest[SHA256_SIZE];
    sha256("abc", 3, digest);
    assert_digest(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256("", 0, digest);
    assert_digest(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    const char *two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    sha256(two_blocks, strlen(two_blocks), digest);
    assert_digest(digest, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

/* RFC 4231, test cases 1, 2 and 6 (a key longer than a block). */
static void hmac_vectors(void **state)
{
    (void)state;
    uint8_t mac[SHA256_SIZE];
    char key[131];
    memset(key, 0x0b, 20);
    hmac_sha256(secret_of(key, 20), "Hi There", 8, mac);
    assert_digest(mac, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hmac_sha256(secret_of_cstr("Jefe"), "what do ya want for nothing?", 28, mac);
    assert_digest(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    hmac_sha256(secret_of(key, sizeof key), "Test Using Larger Than Block-Size Key - Hash Key First", 54, mac);
    assert_digest(mac, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    hmac_sha256(secret_of_cstr(""), "", 0, mac);
    assert_digest(mac, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* RFC 1321, A.5, and FIPS 180-4. */
static void old_digests(void **state)
{
    (void)state;
    char md5[MD5_HEX_SIZE], sha1[41];
    md5_hex("", 0, md5);
    assert_string_equal(md5, "d41d8cd98f00b204e9800998ecf8427e");
    md5_hex("message digest", 14, md5);
    assert_string_equal(md5, "f96b697d7cb7938d525a2f31aaf161d0");
    sha1_hex("abc", 3, sha1);
    assert_string_equal(sha1, "a9993e364706816aba3e25717850c26c9cd0d89d");
}

static void *digest_many(void *arg)
{
    const char *text = arg;
    uint8_t first[SHA256_SIZE], digest[SHA256_SIZE], mac[SHA256_SIZE], first_mac[SHA256_SIZE];
    sha256(text, strlen(text), first);
    hmac_sha256(secret_of_cstr(text), text, strlen(text), first_mac);
    for (int i = 0; i < 2000; i++) {
        sha256(text, strlen(text), digest);
        hmac_sha256(secret_of_cstr(text), text, strlen(text), mac);
        if (memcmp(first, digest, sizeof first) != 0 || memcmp(first_mac, mac, sizeof mac) != 0)
            return "differs";
    }
    return NULL;
}

static void threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    static char texts[4][8] = {"one", "two", "three", "four"};
    pthread_t threads[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, digest_many, texts[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *failure;
        pthread_join(threads[i], &failure);
        assert_null(failure);
    }
}

static void random_bytes_fill_all_and_differ(void **state)
{
    (void)state;
    static uint8_t bytes[100000], zeros[16];
    random_bytes(bytes, sizeof bytes);
    for (size_t i = 0; i + 16 <= sizeof bytes; i += 16)
        assert_memory_not_equal(bytes + i, zeros, 16);
    uint8_t other[32];
    random_bytes(other, sizeof other);
    assert_memory_not_equal(bytes, other, sizeof other);
    random_bytes(other, 0);
}

/* Ten thousand draws of six: each 1667 times with a deviation of 37; six deviations off is one run in 10^8. */
static void below_is_uniform(void **state)
{
    (void)state;
    unsigned seen[6] = {0};
    for (int i = 0; i < 10000; i++)
        seen[random_below(6)]++;
    for (int i = 0; i < 6; i++)
        assert_in_range(seen[i], 1667 - 223, 1667 + 223);
    assert_int_equal(random_below(1), 0);
    /* 2^32 is no multiple of 3 * 2^30: a plain remainder would fall into the first third every second time. */
    unsigned first_third = 0;
    for (int i = 0; i < 3000; i++)
        first_third += random_below(UINT32_C(3) << 30) < UINT32_C(1) << 30;
    assert_in_range(first_third, 1000 - 156, 1000 + 156);
}

static void text_is_of_its_alphabet(void **state)
{
    (void)state;
    char text[1001];
    random_text("0123456789", 1000, text);
    assert_int_equal(strlen(text), 1000);
    assert_true(text_only_of(text, "0123456789"));
    for (const char *digit = "0123456789"; *digit; digit++)
        assert_non_null(strchr(text, *digit));
    random_text("x", 5, text);
    assert_string_equal(text, "xxxxx");
    random_text("ab", 0, text);
    assert_string_equal(text, "");
}

/* 200 does not divide 256: a plain remainder would draw the first 56 letters twice as often, 1312 times here. */
static void text_is_uniform(void **state)
{
    (void)state;
    char alphabet[201] = {0}, text[3001];
    for (int i = 0; i < 200; i++)
        alphabet[i] = (char)(i + 1);
    random_text(alphabet, 3000, text);
    unsigned early = 0;
    for (int i = 0; i < 3000; i++)
        early += (uint8_t)text[i] <= 56;
    assert_in_range(early, 840 - 150, 840 + 150);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_vectors),
        cmocka_unit_test(hmac_vectors),
        cmocka_unit_test(old_digests),
        cmocka_unit_test(threads_do_not_disturb_each_other),
        cmocka_unit_test(random_bytes_fill_all_and_differ),
        cmocka_unit_test(below_is_uniform),
        cmocka_unit_test(text_is_of_its_alphabet),
        cmocka_unit_test(text_is_uniform),
    };
    return cmocka_run_group_tests_name("crypto", tests, init, NULL);
}
