/* Saving and loading a module: its state dict in a safetensors file.
 *
 *     fv_save(net, "net.safetensors", .metadata = FV_METADATA({"mean", "0.1307"}, {"std",
 * "0.3081"})); fv_load(net, "net.safetensors");
 *
 * Ask fv_can_save(path) before training. What the file's metadata says is read by
 * fv_tensor_file_metadata (formats/safetensors.h). Both are refused while an error stands. */
#ifndef FOVEA_NN_STATE_H
#define FOVEA_NN_STATE_H

#include "../tensor/args.h"
#include "../tensor/formats/safetensors.h"
#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* --- saving ----------------------------------------------------------------------------------- */

/* A list of notes, ended by one without a key: FV_METADATA({"classes", "10"}, {"by", "me"}). */
#define FV_METADATA(...) ((const fv_metadata[]){__VA_ARGS__, {NULL, NULL}})

typedef struct fv_save_args {
    size_t size;
    fv_module *module;
    const char *path;
    const fv_metadata *metadata; /* FV_METADATA(...); "format" is "pt" unless it says otherwise */
    fv_dtype dtype;              /* of floating tensors in the file; if not given, their own */
} fv_save_args;
#define FV_SAVE_DEFAULTS FV_DEFAULTS(fv_save_args, .dtype = FV_UNSET_DTYPE)
extern const fv_save_args fv_save_defaults;

/* Writes fv_state_dict(m) to path, with PyTorch's names: safetensors.torch.load_file reads it. The
 * file is replaced as a whole or not at all. fv_save(m, path), fv_save(m, path, .dtype =
 * FV_FLOAT16).  Errors: NULL, a dtype that is not floating, a number that would become infinite in
 * it, memory, the system, a target that fv_can_save refuses.
 * Source: torch.save(m.state_dict(), path). */
fv_status fv_save_ex(const fv_save_args *a);
#define fv_save(...) FV_CALL(fv_save_ex, fv_save_args, FV_SAVE_DEFAULTS, __VA_ARGS__)

/* --- loading ---------------------------------------------------------------------------------- */

typedef struct fv_name_list {
    const char *const *items;
    int64_t count;
} fv_name_list;

/* What came of each name. The lists are the caller's, who frees them with fv_load_report_free;
 * names are as the file and the module have them, unescaped (fv_printable). */
typedef struct fv_load_report {
    fv_name_list matched;    /* of the module: it takes its value from the file */
    fv_name_list missing;    /* of the module: the file has no such tensor */
    fv_name_list unexpected; /* of the file: the module has no such tensor */
    fv_name_list mismatched; /* of the module: the file's has another shape */
} fv_load_report;

/* Frees the lists and empties them; NULL is fine. */
void fv_load_report_free(fv_load_report *report);

typedef struct fv_load_args {
    size_t size;
    fv_module *module;
    const char *path;
    bool strict;            /* true: missing and unexpected names are errors */
    const char *prefix;     /* "model.": only the file's names that begin so, without it */
    fv_load_report *report; /* filled, also after an error; what it had is not freed */
} fv_load_args;
#define FV_LOAD_DEFAULTS FV_DEFAULTS(fv_load_args, .strict = true)
extern const fv_load_args fv_load_defaults;

/* Reads a file of fv_save, or of safetensors.torch.save_file, into the parameters and buffers,
 * converting the element type where it differs (float16 and bfloat16 become float32).
 * fv_load(m, path), fv_load(m, path, .strict = false, .report = &report).
 *   - A tensor of the module that has several names (tied weights) needs one of them in the file; a
 *     name that the file's metadata maps to another ("dec.weight": "enc.weight") is that one.
 *   - num_batches_tracked may be missing, as in old checkpoints, and becomes 0.
 *   - A tensor without dimensions may have been saved in shape [1].
 *   - If not strict, missing and unexpected names are in the report, or warned of without one.
 * Errors: a file that is damaged or of another kind, another shape, missing or unexpected names if
 * strict, no name that matches at all; memory, the system. The message sums up the names; nothing
 * in the module is touched then.  Source: torch.nn.Module.load_state_dict. */
fv_status fv_load_ex(const fv_load_args *a);
#define fv_load(...) FV_CALL(fv_load_ex, fv_load_args, FV_LOAD_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
