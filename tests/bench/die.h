/* The benchmarks' programs have one way to deal with a fault: a message, and the end. */
#ifndef BENCH_DIE_H
#define BENCH_DIE_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "component/base/err.h"

static inline _Noreturn PRINTF_LIKE(1, 2) void die(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

#endif
