#include "tests/transcripts/sessions.h"

#include <stdio.h>
#include <string.h>

#include "tests/transcripts/transcript.h"

void sessions_age(struct sessions *sessions)
{
    for (size_t i = 0; i < sessions->count; i++)
        sessions->open[i].old = true;
}

void sessions_see_said(struct sessions *sessions, const char *text, bool cut)
{
    char id[SESSION_SIZE];
    if (strstr(text, " status=\"executing\"") == NULL || !transcript_attribute(text, "sessionid", id, sizeof id) ||
        sessions->count == SESSIONS_MAX)
        return;
    snprintf(sessions->open[sessions->count].id, SESSION_SIZE, "%s", id);
    sessions->open[sessions->count].old = false;
    sessions->open[sessions->count].ended = cut;
    sessions->count++;
}

bool sessions_see_heard(struct sessions *sessions, const char *text)
{
    char id[SESSION_SIZE];
    const bool cancels = strstr(text, " action=\"cancel\"") != NULL;
    if ((!cancels && strstr(text, " action=\"complete\"") == NULL) ||
        !transcript_attribute(text, "sessionid", id, sizeof id))
        return false;
    size_t i = 0;
    while (i < sessions->count && strcmp(sessions->open[i].id, id) != 0)
        i++;
    if (i == sessions->count)
        return false;
    sessions->open[i].ended = true;
    return cancels && sessions->open[i].old;
}
