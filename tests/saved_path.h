/* The fixture of tests that save to a file: an empty one of its own, taken away behind each test,
 * and no messages meanwhile. */
#ifndef FOVEA_TESTS_SAVED_PATH_H
#define FOVEA_TESTS_SAVED_PATH_H

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

static char saved_path[] = "/tmp/fovea_test_XXXXXX";

static inline void make_path(void)
{
    strcpy(saved_path + strlen(saved_path) - 6, "XXXXXX");
    int fd = mkstemp(saved_path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    fv_set_log(NULL, NULL);
}

static inline void remove_path(void)
{
    unlink(saved_path);
    fv_set_log(fv_default_log, NULL);
}

#endif
