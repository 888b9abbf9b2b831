/* See kept_weights.h. */
#include "kept_weights.h"

#include <string.h>

static fv_tensor *use_conv(fv_tensor *w)
{
    return fv_conv2d(fv_full(2, 8, 6, 6, .value = 0.5), w, NULL, .padding = 1);
}

static fv_tensor *use_transposed(fv_tensor *w)
{
    return fv_conv_transpose2d(fv_full(2, 12, 5, 5, .value = 0.25), w, NULL, .stride = 2);
}

static fv_tensor *use_depthwise(fv_tensor *w)
{
    return fv_conv2d(fv_full(1, 12, 6, 6, .value = 0.5), fv_narrow(w, 1, 0, 1), NULL, .groups = 12);
}

/* 40 rows: more than are read in place. */
static fv_tensor *use_linear(fv_tensor *w)
{
    return fv_linear(fv_full(40, 72, .value = 0.5), fv_reshape(w, 12, 72), NULL);
}

static fv_tensor *use_matmul(fv_tensor *w)
{
    return fv_matmul(fv_full(40, 12, .value = 0.5), fv_reshape(w, 12, 72));
}

const user users[USERS] = {{"conv2d", use_conv},
                           {"conv_transpose2d", use_transposed},
                           {"depthwise", use_depthwise},
                           {"linear", use_linear},
                           {"matmul", use_matmul}};
_Static_assert(sizeof users / sizeof *users == USERS, "as many as the header says");

/* A weight that only its caller holds. */
fv_tensor *new_weight(void)
{
    fv_tensor *w = NULL;
    {
        FV_SCOPE;
        w = fv_retain(fv_randn(12, 8, 3, 3, .requires_grad = true));
    }
    return w;
}

int64_t kept(void)
{
    return fv_memory_stats().kept_bytes;
}

/* The result on a copy of the weight, on which nothing can be kept. */
fv_tensor *wanted(const user *u, fv_tensor *w)
{
    fv_tensor *copy = fv_requires_grad(fv_detach(fv_clone(w)), true);
    return u->use(copy);
}

bool same(const fv_tensor *a, const fv_tensor *b)
{
    return !fv_failed(a) && !fv_failed(b) && a->numel == b->numel &&
           memcmp(a->data, b->data, (size_t)a->numel * fv_dtype_size(a->dtype)) == 0;
}

/* Uses a weight so many times; every result must be the right one. */
void use(const user *u, fv_tensor *w, int times, const char *when)
{
    FV_NO_GRAD;
    FV_SCOPE;
    fv_tensor *right = wanted(u, w);
    for (int i = 0; i < times; i++)
        if (!same(u->use(w), right)) note_failure("%s %s: use %d is wrong", u->name, when, i + 1);
}
