/* Printing, in PyTorch's form. */
#ifndef FOVEA_TENSOR_PRINT_H
#define FOVEA_TENSOR_PRINT_H

#include <stdio.h>

#include "tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Writes "tensor([[1.0000, 2.0000], ...])" to a new string, which the caller frees with free();
 * NULL when memory is out; "tensor(<failed>)" for a failed tensor or NULL. Four decimals or
 * scientific, columns aligned, more than 1000 elements shortened to three at each end, dtype and
 * requires_grad named where PyTorch names them. Source: torch.Tensor.__repr__ with the default
 * print options. */
char *fv_to_string(const fv_tensor *t);

/* The same, with a line end, to a stream (fv_print: stdout). */
void fv_print_to(FILE *stream, const fv_tensor *t);
void fv_print(const fv_tensor *t);

/* Set by autograd/: names the op that made a tensor, for grad_fn=<name>. */
extern const char *(*fv_print_op_name)(const fv_tensor *t);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
