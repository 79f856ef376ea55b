#include "component/service/claim_code.h"

#include <string.h>

#include "component/base/crypto.h"

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

void claim_code_make(char code_r[CLAIM_CODE_SIZE])
{
    random_text(alphabet, CLAIM_CODE_LENGTH, code_r);
}

void claim_code_show(const char code[CLAIM_CODE_SIZE], char shown_r[CLAIM_SHOWN_SIZE])
{
    enum { GROUP = CLAIM_CODE_LENGTH / 2 };
    memcpy(shown_r, code, GROUP);
    shown_r[GROUP] = '-';
    memcpy(shown_r + GROUP + 1, code + GROUP, CLAIM_CODE_LENGTH - GROUP + 1);
}

static char plain(char typed)
{
    const char upper = (char)(typed >= 'a' && typed <= 'z' ? typed - 'a' + 'A' : typed);
    return upper == 'O' ? '0' : upper == 'I' || upper == 'L' ? '1' : upper;
}

enum err claim_code_read(const char *text, char code_r[CLAIM_CODE_SIZE])
{
    size_t length = 0;
    for (; *text != '\0'; text++) {
        const char c = plain(*text);
        if (c == '-' || c == ' ')
            continue;
        if (length == CLAIM_CODE_LENGTH || strchr(alphabet, c) == NULL)
            return ERR_CODE;
        code_r[length++] = c;
    }
    code_r[length] = '\0';
    return length == CLAIM_CODE_LENGTH ? OK : ERR_CODE;
}
