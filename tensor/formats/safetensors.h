/* Tensors in a file: the safetensors format.
 *
 *   u64 length of the header, little endian │ header: JSON, padded with spaces │ data, row-major
 *
 * Writing is atomic and durable: at every instant the target is the old file or the new one, whole.
 * Reading trusts nothing: the header is bounded by the file's size before it is read, the offsets
 * must tile the data without hole or overlap, and each must agree with its shape and type.
 * Source: github.com/huggingface/safetensors. */
#ifndef FOVEA_TENSOR_FORMATS_SAFETENSORS_H
#define FOVEA_TENSOR_FORMATS_SAFETENSORS_H

#include "../tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* A note in the file's header. */
typedef struct fv_metadata {
    const char *key;
    const char *value;
} fv_metadata;

/* Writes count tensors under their names, and the notes, to path. Any memory order is written
 * row-major. The file is made beside the target, synced and renamed over it.
 * Errors: a failed tensor, a name twice or "__metadata__" or no UTF-8, memory, the system; then the
 * old file stands as it was. Without libjansson: FV_ERR_STATE.
 * Source: safetensors.torch.save_file. */
fv_status fv_save_tensors(const char *path, const char *const *names, fv_tensor *const *tensors,
                          int64_t count, const fv_metadata *metadata, int64_t metadata_count);

/* An open file whose header has passed every check. Tensors are numbered in order of name. */
typedef struct fv_tensor_file fv_tensor_file;

/* NULL after an error: the system, or a file that breaks a rule of the format (FV_ERR_FORMAT).
 * Source: safetensors.safe_open. */
fv_tensor_file *fv_tensor_file_open(const char *path);

/* The same on a file's bytes in memory, which the caller keeps until fv_tensor_file_free. */
fv_tensor_file *fv_tensor_file_parse(const void *bytes, size_t count);

/* NULL is fine. */
void fv_tensor_file_free(fv_tensor_file *file);

int64_t fv_tensor_file_count(const fv_tensor_file *file);

/* Name and shape of tensor i; NULL and FV_SCALAR for an i out of range. */
const char *fv_tensor_file_name(const fv_tensor_file *file, int64_t i);
fv_shape fv_tensor_file_shape(const fv_tensor_file *file, int64_t i);

/* The type as the file spells it ("F32"), NULL for an i out of range. */
const char *fv_tensor_file_type(const fv_tensor_file *file, int64_t i);

/* Number of the tensor of that name, or -1. */
int64_t fv_tensor_file_find(const fv_tensor_file *file, const char *name);

/* The value of a note, or NULL. */
const char *fv_tensor_file_metadata(const fv_tensor_file *file, const char *key);

/* Reads tensor i, contiguous, owned by the innermost scope.
 * Errors: i out of range, a type that the library has not (U16 and the like: FV_ERR_DTYPE), memory,
 * the system. */
fv_tensor *fv_tensor_file_read(const fv_tensor_file *file, int64_t i);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
