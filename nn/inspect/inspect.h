/* What a network is, without running it: output shapes, receptive fields, parameters and
 * multiply-adds of every module and op.
 *
 *     fv_inspection *seen = fv_inspect(net, 1, 3, 32, 32);
 *     for (int64_t k = 0; k < fv_inspection_layers(seen); k++) {
 *         const fv_layer_info *layer = fv_inspection_layer(seen, k);
 *         printf("%s %s: %lld\n", layer->path, layer->kind, (long long)layer->parameters);
 *     }
 *     fv_free(seen);
 *
 *     fv_summary(net, 1, 3, 32, 32);      prints it as a table
 *
 * The network runs on tensors that have a shape only (fv_set_shapes_only), so that nothing is
 * computed, and without fusion, so that every layer is seen by itself. Modes, random state, running
 * statistics and gradients are as before afterwards. */
#ifndef FOVEA_NN_INSPECT_INSPECT_H
#define FOVEA_NN_INSPECT_INSPECT_H

#include <stdio.h>

#include "../../autograd/gradcheck.h"
#include "../module.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

enum { FV_FIELD_DIMS = 3 };

/* Which elements of the network's input an element of a tensor depends on, along each spatial
 * dimension of the input (those behind N and C): position o depends on the whole numbers from
 *
 *     o * stride - padding        to        o * stride - padding + size - 1
 *
 * (both included) that lie inside of the input, and on no others. Fractions come of layers that
 * enlarge: behind a transposed convolution with a stride of 2 positions are half a step apart. What
 * a margin of padding repeats counts as lying in the margin; batch norm in training sees the whole
 * batch.  Source: Araujo, Norris & Sim 2019, Computing Receptive Fields of Convolutional Neural
 * Networks, whose stride and padding are these (their "effective" ones). */
typedef struct fv_receptive_field {
    int dims;
    bool known; /* false: numbers are 0; see fv_layer_info.unknown */
    bool whole; /* every position depends on all positions of the input; all strides are 0 then if
                   there is but one position */
    double size[FV_FIELD_DIMS], stride[FV_FIELD_DIMS], padding[FV_FIELD_DIMS];
} fv_receptive_field;

/* The positions that position o sees of an input of that length along dimension d, into *first and
 * *last; false when it sees none, or when the field is not known. */
bool fv_field_range(const fv_receptive_field *field, int d, int64_t o, int64_t length,
                    int64_t *first, int64_t *last);

/* "3/1/1", size, stride and padding, with "5x7/4/0" where dimensions differ; "whole" where all is
 * seen and strides are 0; "unknown". As snprintf. */
int fv_field_text(const fv_receptive_field *field, char *text, size_t size);

/* A module or an op, in the order in which a tree is printed: a module before what it is made of.
 */
typedef struct fv_layer_info {
    const char *path; /* "layer1.0.conv1"; "" of the network itself; of an op that of its module */
    const char *kind; /* "Conv2d" of a module, "conv2d" of an op, "function" of a C function */
    const char *options; /* "3, 64, kernel_size=(7, 7)" of a module, "stride=2" of an op */
    int depth;           /* 0 is the network itself */
    bool is_op;
    bool repeated;          /* a module that has run before */
    fv_shape input, output; /* of the first input and output */
    int64_t parameters;     /* elements, of a module with all that is in it, shared ones once; of an
                               op the leaves that want a gradient among its inputs */
    int64_t trainable;      /* those of them that want a gradient */
    int64_t multiply_adds;  /* of a module the sum over its ops; see fv_work in autograd/facts.h */
    int64_t bias_adds;
    fv_receptive_field field; /* of the output */
    const char *unknown;      /* why the field is not known; NULL when it is */
} fv_layer_info;

typedef struct fv_inspection fv_inspection;

typedef struct fv_inspect_args {
    size_t size;
    fv_module *module;
    int64_t n0, n1, n2, n3, n4, n5, n6, n7; /* the input's shape, with its batch */
    const struct fv_too_many_sizes *end;
    fv_shape shape; /* or .shape = s */
    fv_dtype dtype; /* FV_FLOAT32 */
    bool training;  /* false: in evaluation mode and without a tape */
} fv_inspect_args;
#define FV_INSPECT_DEFAULTS FV_DEFAULTS(fv_inspect_args, FV_NO_SIZES, .dtype = FV_FLOAT32)
extern const fv_inspect_args fv_inspect_defaults;

/* What a module of one input does with an input of that shape: fv_inspect(net, 1, 3, 32, 32). Free
 * it with fv_free. The module is run more than once, each time in the mode that is asked for.
 * Errors (NULL): no module, shape, what the module's forward says.  Source: torchinfo. */
fv_inspection *fv_inspect_ex(const fv_inspect_args *a);
#define fv_inspect(...) FV_CALL(fv_inspect_ex, fv_inspect_args, FV_INSPECT_DEFAULTS, __VA_ARGS__)

/* The same for any C function of tensors, of one op or of many: its inputs get the shapes, dtypes
 * and requires_grad of those given, whose elements are not read. The field is that in the first
 * input; parameters are those of the modules that it runs, and leaves that want a gradient.
 * Errors (NULL): no function, a failed input, what the function says. */
fv_inspection *fv_inspect_function(fv_tensor_fn function, void *context, fv_tensor_list inputs);

/* What fv_free does with an inspection; NULL is fine. */
void fv_inspection_free(fv_inspection *inspection);

/* How many modules and ops were seen, and each of them; NULL out of range. The first is the network
 * itself, whose numbers are the totals. What is handed out lives as long as the inspection.
 * Questions about NULL have empty answers. */
int64_t fv_inspection_layers(const fv_inspection *inspection);
const fv_layer_info *fv_inspection_layer(const fv_inspection *inspection, int64_t k);

typedef struct fv_inspection_memory {
    int64_t input_bytes, parameter_bytes;
    int64_t forward_bytes; /* the most that the forward has allocated at a time, inputs and
                              parameters apart; in training with what the tape keeps */
} fv_inspection_memory;
/* What the run takes; zeros of NULL. */
fv_inspection_memory fv_inspection_memory_of(const fv_inspection *inspection);

/* The field of the last layer's output. Where that is not known it is an error that names the op:
 * one without a rule, or "add: ... not aligned" where paths meet that see other places. */
fv_receptive_field fv_receptive_field_of_ex(const fv_inspect_args *a);
#define fv_receptive_field_of(...)                                                                 \
    FV_CALL(fv_receptive_field_of_ex, fv_inspect_args, FV_INSPECT_DEFAULTS, __VA_ARGS__)
fv_receptive_field fv_inspection_field(const fv_inspection *inspection);

typedef struct fv_summary_args {
    size_t size;
    fv_module *module;
    int64_t n0, n1, n2, n3, n4, n5, n6, n7;
    const struct fv_too_many_sizes *end;
    fv_shape shape;
    fv_dtype dtype; /* FV_FLOAT32 */
    bool training;
    int64_t depth; /* 3: how far down the tree is printed */
    FILE *file;    /* NULL: stdout */
} fv_summary_args;
#define FV_SUMMARY_DEFAULTS                                                                        \
    FV_DEFAULTS(fv_summary_args, FV_NO_SIZES, .dtype = FV_FLOAT32, .depth = 3)
extern const fv_summary_args fv_summary_defaults;

/* Prints a row for each module, with output shape, parameters, multiply-adds and receptive field
 * (size/stride/padding), and the totals: fv_summary(net, 1, 3, 224, 224). Ops have rows where they
 * stand beside modules. Errors: those of fv_inspect, IO.  Source: torchinfo.summary. */
fv_status fv_summary_ex(const fv_summary_args *a);
#define fv_summary(...) FV_CALL(fv_summary_ex, fv_summary_args, FV_SUMMARY_DEFAULTS, __VA_ARGS__)

/* The table of an inspection that is there already, down to that depth; file NULL: stdout. */
fv_status fv_inspection_print(const fv_inspection *inspection, int64_t depth, FILE *file);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
