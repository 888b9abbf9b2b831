/* The C locale for a while, for one thread; see numerals.h. */
#define _GNU_SOURCE /* newlocale, uselocale */
#include "tensor/numerals.h"

#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(LC_NUMERIC_MASK) && !defined(_WIN32)

/* Lives as long as the process. NULL when memory was out: then the program's own locale stays. */
static locale_t plain;

static void make_plain(void)
{
    locale_t own = duplocale(uselocale((locale_t)0));
    plain = newlocale(LC_NUMERIC_MASK, "C", own);
    if (!plain && own) freelocale(own);
}

void *fv_numerals_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_plain);
    return plain ? (void *)uselocale(plain) : NULL;
}

void fv_numerals_end(void *before)
{
    if (before) uselocale((locale_t)before);
}

#else /* a system without locales of threads */

void *fv_numerals_begin(void)
{
    return NULL;
}

void fv_numerals_end(void *before)
{
    (void)before;
}

#endif

int fv_vformat(char *text, size_t size, const char *format, va_list args)
{
    void *before = fv_numerals_begin();
    int n = vsnprintf(text, size, format, args);
    fv_numerals_end(before);
    return n;
}

int fv_format(char *text, size_t size, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = fv_vformat(text, size, format, args);
    va_end(args);
    return n;
}

double fv_parse_number(const char *text, char **end)
{
    void *before = fv_numerals_begin();
    double number = strtod(text, end);
    fv_numerals_end(before);
    return number;
}
