/* A folder for checkpoints, and a small training to save and go on with, for the tests of them. */
#ifndef FOVEA_TESTS_CHECKPOINT_RUN_H
#define FOVEA_TESTS_CHECKPOINT_RUN_H

#include "support.h"

/* --- a folder for the files ------------------------------------------------------------------- */

/* Around each test; the second sees to it that no file is left but those that have a name there. */
void make_folder(void);
void remove_folder(void);

/* One of 8 buffers in turn. */
const char *in_folder(const char *name);
bool file_exists(const char *name);
bool same_files(const char *a, const char *b);

/* --- a run ------------------------------------------------------------------------------------ */

/* Which optimizer, which scheduler, and what a mismatch changes. */
typedef struct recipe {
    int optim, scheduler;
    int64_t channels, batch_size, step_size;
    fv_dtype dtype;
    bool one_group;
} recipe;

enum { OPTIMS = 7, SCHEDULERS = 9, STEPS = 14, IMAGES = 18 };

extern const recipe usual;

typedef struct run {
    fv_dataset *set;
    fv_loader *batches;
    fv_module *net;
    fv_optim *opt;
    fv_scheduler *scheduler;
    fv_checkpoint *checkpoint;
    bool plateau;
    double total; /* loss of this epoch */
    int64_t seen;
    fv_tensor *average; /* of the first parameter */
} run;

/* With a checkpoint of that name in the folder, which borrows *t. */
void start(run *t, const recipe *r, uint64_t seed, const char *name);
void stop(run *t);
void train(run *t, int steps);
void save(run *t);

#endif
