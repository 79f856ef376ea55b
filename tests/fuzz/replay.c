/* A main for the fuzz targets that runs each file named once: the corpus as a test, under whatever sanitizers the build
 * has. To look for new inputs, link a target with clang's -fsanitize=fuzzer instead of this. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A corpus file is small; a longer one is cut. The copy is exactly as long as the input, so that a read past its end is
 * seen. */
static int replay(const char *path)
{
    static uint8_t input[1 << 20];
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 1;
    }
    size_t length = fread(input, 1, sizeof input, file);
    fclose(file);
    uint8_t *copy = malloc(length + (length == 0));
    if (!copy)
        abort();
    for (size_t i = 0; i < length; i++)
        copy[i] = input[i];
    LLVMFuzzerTestOneInput(copy, length);
    free(copy);
    return 0;
}

int main(int argc, char **argv)
{
    int failed = argc < 2;
    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        failed |= replay(argv[i]);
    printf("%s: %d inputs\n", argv[0], argc - 1);
    return failed;
}
