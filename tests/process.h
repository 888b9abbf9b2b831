/* What the operating system says of this process. */
#ifndef FOVEA_TESTS_PROCESS_H
#define FOVEA_TESTS_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#ifdef __has_feature
#define FOVEA_FEATURE(name) __has_feature(name)
#else
#define FOVEA_FEATURE(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || FOVEA_FEATURE(address_sanitizer)
#define FOVEA_ASAN 1
#else
#define FOVEA_ASAN 0
#endif
#if defined(__SANITIZE_THREAD__) || FOVEA_FEATURE(thread_sanitizer)
#define FOVEA_TSAN 1
#else
#define FOVEA_TSAN 0
#endif
#define FOVEA_SANITIZED (FOVEA_ASAN || FOVEA_TSAN)

/* Bytes of the process in memory; 0 where that is not known or says nothing, because a sanitizer's
 * own memory is among them. */
static inline int64_t resident_bytes(void)
{
    long long size = 0, resident = 0;
    FILE *file = FOVEA_SANITIZED ? NULL : fopen("/proc/self/statm", "r");
    if (!file) return 0;
    int found = fscanf(file, "%lld %lld", &size, &resident);
    fclose(file);
    return found == 2 ? resident * sysconf(_SC_PAGESIZE) : 0;
}

#endif
