/* The environment; see environment.h. */
#include "tensor/environment.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/error.h"

enum { VARIABLES = 16, WORDS_BYTES = 256 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool fv_same_word(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b)) a++, b++;
    return lower(*a) == lower(*b);
}

/* True the first time that it is asked about a variable. */
static bool first_time(const char *variable)
{
    static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    static const char *told[VARIABLES];
    int i = 0;
    pthread_mutex_lock(&mutex);
    while (i < VARIABLES && told[i] && strcmp(told[i], variable) != 0) i++;
    const bool first = i < VARIABLES && !told[i];
    if (first) told[i] = variable;
    pthread_mutex_unlock(&mutex);
    return first;
}

static void warn_of_word(const char *variable, const char *value, const char *const *names)
{
    char list[WORDS_BYTES] = "";
    size_t used = 0;
    if (!first_time(variable)) return;
    for (int i = 0; names[i] && used < sizeof list; i++)
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", i ? ", " : "", names[i]);
    fv_warn("%s=%s means nothing; it takes %s", variable, value, *list ? list : "nothing here");
}

static const char *value_of(const char *variable)
{
    const char *value = getenv(variable);
    return value && *value ? value : NULL;
}

int fv_environment_word(const char *variable, const char *const *names)
{
    const char *value = value_of(variable);
    if (!value) return -1;
    for (int i = 0; names[i]; i++)
        if (fv_same_word(value, names[i])) return i;
    warn_of_word(variable, value, names);
    return -1;
}

int64_t fv_environment_number(const char *variable, int64_t low, int64_t high, int64_t otherwise)
{
    const char *value = value_of(variable);
    if (!value) return otherwise;
    char *end;
    errno = 0;
    const long long n = strtoll(value, &end, 10);
    if (end != value && !*end && errno == 0 && n >= low && n <= high) return n;
    if (first_time(variable))
        fv_warn("%s=%s means nothing; it takes a whole number from %lld to %lld", variable, value,
                (long long)low, (long long)high);
    return otherwise;
}

bool fv_environment_switch(int *state, const char *variable, bool otherwise)
{
    int now = __atomic_load_n(state, __ATOMIC_RELAXED);
    if (now == FV_SWITCH_UNKNOWN) {
        now = (int)fv_environment_number(variable, 0, 1, otherwise);
        __atomic_store_n(state, now, __ATOMIC_RELAXED);
    }
    return now;
}
