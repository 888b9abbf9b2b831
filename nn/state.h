/* Saving and loading a module: its state dict in a safetensors file. */
#ifndef FOVEA_NN_STATE_H
#define FOVEA_NN_STATE_H

#include "module.h"
#include "../tensor/args.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Writes fv_state_dict(m) to path, with PyTorch's names: safetensors.torch.load_file reads it. The
 * file is replaced as a whole or not at all.  Errors: NULL, memory, the system.
 * Source: torch.save(m.state_dict(), path). */
fv_status fv_save(fv_module *m, const char *path);

typedef struct fv_load_args {
    size_t size;
    fv_module *module;
    const char *path;
    bool strict; /* true: the names in the file and in the module must be the same */
} fv_load_args;
#define FV_LOAD_DEFAULTS FV_DEFAULTS(fv_load_args, .strict = true)
extern const fv_load_args fv_load_defaults;

/* Reads a file of fv_save, or of safetensors.torch.save_file, into the parameters and buffers,
 * converting the element type where it differs. fv_load(m, path), fv_load(m, path, .strict =
 * false). Errors: a file that is damaged, names that are missing or unexpected (they are listed),
 * another shape, memory, the system. Nothing in the module is touched then. Source:
 * torch.nn.Module.load_state_dict. */
fv_status fv_load_ex(const fv_load_args *a);
#define fv_load(...) FV_CALL(fv_load_ex, fv_load_args, FV_LOAD_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
