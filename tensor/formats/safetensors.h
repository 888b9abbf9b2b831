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
 * row-major. The file is made beside the target, synced and renamed over it: see fv_can_save for
 * what may be a target.
 * Errors: a failed tensor, a name twice or "__metadata__" or no UTF-8, a NULL, memory, the system;
 * then the old file stands as it was. Refused while an error stands (FV_ERR_STATE).
 * Source: safetensors.torch.save_file. */
fv_status fv_save_tensors(const char *path, const char *const *names, fv_tensor *const *tensors,
                          int64_t count, const fv_metadata *metadata, int64_t metadata_count);

/* Can a file be saved there? Ask before an hour of training: everything is tried but the writing.
 * A target is a regular file that may be written, or none yet, in a folder where one can be made;
 * never a folder, a device, a FIFO, a socket or the file that stdout or stderr goes to. A symbolic
 * link stays one: what it leads to is replaced. The new file keeps the permissions of the old one,
 * and group and owner where the system lets it; hard links keep the old content. Temporary files
 * (path.PID.N.tmp) of saves that were killed are removed.
 * False after an error, as fv_save would give it; false as well while another error stands. */
bool fv_can_save(const char *path);

/* An open file whose header has passed every check. Tensors are numbered in order of name. */
typedef struct fv_tensor_file fv_tensor_file;

/* NULL after an error: the system, memory, or FV_ERR_FORMAT, whose message tells a damaged file
 * from one of another kind ("it is a PyTorch file; convert it: ..."). Refused while an error
 * stands. Source: safetensors.safe_open. */
fv_tensor_file *fv_tensor_file_open(const char *path);

/* The same on a file's bytes in memory, which the caller keeps until fv_tensor_file_free. */
fv_tensor_file *fv_tensor_file_parse(const void *bytes, size_t count);

/* Closes the file. NULL is fine. */
void fv_tensor_file_free(fv_tensor_file *file);

/* How many tensors there are; 0 for NULL. */
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

/* All notes, in order of key; NULLs for an i out of range. */
int64_t fv_tensor_file_metadata_count(const fv_tensor_file *file);
fv_metadata fv_tensor_file_metadata_at(const fv_tensor_file *file, int64_t i);

/* Reads tensor i, contiguous, owned by the innermost scope.
 * Errors: i out of range, a type that the library has not (U16 and the like: FV_ERR_DTYPE), memory,
 * the system. While an error stands, the failed tensor and nothing else. */
fv_tensor *fv_tensor_file_read(const fv_tensor_file *file, int64_t i);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
