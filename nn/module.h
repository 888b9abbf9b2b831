/* Modules: layers and models as a tree with named children, parameters and buffers.
 *
 * A layer of one's own is a type with a forward function, and a constructor:
 *
 *     static fv_tensor *residual_forward(fv_module *self, fv_tensor *x)
 *     {
 *         return fv_relu(fv_add(x, fv_child(self, "body", x)));
 *     }
 *     static const fv_module_type residual_type = {.name = "Residual",
 *                                                  .forward = residual_forward};
 *     fv_module *residual(fv_module *body)
 *     {
 *         fv_module *m = fv_module_new(&residual_type, NULL);
 *         fv_module_add_child(m, "body", body);
 *         return fv_module_finish(m);
 *     }
 *
 * Ownership: a module owns its children, from the call on, also when the call fails; so a
 * constructor that gets a NULL child frees the others and returns NULL, and the first error stands.
 * A child that is added to several parents is freed with the last of them. Parameters and buffers
 * are retained. fv_module_free (or fv_free) on the root frees the tree. */
#ifndef FOVEA_NN_MODULE_H
#define FOVEA_NN_MODULE_H

#include "../tensor/args.h"
#include "../tensor/tensor.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

typedef struct fv_module fv_module;

enum { FV_MODULE_INPUTS = 6, FV_MODULE_OUTPUTS = 6 }; /* at most */

typedef struct fv_module_input {
    const char *name; /* for messages: "key" */
    bool optional;    /* may be NULL, which is left out */
} fv_module_input;

typedef struct fv_module_type {
    const char *name;    /* as printed: "Conv2d" */
    size_t context_size; /* bytes of the layer's own struct, 0 for none */
    /* Any C code made of ops and of other modules' fv_forward. x is never failed. What it makes
     * dies with the call, unless the result or the tape needs it. */
    fv_tensor *(*forward)(fv_module *self, fv_tensor *x);
    /* Writes the text between the parentheses of the printed form; NULL: nothing. */
    void (*describe)(const fv_module *self, char *text, size_t room);
    /* Frees what the context owns; NULL: nothing. */
    void (*context_free)(void *context);
    /* In place of forward, for several inputs or outputs: in[i] is NULL for an optional input that
     * was left out, and never failed; writes out[j]. out[0] must be written, the others where the
     * caller may ask for them. */
    void (*forward_many)(fv_module *self, fv_tensor *const *in, fv_tensor **out);
    fv_module_input input[FV_MODULE_INPUTS]; /* of forward_many: {{"input", false}, {"h0", true}} */
    const char *output[FV_MODULE_OUTPUTS];   /* of forward_many: {"output", "h"} */
    /* 1 or more, of a type with .forward: in evaluation, of inputs of at least so many dimensions,
     * the first counts samples, of the result too, and each sample of the result depends on that of
     * the input alone; forward looks at no element itself, and writes to none of its input. Without
     * gradients a large batch may then go through the network a few samples at a time, on several
     * threads at once. 0: never. */
    int per_sample;
} fv_module_type;

/* --- building --------------------------------------------------------------------------- */

/* A module without children, in training mode. context is copied (context_size bytes); NULL: zeros.
 * NULL when memory is out; the other functions take that NULL and fail. */
fv_module *fv_module_new(const fv_module_type *type, const void *context);

/* Names are non-empty and without a dot. A failed call marks the module, for fv_module_finish.
 * The child is owned from here on, and freed if the call fails and nobody else owns it.
 * Errors: NULL, a name twice, a child that contains the module. */
fv_status fv_module_add_child(fv_module *m, const char *name, fv_module *child);

/* Retains t and makes it want a gradient (fv_requires_grad(t, false) freezes it afterwards). A name
 * in use takes the new tensor in place of the old: so weights are tied.
 * Errors: a failed tensor, a non-leaf, no floating dtype.
 * Source: torch.nn.Module.register_parameter. */
fv_status fv_module_add_parameter(fv_module *m, const char *name, fv_tensor *t);

/* Retains t: state that is saved but not learned.  Source: torch.nn.Module.register_buffer. */
fv_status fv_module_add_buffer(fv_module *m, const char *name, fv_tensor *t);

/* m, or NULL when building it has failed somewhere; m is freed then. */
fv_module *fv_module_finish(fv_module *m);

/* Frees the tree; NULL is fine. A module that has an owner is refused with an error. */
void fv_module_free(fv_module *m);

/* --- using ------------------------------------------------------------------------------ */

typedef struct fv_forward_args {
    size_t size;
    fv_module *module;
    fv_tensor *x, *x2, *x3, *x4, *x5, *x6;  /* NULL: left out */
    fv_tensor **out[FV_MODULE_OUTPUTS - 1]; /* where the second output goes, the third, ... */
} fv_forward_args;
#define FV_FORWARD_DEFAULTS FV_NO_DEFAULTS(fv_forward_args)
extern const fv_forward_args fv_forward_defaults;

/* The module's function of its inputs, in a scope of its own: intermediates that only the tape
 * needs do not stay with the caller. Returns the first output. y = fv_forward(net, x);   y =
 * fv_forward(attention, q, k, v); y = fv_forward(lstm, x, h0, c0, .out = {&h, &c}); A failed input
 * passes through. Errors: NULL for the module or for an input that it needs, more inputs or outputs
 * than it has, and what its ops say; every output is the failed tensor then. */
fv_tensor *fv_forward_ex(const fv_forward_args *a);
#define fv_forward(...) FV_CALL(fv_forward_ex, fv_forward_args, FV_FORWARD_DEFAULTS, __VA_ARGS__)

/* fv_forward of a child by name: fv_child(self, "conv1", x). */
#define fv_child(self, name, ...) fv_forward(fv_get_child((self), (name)), __VA_ARGS__)

/* Questions to a NULL module have empty answers: false, 0, NULL. */

/* Training or evaluation mode, for the whole tree.  Source: torch.nn.Module.train, eval. */
void fv_train(fv_module *m);
void fv_eval(fv_module *m);
bool fv_is_training(const fv_module *m);

/* The module's own struct, as given to fv_module_new. */
void *fv_module_context(fv_module *m);
const void *fv_module_const_context(const fv_module *m);
const char *fv_module_name(const fv_module *m);

/* The module's own parameter or buffer of that name; NULL when it has none. Borrowed. */
fv_tensor *fv_module_tensor(const fv_module *m, const char *name);

/* A child by name, dotted for a grandchild ("0.body"); NULL with an error when there is none.
 * Source: torch.nn.Module.get_submodule. */
fv_module *fv_get_child(const fv_module *m, const char *name);

/* A child by position. */
fv_module *fv_child_at(const fv_module *m, int64_t index);
const char *fv_child_name(const fv_module *m, int64_t index);
int64_t fv_child_count(const fv_module *m);

/* Drops the gradient of every parameter.  Source: torch.nn.Module.zero_grad. */
void fv_module_zero_grad(fv_module *m);

/* --- parameters and buffers of the whole tree ------------------------------------------- */

/* All parameters, a module's own before its children's; shared ones once. The list belongs to the
 * module and is valid until the tree changes. Empty after an error (NULL, memory).
 * Source: torch.nn.Module.parameters. */
fv_tensor_list fv_parameters(fv_module *m);

/* Elements of all parameters. */
int64_t fv_parameter_count(fv_module *m);

typedef struct fv_named_tensor {
    const char *name; /* dotted: "0.weight", "bn1.running_mean" */
    fv_tensor *tensor;
} fv_named_tensor;

typedef struct fv_named_list {
    const fv_named_tensor *items;
    int64_t count;
} fv_named_list;

/* The same with names. Each list belongs to the module and is valid until the next call of the same
 * function on it.  Source: torch.nn.Module.named_parameters, named_buffers. */
fv_named_list fv_named_parameters(fv_module *m);
fv_named_list fv_named_buffers(fv_module *m);

/* Parameters and buffers, module by module, under the names that PyTorch gives them; shared ones
 * under each of their names.  Source: torch.nn.Module.state_dict. */
fv_named_list fv_state_dict(fv_module *m);

/* --- printing --------------------------------------------------------------------------- */

/* The tree in PyTorch's form, in a new string that the caller frees with free(); NULL when memory
 * is out.  Source: torch.nn.Module.__repr__. */
char *fv_module_to_string(const fv_module *m);

/* The same, with a line end, to stdout. */
void fv_print_module(const fv_module *m);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
