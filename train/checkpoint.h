/* Checkpoints: everything that a run needs to go on where it stood, in one file.
 *
 *     int64_t epoch = 0;
 *     fv_checkpoint *run = fv_checkpoint_new("run.safetensors", .module = net, .optim = opt,
 *                                            .scheduler = schedule, .loader = batches);
 *     fv_checkpoint_int(run, "epoch", &epoch);
 *     if (resume && fv_checkpoint_load(run) != FV_OK) return 1;
 *     for (; epoch < epochs;) {
 *         ...
 *         epoch++;
 *         fv_checkpoint_save(run, .metric = accuracy);
 *     }
 *     fv_free(run);
 *
 * A run that is loaded ends with the same bits as one that was never stopped, at the end of an
 * epoch and in the midst of one. The file holds
 *
 *   model.*          parameters and buffers: fv_state_dict(module)
 *   optim.*          its state and the groups' options     } optim/state.h
 *   scheduler.*      its options and where it stands       }
 *   loader.*         seed, epoch, next batch; the batches of an epoch, which must agree
 *   rng.*            the process-wide generator
 *   value.*          numbers and tensors of the user's own
 *
 * and is a safetensors file, which other programs can read. It is written as a whole or not at all:
 * whenever the process dies, the last checkpoint is good.
 *
 * On many ranks (nn/parallel/distributed.h) all call these functions; the rank that writes saves,
 * and every rank loads the file, which lies where all see it. Loader and generator are those of the
 * rank that saved, so all ranks seed alike. When a rank has gone (FV_ERR_PEER) fv_clear_error and
 * fv_checkpoint_save keep what the last complete step has left. */
#ifndef FOVEA_TRAIN_CHECKPOINT_H
#define FOVEA_TRAIN_CHECKPOINT_H

#include "../data/loader.h"
#include "../nn/module.h"
#include "../optim/scheduler.h"
#include "../tensor/args.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_checkpoint fv_checkpoint;

typedef struct fv_checkpoint_new_args {
    size_t size;
    const char *path;
    fv_module *module; /* each may be left out */
    fv_optim *optim;
    fv_scheduler *scheduler;
    fv_loader *loader;
    int64_t keep_last;    /* 1: how many of the last checkpoints are kept */
    fv_plateau_mode best; /* FV_MODE_MAX: the best metric is the largest; FV_MODE_MIN: the least */
} fv_checkpoint_new_args;
#define FV_CHECKPOINT_NEW_DEFAULTS                                                                 \
    FV_DEFAULTS(fv_checkpoint_new_args, .keep_last = 1, .best = FV_MODE_MAX)
extern const fv_checkpoint_new_args fv_checkpoint_new_defaults;

/* Says what belongs to the run; writes and reads nothing. Everything is borrowed and must outlive
 * the checkpoint. With .keep_last = 3 the two before the last are kept beside "run.safetensors" as
 * "run.1.safetensors" (the one before) and "run.2.safetensors". The checkpoint with the best metric
 * is "run.best.safetensors".
 * Errors (NULL): no path, a path that cannot be written, keep_last below 1, memory; an error that
 * stands, since what was to be made before it may be missing. */
fv_checkpoint *fv_checkpoint_new_ex(const fv_checkpoint_new_args *a);
#define fv_checkpoint_new(...)                                                                     \
    FV_CALL(fv_checkpoint_new_ex, fv_checkpoint_new_args, FV_CHECKPOINT_NEW_DEFAULTS, __VA_ARGS__)

typedef struct fv_checkpoint_add_args {
    size_t size;
    fv_checkpoint *checkpoint;
    const char *name;
    fv_module *module; /* each may be left out */
    fv_optim *optim;
    fv_scheduler *scheduler;
    fv_loader *loader;
} fv_checkpoint_add_args;
#define FV_CHECKPOINT_ADD_DEFAULTS FV_NO_DEFAULTS(fv_checkpoint_add_args)
extern const fv_checkpoint_add_args fv_checkpoint_add_defaults;

/* Adds a second network, optimizer and so on; their names begin with `name` and a dot:
 *     fv_checkpoint_add(run, "critic", .module = critic, .optim = critic_opt);
 * Errors: NULL, a name that is in use or too long, an object that is in it already, memory. */
fv_status fv_checkpoint_add_ex(const fv_checkpoint_add_args *a);
#define fv_checkpoint_add(...)                                                                     \
    FV_CALL(fv_checkpoint_add_ex, fv_checkpoint_add_args, FV_CHECKPOINT_ADD_DEFAULTS, __VA_ARGS__)

/* Adds a number or a tensor of one's own: what it holds is written by each save, and overwritten by
 * a load. Borrowed; a tensor is retained.
 * Errors: NULL, a name that is in use, a failed tensor, memory. */
fv_status fv_checkpoint_int(fv_checkpoint *checkpoint, const char *name, int64_t *value);
fv_status fv_checkpoint_double(fv_checkpoint *checkpoint, const char *name, double *value);
fv_status fv_checkpoint_tensor(fv_checkpoint *checkpoint, const char *name, fv_tensor *t);

/* Adds a text that the run is bound to ("resnet20, batches of 128"): a load refuses a checkpoint
 * with another one. Copied.   Errors: NULL, a name that is in use, memory. */
fv_status fv_checkpoint_expect(fv_checkpoint *checkpoint, const char *name, const char *text);

typedef struct fv_checkpoint_save_args {
    size_t size;
    fv_checkpoint *checkpoint;
    double metric; /* if given, the best checkpoint is kept apart */
} fv_checkpoint_save_args;
#define FV_CHECKPOINT_SAVE_DEFAULTS FV_DEFAULTS(fv_checkpoint_save_args, .metric = FV_UNSET_NUMBER)
extern const fv_checkpoint_save_args fv_checkpoint_save_defaults;

/* Writes the checkpoint. Between two steps, when nobody is using the objects. On another rank than
 * the one that writes (fv_is_writer) there is nothing to do.
 * Errors: an error that stands (FV_ERR_STATE; what it spoilt would last), the system, memory. The
 * old file stands then. */
fv_status fv_checkpoint_save_ex(const fv_checkpoint_save_args *a);
#define fv_checkpoint_save(...)                                                                    \
    FV_CALL(fv_checkpoint_save_ex, fv_checkpoint_save_args, FV_CHECKPOINT_SAVE_DEFAULTS,           \
            __VA_ARGS__)

typedef struct fv_checkpoint_load_args {
    size_t size;
    fv_checkpoint *checkpoint;
    const char *path; /* another one than the checkpoint's, "run.1.safetensors" for example */
} fv_checkpoint_load_args;
#define FV_CHECKPOINT_LOAD_DEFAULTS FV_NO_DEFAULTS(fv_checkpoint_load_args)
extern const fv_checkpoint_load_args fv_checkpoint_load_defaults;

/* Together, on many ranks: reads a checkpoint of a run with the same objects into them.
 * Errors: a file that is missing or damaged or no checkpoint; another network (names, shapes,
 * types), optimizer, scheduler, loader or text; something that is in the file and not in this run,
 * or the other way round; an error that stands. Nothing is touched then. */
fv_status fv_checkpoint_load_ex(const fv_checkpoint_load_args *a);
#define fv_checkpoint_load(...)                                                                    \
    FV_CALL(fv_checkpoint_load_ex, fv_checkpoint_load_args, FV_CHECKPOINT_LOAD_DEFAULTS,           \
            __VA_ARGS__)

/* Is there a file at its path? */
bool fv_checkpoint_exists(const fv_checkpoint *checkpoint);

/* The best metric of the run so far; NaN when there was none. */
double fv_checkpoint_best(const fv_checkpoint *checkpoint);

/* Leaves files and objects alone. NULL is fine. */
void fv_checkpoint_free(fv_checkpoint *checkpoint);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
