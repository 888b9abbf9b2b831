/* The systems behind system.h. */
#define _GNU_SOURCE
#include "tensor/system.h"

#include <fcntl.h>
#include <stdlib.h>

#ifdef _WIN32
#include <io.h>
#include <malloc.h>
#include <windows.h>
#else
#include <signal.h>
#include <unistd.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

/* --- memory ----------------------------------------------------------------------------------- */

#if defined(__linux__)

enum { PAGE = 4096 };

/* The system gives pages at multiples of a page: what lies before and behind goes back. */
void *fv_system_pages(size_t bytes, size_t align)
{
    size_t slack = align > PAGE ? align : 0;
    char *p = mmap(NULL, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    if (!slack) return p;
    size_t head = (align - (size_t)p % align) % align;
    if (head) munmap(p, head);
    if (slack - head) munmap(p + head + bytes, slack - head);
    p += head;
    madvise(p, bytes, MADV_HUGEPAGE);
    return p;
}

void fv_system_pages_free(void *pages, size_t bytes)
{
    munmap(pages, bytes);
}

#elif defined(_WIN32)

void *fv_system_pages(size_t bytes, size_t align)
{
    return _aligned_malloc(bytes, align);
}

void fv_system_pages_free(void *pages, size_t bytes)
{
    (void)bytes;
    _aligned_free(pages);
}

#else

void *fv_system_pages(size_t bytes, size_t align)
{
    void *pages;
    return posix_memalign(&pages, align, bytes) == 0 ? pages : NULL;
}

void fv_system_pages_free(void *pages, size_t bytes)
{
    (void)bytes;
    free(pages);
}

#endif

static const int64_t unknown_memory = INT64_C(1) << 30;

#ifdef _WIN32

int64_t fv_system_memory(void)
{
    MEMORYSTATUSEX status = {.dwLength = sizeof status};
    return GlobalMemoryStatusEx(&status) ? (int64_t)status.ullTotalPhys : unknown_memory;
}

#else

int64_t fv_system_memory(void)
{
#ifdef _SC_PHYS_PAGES
    int64_t pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    if (pages > 0 && page > 0) return pages * page;
#endif
    return unknown_memory;
}

#endif

/* --- threads ---------------------------------------------------------------------------------- */

#ifdef _WIN32

int fv_system_thread(pthread_t *id, const pthread_attr_t *attributes, void *(*run)(void *),
                     void *argument)
{
    return pthread_create(id, attributes, run, argument); /* there are no signals to block */
}

void fv_system_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    (void)before, (void)in_parent, (void)in_child;
}

int fv_system_cpus(void)
{
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwNumberOfProcessors > 1 ? (int)info.dwNumberOfProcessors : 1;
}

#else

int fv_system_thread(pthread_t *id, const pthread_attr_t *attributes, void *(*run)(void *),
                     void *argument)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    int error = pthread_create(id, attributes, run, argument);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return error;
}

void fv_system_at_fork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void))
{
    pthread_atfork(before, in_parent, in_child);
}

int fv_system_cpus(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    return cpus > 1 ? (int)cpus : 1;
}

#endif

/* --- files and text --------------------------------------------------------------------------- */

#ifdef _WIN32

int fv_system_open(const char *path)
{
    return _open(path, _O_RDONLY | _O_BINARY | _O_NOINHERIT);
}

int64_t fv_system_read_at(int fd, void *out, size_t count, uint64_t offset)
{
    if (_lseeki64(fd, (int64_t)offset, SEEK_SET) < 0) return -1;
    return _read(fd, out, count < INT32_MAX ? (unsigned)count : INT32_MAX);
}

bool fv_text_stream_begin(fv_text_stream *stream)
{
    *stream = (fv_text_stream){.out = tmpfile()};
    return stream->out != NULL;
}

char *fv_text_stream_end(fv_text_stream *stream)
{
    long size = ftell(stream->out);
    if (size >= 0) stream->text = malloc((size_t)size + 1);
    rewind(stream->out);
    bool ok = stream->text && fread(stream->text, 1, (size_t)size, stream->out) == (size_t)size;
    fclose(stream->out);
    if (ok) {
        stream->text[size] = '\0';
        return stream->text;
    }
    free(stream->text);
    return NULL;
}

#else

int fv_system_open(const char *path)
{
    return open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}

int64_t fv_system_read_at(int fd, void *out, size_t count, uint64_t offset)
{
    return pread(fd, out, count, (off_t)offset);
}

bool fv_text_stream_begin(fv_text_stream *stream)
{
    *stream = (fv_text_stream){0};
    stream->out = open_memstream(&stream->text, &stream->size);
    return stream->out != NULL;
}

char *fv_text_stream_end(fv_text_stream *stream)
{
    bool ok = !ferror(stream->out);
    if (fclose(stream->out) == 0 && ok) return stream->text;
    free(stream->text);
    return NULL;
}

#endif
