/* Unfolding and folding by plain loops over any strides: the oracle of the tests. */
#include <string.h>

#include "tensor/kernels/element.h"
#include "tensor/kernels/fold/fold.h"

/* A pair of elements: one of the columns, and the one of the planes under it. */
typedef struct pair {
    const fv_tensor *planes, *columns;
    int64_t plane_at, column_at;
    bool inside; /* plane_at is in the plane */
} pair;

typedef void (*pair_fn)(const pair *p);

/* Offset of an element's place in a row-major box, and its digits. */
static void digits(int64_t n, const int64_t *lengths, int64_t *at)
{
    for (int i = FV_FOLD_AXES - 1; i >= 0; i--) {
        at[i] = n % lengths[i];
        n /= lengths[i];
    }
}

/* Finds the element of the plane under `tap` of the window at `place`. */
static void find_under(const fv_fold *g, pair *p, const int64_t *tap, const int64_t *place)
{
    p->inside = true;
    for (int i = 0; i < FV_FOLD_AXES; i++) {
        const fv_fold_axis *a = &g->axis[i];
        const int dim = p->planes->ndim - FV_FOLD_AXES + i;
        int64_t at = place[i] * a->stride + tap[i] * a->dilation - a->padding;
        if (at < 0 || at >= a->in) p->inside = false;
        if (dim >= 2) p->plane_at += at * p->planes->strides[dim];
    }
}

/* All pairs, the columns in row-major order. */
static void each_pair(const fv_fold *g, const fv_tensor *planes, const fv_tensor *columns,
                      pair_fn visit)
{
    int64_t kernel[FV_FOLD_AXES], out[FV_FOLD_AXES], tap[FV_FOLD_AXES], place[FV_FOLD_AXES];
    for (int i = 0; i < FV_FOLD_AXES; i++) {
        kernel[i] = g->axis[i].kernel;
        out[i] = g->axis[i].out;
    }
    const int64_t taps = kernel[0] * kernel[1] * kernel[2];
    for (int64_t n = 0; n < columns->shape[0]; n++)
        for (int64_t row = 0; row < columns->shape[1]; row++)
            for (int64_t l = 0; l < columns->shape[2]; l++) {
                pair p = {planes, columns, 0, 0, false};
                digits(row % taps, kernel, tap);
                digits(l, out, place);
                p.plane_at = n * planes->strides[0] + row / taps * planes->strides[1];
                p.column_at =
                    n * columns->strides[0] + row * columns->strides[1] + l * columns->strides[2];
                find_under(g, &p, tap, place);
                visit(&p);
            }
}

static void copy(const pair *p)
{
    const size_t size = fv_dtype_size(p->columns->dtype);
    char *to = (char *)p->columns->data + p->column_at * (int64_t)size;
    if (p->inside)
        memcpy(to, (const char *)p->planes->data + p->plane_at * (int64_t)size, size);
    else
        memset(to, 0, size);
}

static void add(const pair *p)
{
    if (!p->inside) return;
    double sum = fv_element_get(p->planes, p->plane_at);
    fv_element_set(p->planes, p->plane_at, sum + fv_element_get(p->columns, p->column_at));
}

void fv_unfold_ref(const fv_fold *g, const fv_tensor *x, fv_tensor *y)
{
    each_pair(g, x, y, copy);
}

void fv_fold_ref(const fv_fold *g, const fv_tensor *y, fv_tensor *x)
{
    memset(x->data, 0, (size_t)x->numel * fv_dtype_size(x->dtype));
    each_pair(g, x, y, add);
}
