/* The files of a checkpoint: the last one, those before it and the best. Private to train/. */
#ifndef FOVEA_TRAIN_FILES_IMPL_H
#define FOVEA_TRAIN_FILES_IMPL_H

#include <stdbool.h>
#include <stdint.h>

#include "tensor/error.h"

/* A path that needs no allocation, so that nothing but the system can stop a file from moving. */
enum { FV_MAX_PATH = 4000 };
typedef struct fv_path {
    char text[FV_MAX_PATH + 32];
} fv_path;

/* "run.safetensors" and "best" give "run.best.safetensors"; without that ending, "run.best". path
 * has at most FV_MAX_PATH letters. */
fv_path fv_path_beside(const char *path, const char *word);

bool fv_file_exists(const char *path);

/* Around a save that is to leave `keep` files: before it the file at path gets a second name,
 * "run.previous.safetensors"; finish has the older ones move on by one if a new file is at path,
 * and takes the second name away if not. So after a save, whether it succeeded or not, and after
 * the death of a process between any two of these steps. */
fv_status fv_keep_before(const char *path, int64_t keep);
void fv_keep_finish(const char *path, int64_t keep);

#endif
