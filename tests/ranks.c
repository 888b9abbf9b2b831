/* See ranks.h. */
#include "ranks.h"

#include <pthread.h>

static pthread_mutex_t notes_lock = PTHREAD_MUTEX_INITIALIZER;

void note(const char *what, int rank)
{
    pthread_mutex_lock(&notes_lock);
    note_failure("rank %d: %s", rank, what);
    pthread_mutex_unlock(&notes_lock);
}

double element(int rank, int64_t i)
{
    return (double)((i * 37 + rank * 101) % 64 - 31) / (rank + 1);
}
