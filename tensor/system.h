/* What differs between the systems that the library runs on, in one place. POSIX is the model;
 * Windows lacks some of it and names some of it otherwise. Private to the library. */
#ifndef FOVEA_TENSOR_SYSTEM_H
#define FOVEA_TENSOR_SYSTEM_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Memory in pages, at a multiple of `align` (a power of two, at least a page); NULL when there is
 * none. The larger ones ask for huge pages. */
void *fv_system_pages(size_t bytes, size_t align);
void fv_system_pages_free(void *pages, size_t bytes);

/* Bytes of the machine's memory; 1 GiB where the system does not tell. */
int64_t fv_system_memory(void);

/* Starts a thread that leaves all signals to the others. The status is that of pthread_create. */
int fv_system_thread(pthread_t *id, const pthread_attr_t *attributes, void *(*run)(void *),
                     void *argument);

/* pthread_atfork, where there is a fork. */
void fv_system_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void));

/* Processors that are switched on; at least 1. */
int fv_system_cpus(void);

/* Opens a file to read its bytes; -1 and errno, as open. Does not wait at a FIFO. */
int fv_system_open(const char *path);

/* Reads at a place of the file; like pread. */
int64_t fv_system_read_at(int fd, void *out, size_t count, uint64_t offset);

/* A stream that becomes a string. end closes it and returns the string, which is to be freed; NULL
 * when memory was out. begin returns false then. */
typedef struct fv_text_stream {
    FILE *out;
    char *text;
    size_t size;
} fv_text_stream;

bool fv_text_stream_begin(fv_text_stream *stream);
char *fv_text_stream_end(fv_text_stream *stream);

#endif
