/* Mistakes: one line each, beginning with where it stands. */
#include "component/config_draft.h"

#include <stdarg.h>

static void begin_line(struct draft *draft, unsigned line)
{
    draft->mistake_count++;
    (void)fprintf(draft->mistakes, "%s:%u: ", draft->path, line);
}

static void begin_setting(struct draft *draft, enum setting_id id, enum source source)
{
    const struct setting *setting = setting_of(id);
    bool is_file = source == SOURCE_FILE_PATH || source == SOURCE_ENVIRONMENT_PATH;
    if (source == SOURCE_ENVIRONMENT || source == SOURCE_ENVIRONMENT_PATH) {
        char variable[VARIABLE_SIZE];
        setting_variable((struct setting_name){.id = id, .is_file = is_file}, variable);
        draft->mistake_count++;
        (void)fprintf(draft->mistakes, "environment: %s: ", variable);
        return;
    }
    if (source == SOURCE_DEFAULT) {
        draft->mistake_count++;
        (void)fprintf(draft->mistakes, "%s: ", draft->path != NULL ? draft->path : "configuration");
    } else {
        begin_line(draft, draft->settings[id].given[source].line);
    }
    (void)fprintf(draft->mistakes, "[%s] %s%s: ", setting->section, setting->key, is_file ? "_file" : "");
}

static void end(struct draft *draft, const char *format, va_list arguments)
{
    (void)vfprintf(draft->mistakes, format, arguments);
    (void)fputc('\n', draft->mistakes);
}

void mistake_on_line(struct draft *draft, unsigned line, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    begin_line(draft, line);
    end(draft, format, arguments);
    va_end(arguments);
}

void mistake_in_variable(struct draft *draft, const char *variable, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    draft->mistake_count++;
    (void)fprintf(draft->mistakes, "environment: %s: ", variable);
    end(draft, format, arguments);
    va_end(arguments);
}

void mistake_in_source(struct draft *draft, enum setting_id id, enum source source, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    begin_setting(draft, id, source);
    end(draft, format, arguments);
    va_end(arguments);
}

void mistake_in(struct draft *draft, enum setting_id id, const char *format, ...)
{
    if (draft->settings[id].broken) {
        return;
    }
    va_list arguments;
    va_start(arguments, format);
    begin_setting(draft, id, draft->settings[id].in_force);
    end(draft, format, arguments);
    va_end(arguments);
}

bool draft_give(struct draft *draft, struct setting_name name, enum source source, const char *text, unsigned line)
{
    struct given *given = &draft->settings[name.id].given[name.is_file ? source + 1 : source];
    if (given->text != NULL) {
        return false;
    }
    *given = (struct given){.text = text, .line = line};
    return true;
}
