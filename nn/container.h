/* Containers: modules in a row, modules in a list. */
#ifndef FOVEA_NN_CONTAINER_H
#define FOVEA_NN_CONTAINER_H

#include "module.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Modules in a row, which the container will own: FV_MODULES(a, b, c). */
typedef struct fv_modules {
    fv_module *const *items;
    int64_t count;
} fv_modules;
/* The NULL in front lets the list be empty. */
#define FV_MODULES(...)                                                                            \
    ((fv_modules){                                                                                 \
        (fv_module *const[]){NULL, __VA_ARGS__} + 1,                                               \
        (int64_t)(sizeof((fv_module *const[]){NULL, __VA_ARGS__}) / sizeof(fv_module *)) - 1})

/* y = last(... second(first(x))): fv_sequential(conv, fv_nn_relu(), ...). The children are named 0,
 * 1, ...; each one's result is let go as soon as the next has run, unless the tape needs it.
 * fv_sequential() gives its input.
 * Errors (NULL): a NULL child or list; the children are freed.  Source: torch.nn.Sequential. */
fv_module *fv_sequential_from(fv_modules children);
#define fv_sequential(...) fv_sequential_from(FV_MODULES(__VA_ARGS__))

/* Children without a function of their own: call them from C, one by one.
 * Errors (NULL): a NULL child or list; the children are freed. fv_forward on it is an error.
 * Source: torch.nn.ModuleList. */
fv_module *fv_module_list_from(fv_modules children);
#define fv_module_list(...) fv_module_list_from(FV_MODULES(__VA_ARGS__))

/* Adds a child at the end of a sequential or a list; it is named by its position. Owned from here
 * on, also when the call fails.  Source: torch.nn.ModuleList.append. */
fv_status fv_module_append(fv_module *m, fv_module *child);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
