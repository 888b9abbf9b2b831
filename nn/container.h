/* Containers: modules in a row, modules in a list, a module and a way around it. */
#ifndef FOVEA_NN_CONTAINER_H
#define FOVEA_NN_CONTAINER_H

#include "../tensor/args.h"
#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Modules in a row, which the container will own: FV_MODULES(a, b, c). (The NULL in front lets the
 * list be empty.) */
typedef struct fv_modules {
    fv_module *const *items;
    int64_t count;
} fv_modules;
#define FV_MODULES(...)                                                                            \
    ((fv_modules){                                                                                 \
        (fv_module *const[]){NULL, __VA_ARGS__} + 1,                                               \
        (int64_t)(sizeof((fv_module *const[]){NULL, __VA_ARGS__}) / sizeof(fv_module *)) - 1})

/* y = last(... second(first(x))): fv_sequential(conv, fv_nn_relu(), ...). The children are named 0,
 * 1, ...; each one's result is let go as soon as the next has run, unless the tape needs it.
 * fv_sequential() gives its input. Neighbours that can run in one pass over memory do, see
 * fv_set_fusion_enabled.
 * Errors (NULL): a NULL child or list; the children are freed.  Source: torch.nn.Sequential. */
fv_module *fv_sequential_from(fv_modules children);
#define fv_sequential(...) fv_sequential_from(FV_MODULES(__VA_ARGS__))

typedef struct fv_nn_residual_args {
    size_t size;
    fv_module *body, *shortcut; /* shortcut NULL: x itself */
    bool relu;
} fv_nn_residual_args;
#define FV_NN_RESIDUAL_DEFAULTS FV_NO_DEFAULTS(fv_nn_residual_args)
extern const fv_nn_residual_args fv_nn_residual_defaults;

/* y = relu(body(x) + shortcut(x)), the relu with .relu alone: fv_nn_residual(body, .relu = true).
 * Both are owned from here on, under these names, also when the call fails. A body that ends in a
 * convolution or a batch norm takes sum and relu into its last pass.
 * Errors (NULL): no body; in use: results of different shape or dtype, there is no broadcasting.
 * Source: He et al. 2015. */
fv_module *fv_nn_residual_ex(const fv_nn_residual_args *a);
#define fv_nn_residual(...)                                                                        \
    FV_CALL(fv_nn_residual_ex, fv_nn_residual_args, FV_NN_RESIDUAL_DEFAULTS, __VA_ARGS__)

/* Children without a function of their own: call them from C, one by one.
 * Errors (NULL): a NULL child or list; the children are freed. fv_forward on it is an error.
 * Source: torch.nn.ModuleList. */
fv_module *fv_module_list_from(fv_modules children);
#define fv_module_list(...) fv_module_list_from(FV_MODULES(__VA_ARGS__))

/* Adds a child at the end of a sequential or a list; it is named by its position. Owned from here
 * on, also when the call fails.  Source: torch.nn.ModuleList.append. */
fv_status fv_module_append(fv_module *m, fv_module *child);

/* Do sequentials and residuals run neighbours in one pass over memory? They do, unless that is
 * switched off here or by FOVEA_FUSION=0:
 *   - ReLU behind a convolution, linear or batch norm,
 *   - batch norm in evaluation behind a convolution, while no gradients are recorded,
 *   - the sum and relu of a residual behind a convolution or batch norm that ends its body.
 * Results differ by rounding at most. What runs is the first of the neighbours, with options for
 * the others, under whose name messages and observers know it. A switch of the whole process;
 * setting it returns what it was. */
bool fv_fusion_enabled(void);
bool fv_set_fusion_enabled(bool on);

/* In evaluation and without gradients, does a large batch go through a network a few samples at a
 * time, whose maps stay in the second cache? It does on a machine of up to two cores, unless that
 * is switched on or off here or by FOVEA_SLICES=1 or 0: the caches of many cores hold a whole batch
 * together, whose layers are shared out better than slices. Of modules that say .per_sample (see
 * fv_module_type): a network with a layer that does not runs whole, the modules within may be cut.
 * Results differ by rounding at most, and do not depend on the number of threads. An observer sees
 * whole batches. A switch of the whole process; setting it returns what it was. */
bool fv_slices_enabled(void);
bool fv_set_slices_enabled(bool on);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
