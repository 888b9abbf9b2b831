/* State: named tensors, numbers and texts, as objects that go on where they stood export them.
 *
 *     fv_state *state = fv_state_new();
 *     fv_optim_get_state(opt, state, "optim.");
 *     fv_state_put_int(state, NULL, "epoch", epoch);
 *     fv_state_save(state, "run.safetensors");
 *     fv_state_free(state);
 *
 *   "optim.state.0.exp_avg" ──► a tensor       numbers are tensors without dimensions, int64,
 * float64 "optim.type"            ──► "adam"         or bool, so that they survive to the last bit
 *
 * Every name is given as a prefix (NULL: none) and a rest. In a file texts are metadata; any
 * program that reads safetensors sees tensors and numbers. A whole run in one file:
 * train/checkpoint.h. */
#ifndef FOVEA_TENSOR_STATE_H
#define FOVEA_TENSOR_STATE_H

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_state fv_state;

/* An empty one; NULL when memory is out. */
fv_state *fv_state_new(void);

/* Releases the tensors in it. NULL is fine. */
void fv_state_free(fv_state *state);

/* --- writing ---------------------------------------------------------------------------------- */

/* Each takes the place of what has that name already. Tensors are retained, not copied: what is
 * written to one later shows in the state. Texts are copied.
 * Errors: no state, name or value; a failed tensor; a text named "format"; memory. */
fv_status fv_state_put_tensor(fv_state *state, const char *prefix, const char *name, fv_tensor *t);
fv_status fv_state_put_int(fv_state *state, const char *prefix, const char *name, int64_t value);
fv_status fv_state_put_double(fv_state *state, const char *prefix, const char *name, double value);
fv_status fv_state_put_bool(fv_state *state, const char *prefix, const char *name, bool value);
fv_status fv_state_put_text(fv_state *state, const char *prefix, const char *name,
                            const char *text);

/* --- reading ---------------------------------------------------------------------------------- */

/* What has that name, borrowed; NULL without an error when nothing of that kind has it. */
fv_tensor *fv_state_tensor(const fv_state *state, const char *prefix, const char *name);
const char *fv_state_text(const fv_state *state, const char *prefix, const char *name);

/* A number, into *value. Any tensor of one element is one.
 * Errors (*value is not touched): nothing has that name, or what has it is no number of that kind.
 */
fv_status fv_state_int(const fv_state *state, const char *prefix, const char *name, int64_t *value);
fv_status fv_state_double(const fv_state *state, const char *prefix, const char *name,
                          double *value);
fv_status fv_state_bool(const fv_state *state, const char *prefix, const char *name, bool *value);

/* How many names there are, and each of them, in the order in which they came; NULL for an i out of
 * range. */
int64_t fv_state_count(const fv_state *state);
const char *fv_state_name(const fv_state *state, int64_t i);

/* --- files ------------------------------------------------------------------------------------ */

/* Writes a safetensors file; it is replaced as a whole or not at all.
 * Errors: those of fv_save_tensors. */
fv_status fv_state_save(const fv_state *state, const char *path);

/* Reads one, or any safetensors file; NULL after an error of fv_tensor_file_open or _read.
 * Everything has been read and checked by then, so what is done with it cannot meet a damaged file
 * half way. */
fv_state *fv_state_load(const char *path);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
