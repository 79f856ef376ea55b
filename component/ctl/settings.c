/* registrarctl role, consent: one word of an account. */
#include <stdio.h>
#include <string.h>

#include "component/ctl/ctl.h"
#include "sql/administration.h"

/* The word's place in the list, which ends with NULL; -1: it is none of them. */
static int place_of(const char *word, const char *const *words)
{
    for (int i = 0; word != NULL && words[i] != NULL; i++)
        if (strcmp(word, words[i]) == 0)
            return i;
    return -1;
}

static enum ctl_status unknown_word(const char *word)
{
    fprintf(stderr, "registrarctl: %s: is no such word; see registrarctl --help\n", word != NULL ? word : "nothing");
    return CTL_USAGE;
}

static enum ctl_status said(const struct ctl *ctl, const char *what, const struct account *account, const char *word,
                            enum err err)
{
    if (err != OK)
        return ctl_failed(err);
    ctl_audit(ctl, what, account->id, word);
    printf("%s: %s\n", what, word);
    return CTL_DONE;
}

CTL_COMMAND(ctl_role)
{
    static const char *const words[] = {"user", "service", "superadmin", NULL};
    const int place = place_of(argument, words);
    if (place < 0)
        return unknown_word(argument);
    const enum err err = administration_set_role(ctl->worker.pg, account->id, (enum role)(ROLE_USER + place));
    return said(ctl, "role", account, argument, err);
}

CTL_COMMAND(ctl_consent)
{
    static const char *const words[] = {"accept", "ask", "refuse", NULL};
    const int place = place_of(argument, words);
    if (place < 0)
        return unknown_word(argument);
    const enum err err = accounts_set_consent(ctl->worker.pg, account->id, (enum consent)place);
    return said(ctl, "consent", account, argument, err);
}
