/* Creation of tensors: constants, ranges, random numbers, the user's memory. */
#include "tensor/create.h"

#include <math.h>
#include <string.h>

#include "tensor/kernels/element.h"
#include "tensor/random_impl.h"

/* --- checks and allocation -------------------------------------------------------------------- */

/* Records "<name>: <message>" and returns the failed tensor. */
__attribute__((format(printf, 3, 4))) static fv_tensor *refuse(const char *name, fv_status status,
                                                               const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fv_vfail(status, name, format, args);
    va_end(args);
    return fv_failed_tensor();
}

/* Hands a new handle to the scope; NULL means that memory was out. */
static fv_tensor *own(const char *name, fv_tensor *t, const fv_shape *shape)
{
    if (!t) return refuse(name, FV_ERR_MEMORY, "out of memory for shape %s", fv_shape_text(shape));
    return fv_scope_adopt(t);
}

static bool valid_dtype(const char *name, fv_dtype dtype)
{
    if (fv_dtype_exists(dtype)) return true;
    refuse(name, FV_ERR_DTYPE, "%d is no dtype", (int)dtype);
    return false;
}

static bool valid_shape(const char *name, const fv_shape *shape, fv_dtype dtype)
{
    if (!valid_dtype(name, dtype)) return false;
    if (shape->ndim < 0 || shape->ndim > FV_MAX_DIMS) {
        refuse(name, FV_ERR_SHAPE, "a shape has 0 to %d dimensions, not %d", FV_MAX_DIMS,
               shape->ndim);
        return false;
    }
    /* Zeros count as ones here, so that strides stay in range as well. */
    fv_shape widest = *shape;
    for (int i = 0; i < widest.ndim; i++) widest.dim[i] += widest.dim[i] == 0;
    int64_t numel = fv_shape_numel(&widest);
    if (numel < 0 || numel > (INT64_C(1) << 62) / (int64_t)fv_dtype_row_of(dtype)->size) {
        refuse(name, FV_ERR_SHAPE, "shape %s has a negative dimension or too many elements",
               fv_shape_text(shape));
        return false;
    }
    return true;
}

/* An empty tensor, or the failed one. */
static fv_tensor *make_shaped(const char *name, const fv_create_args *a)
{
    if (!valid_shape(name, &a->shape, a->dtype)) return fv_failed_tensor();
    if (a->requires_grad && !fv_dtype_is_floating(a->dtype)) {
        return refuse(name, FV_ERR_DTYPE, "only float32 and float64 can require gradients, not %s",
                      fv_dtype_name(a->dtype));
    }
    int64_t strides[FV_MAX_DIMS];
    if (a->channels_last) {
        if (a->shape.ndim < 3 || a->shape.ndim > 5) {
            return refuse(name, FV_ERR_SHAPE, "channels_last needs 3 to 5 dimensions, not shape %s",
                          fv_shape_text(&a->shape));
        }
        fv_strides_channels_last(&a->shape, strides);
    }
    fv_tensor *t = fv_tensor_alloc_as(fv_shapes_only_enabled(), a->dtype, &a->shape,
                                      a->channels_last ? strides : NULL);
    if (t) t->requires_grad = a->requires_grad;
    return own(name, t, &a->shape);
}

/* The same with the sizes of a call. */
static fv_tensor *make(const char *name, const fv_create_args *a)
{
    if (!fv_args_ok(name, a, sizeof *a)) return fv_failed_tensor();
    fv_create_args settled = *a;
    if (fv_sizes_settle(name, FV_SIZES_OF(a), &settled.shape) != FV_OK) return fv_failed_tensor();
    return make_shaped(name, &settled);
}

static fv_tensor *make_sized(const char *name, fv_sizes sizes, fv_dtype dtype, bool requires_grad)
{
    fv_create_args a = {.dtype = dtype, .requires_grad = requires_grad};
    if (fv_sizes_settle(name, sizes, &a.shape) != FV_OK) return fv_failed_tensor();
    return make_shaped(name, &a);
}

static fv_tensor *make_plain(const char *name, fv_shape shape, fv_dtype dtype)
{
    return make_shaped(name, &(fv_create_args){.shape = shape, .dtype = dtype});
}

static fv_tensor *make_like(const char *name, const fv_tensor *t)
{
    if (!t) return refuse(name, FV_ERR_OPTION, "the tensor is NULL");
    if (fv_failed_in(name, t)) return fv_failed_tensor();
    fv_shape shape = fv_shape_of(t);
    int64_t strides[FV_MAX_DIMS];
    fv_strides_like(t, strides);
    bool shapes_only = t->shapes_only || fv_shapes_only_enabled();
    return own(name, fv_tensor_alloc_as(shapes_only, t->dtype, &shape, strides), &shape);
}

/* --- values ----------------------------------------------------------------------------------- */

/* All elements of a dense tensor = v. */
static fv_tensor *fill(const char *name, fv_tensor *t, double v)
{
    if (t->failed) return t;
    if (!fv_dtype_holds(t->dtype, v)) {
        return refuse(name, FV_ERR_OPTION, "%s cannot hold %g", fv_dtype_name(t->dtype), v);
    }
    if (t->numel == 0 || t->shapes_only) return t;
    size_t size = fv_dtype_size(t->dtype), bytes = (size_t)t->numel * size;
    fv_store(t->dtype, t->data, 0, v);
    if (v == 0.0 && !signbit(v)) {
        memset(t->data, 0, bytes);
        return t;
    }
    size_t done = size;
    while (done < bytes) { /* doubled up to a page, which is then repeated */
        size_t n = done < 4096 ? done : 4096;
        if (n > bytes - done) n = bytes - done;
        memcpy((char *)t->data + done, t->data, n);
        done += n;
    }
    return t;
}

/* Random numbers in row-major order of the shape, whatever the order of memory. */
static fv_tensor *randomize(const char *name, fv_tensor *t,
                            void (*draw)(fv_machine m, fv_dtype dtype, void *out, int64_t n))
{
    if (t->failed) return t;
    if (!fv_dtype_is_floating(t->dtype)) {
        return refuse(name, FV_ERR_DTYPE, "needs float32 or float64, not %s (see fv_to)",
                      fv_dtype_name(t->dtype));
    }
    if (t->shapes_only) return t; /* and the generator stays where it is */
    if (fv_is_contiguous(t)) {
        draw(fv_machine_now(), t->dtype, t->data, t->numel);
        return t;
    }
    fv_shape shape = fv_shape_of(t);
    fv_tensor *rows = fv_tensor_alloc(t->dtype, &shape, NULL);
    if (!rows) return own(name, NULL, &shape);
    draw(fv_machine_now(), rows->dtype, rows->data, rows->numel);
    fv_copy_elements(t, rows);
    fv_release(rows);
    return t;
}

/* --- constants -------------------------------------------------------------------------------- */

const fv_create_args fv_create_defaults = {FV_CREATE_DEFAULTS};

fv_tensor *fv_empty_ex(const fv_create_args *a)
{
    return make("empty", a);
}

fv_tensor *fv_zeros_ex(const fv_create_args *a)
{
    return fill("zeros", make("zeros", a), 0.0);
}

fv_tensor *fv_ones_ex(const fv_create_args *a)
{
    return fill("ones", make("ones", a), 1.0);
}

const fv_full_args fv_full_defaults = {FV_FULL_DEFAULTS};

fv_tensor *fv_full_ex(const fv_full_args *a)
{
    if (!fv_args_ok("full", a, sizeof *a)) return fv_failed_tensor();
    if (fv_is_unset(a->value))
        return refuse("full", FV_ERR_OPTION, "no .value is given: fv_full(2, 3, .value = 7)");
    return fill("full", make_sized("full", FV_SIZES_OF(a), a->dtype, a->requires_grad), a->value);
}

fv_tensor *(fv_scalar)(double value, fv_dtype dtype)
{
    return fill("scalar", make_plain("scalar", (fv_shape){.ndim = 0}, dtype), value);
}

const fv_eye_args fv_eye_defaults = {FV_EYE_DEFAULTS};

fv_tensor *fv_scalar_int64(int64_t value, fv_dtype dtype)
{
    if (dtype != FV_INT64) return fv_scalar((double)value, dtype);
    fv_tensor *t = make_plain("scalar", (fv_shape){.ndim = 0}, dtype);
    if (!t->failed && !t->shapes_only) *(int64_t *)t->data = value;
    return t;
}

fv_tensor *fv_eye_ex(const fv_eye_args *a)
{
    if (!fv_args_ok("eye", a, sizeof *a)) return fv_failed_tensor();
    int64_t m = a->m == FV_UNSET ? a->n : a->m;
    fv_shape shape = {2, {a->n, m}};
    fv_tensor *t = fill("eye", make_plain("eye", shape, a->dtype), 0.0);
    if (t->failed || t->shapes_only) return t;
    for (int64_t i = 0; i < a->n && i < m; i++) fv_store(t->dtype, t->data, i * (m + 1), 1.0);
    return t;
}

/* --- ranges ----------------------------------------------------------------------------------- */

const fv_range_args fv_range_defaults = {FV_RANGE_DEFAULTS};

/* What the arguments mean: start and end filled in, the dtype chosen. */
static fv_range_args settle_range(const fv_range_args *a)
{
    fv_range_args r = *a;
    if (fv_is_unset((double)r.end)) {
        r.end = r.start;
        r.start = 0;
    }
    bool whole = r.start == truncl(r.start) && r.end == truncl(r.end) && r.step == truncl(r.step);
    if (r.dtype == FV_UNSET_DTYPE) r.dtype = whole ? FV_INT64 : FV_FLOAT32;
    if (fv_dtype_exists(r.dtype) && fv_dtype_row_of(r.dtype)->kind != FV_KIND_FLOATING) {
        r.start = truncl(r.start);
        r.end = truncl(r.end);
        r.step = truncl(r.step);
    }
    return r;
}

/* Elements of the range; -1 for one that is none. */
static int64_t count_range(const fv_range_args *r)
{
    fv_bound count = ceill((r->end - r->start) / r->step);
    bool ahead = (r->end - r->start) * r->step >= 0; /* ceil(-1 / 2) is no negative number */
    return r->step != 0 && isfinite(r->step) && ahead && count <= 0x1p59L ? (int64_t)count : -1;
}

/* Element i of an int64 range, in arithmetic that wraps around. */
static int64_t whole_in_range(const fv_range_args *r, int64_t i)
{
    return (int64_t)((uint64_t)(int64_t)r->start + (uint64_t)i * (uint64_t)(int64_t)r->step);
}

fv_tensor *fv_arange_ex(const fv_range_args *a)
{
    if (!fv_args_ok("arange", a, sizeof *a)) return fv_failed_tensor();
    if (fv_is_unset((double)a->start))
        return refuse("arange", FV_ERR_OPTION, "no end is given: fv_arange(10)");
    fv_range_args r = settle_range(a);
    if (!valid_dtype("arange", r.dtype)) return fv_failed_tensor();
    int64_t count = count_range(&r);
    if (count < 0) {
        return refuse(
            "arange", FV_ERR_OPTION,
            "no range from %Lg to %Lg in steps of %Lg: it needs finite numbers and a step "
            "that leads from start to end",
            r.start, r.end, r.step);
    }
    bool wide = r.dtype == FV_INT64 && r.start >= -0x1p63L && r.end <= 0x1p63L &&
                r.end >= -0x1p63L && r.start < 0x1p63L;
    if (count > 0 && !wide &&
        !(fv_dtype_holds(r.dtype, (double)r.start) &&
          fv_dtype_holds(r.dtype, (double)(r.start + (fv_bound)(count - 1) * r.step)))) {
        return refuse("arange", FV_ERR_OPTION, "%s cannot hold the range from %Lg to %Lg",
                      fv_dtype_name(r.dtype), r.start, r.end);
    }
    fv_tensor *t = make_plain("arange", (fv_shape){1, {count}}, r.dtype);
    if (t->failed || t->shapes_only) return t;
    for (int64_t i = 0; i < t->numel; i++) {
        if (r.dtype == FV_INT64)
            ((int64_t *)t->data)[i] = whole_in_range(&r, i);
        else
            fv_store(r.dtype, t->data, i, (double)r.start + (double)i * (double)r.step);
    }
    return t;
}

const fv_linspace_args fv_linspace_defaults = {FV_LINSPACE_DEFAULTS};

fv_tensor *fv_linspace_ex(const fv_linspace_args *a)
{
    if (!fv_args_ok("linspace", a, sizeof *a)) return fv_failed_tensor();
    if (!valid_dtype("linspace", a->dtype)) return fv_failed_tensor();
    if (a->steps < 0) {
        return refuse("linspace", FV_ERR_OPTION, "steps must not be negative, as %lld is",
                      (long long)a->steps);
    }
    if (!fv_dtype_holds(a->dtype, a->start) || !fv_dtype_holds(a->dtype, a->end)) {
        return refuse("linspace", FV_ERR_OPTION, "%s cannot hold the range from %g to %g",
                      fv_dtype_name(a->dtype), a->start, a->end);
    }
    fv_tensor *t = make_plain("linspace", (fv_shape){1, {a->steps}}, a->dtype);
    if (t->shapes_only) return t;
    int64_t last = a->steps - 1;
    double step = last > 0 ? (a->end - a->start) / (double)last : 0.0;
    for (int64_t i = 0; i < t->numel; i++) { /* from both ends, so that both are exact */
        double v = i <= last / 2 ? a->start + (double)i * step : a->end - (double)(last - i) * step;
        fv_store(t->dtype, t->data, i, v);
    }
    return t;
}

/* --- random numbers --------------------------------------------------------------------------- */

fv_tensor *fv_rand_ex(const fv_create_args *a)
{
    return randomize("rand", make("rand", a), fv_fill_uniform);
}

fv_tensor *fv_randn_ex(const fv_create_args *a)
{
    return randomize("randn", make("randn", a), fv_fill_normal);
}

/* The range within which dtype holds every integer. */
static void integer_range(fv_dtype dtype, int64_t *least, int64_t *most)
{
    const fv_dtype_row *row = fv_dtype_row_of(dtype);
    bool floating = row->kind == FV_KIND_FLOATING;
    uint64_t end = UINT64_C(1) << row->digits;
    *most = (int64_t)(floating ? end : end - 1);
    *least = floating ? -*most : row->kind == FV_KIND_SIGNED ? -*most - 1 : 0;
}

const fv_randint_args fv_randint_defaults = {FV_RANDINT_DEFAULTS};

fv_tensor *fv_randint_ex(const fv_randint_args *a)
{
    if (!fv_args_ok("randint", a, sizeof *a)) return fv_failed_tensor();
    if (!valid_dtype("randint", a->dtype)) return fv_failed_tensor();
    fv_shape shape;
    if (fv_sizes_settle("randint", FV_SIZES_OF(a), &shape) != FV_OK) return fv_failed_tensor();
    if (a->high == FV_UNSET)
        return refuse("randint", FV_ERR_OPTION, "no .high is given: fv_randint(2, 3, .high = 10)");
    if (a->low >= a->high) {
        return refuse("randint", FV_ERR_OPTION, "low = %lld must be less than high = %lld",
                      (long long)a->low, (long long)a->high);
    }
    int64_t least, most;
    integer_range(a->dtype, &least, &most);
    if (a->low < least || a->high - 1 > most) {
        return refuse("randint", FV_ERR_OPTION, "%s cannot hold all numbers from %lld to %lld",
                      fv_dtype_name(a->dtype), (long long)a->low, (long long)a->high - 1);
    }
    fv_tensor *t = make_plain("randint", shape, a->dtype);
    if (t->failed || t->shapes_only) return t;
    fv_fill_integers(fv_machine_now(), t->dtype, t->data, t->numel, a->low,
                     (uint64_t)a->high - (uint64_t)a->low);
    return t;
}

fv_tensor *fv_randperm(int64_t n)
{
    fv_tensor *t = make_plain("randperm", (fv_shape){1, {n}}, FV_INT64);
    if (!t->failed && !t->shapes_only) fv_fill_permutation(t->data, n);
    return t;
}

/* Every p[i] in [0, 1]? */
static bool probabilities(const fv_tensor *p)
{
    bool right = true;
    for (int64_t i = 0; right && i < p->numel; i++) {
        double v = fv_element_get(p, i);
        right = v >= 0.0 && v <= 1.0;
    }
    return right;
}

fv_tensor *fv_bernoulli(fv_tensor *p)
{
    if (!p) return refuse("bernoulli", FV_ERR_OPTION, "p is NULL");
    if (fv_failed_in("bernoulli", p)) return p;
    if (!fv_dtype_is_floating(p->dtype)) {
        return refuse("bernoulli", FV_ERR_DTYPE, "p must be float32 or float64, not %s (see fv_to)",
                      fv_dtype_name(p->dtype));
    }
    if (p->shapes_only) return fv_empty_like(p);
    fv_shape shape = fv_shape_of(p);
    fv_tensor *rows = fv_tensor_alloc(p->dtype, &shape, NULL);
    if (!rows) return own("bernoulli", NULL, &shape);
    fv_copy_elements(rows, p);
    fv_tensor *t = fv_failed_tensor();
    if (probabilities(rows)) {
        t = make_plain("bernoulli", shape, p->dtype);
        if (!t->failed && !t->shapes_only)
            fv_fill_bernoulli(fv_machine_now(), t->dtype, t->data, rows->data, t->numel);
    } else {
        refuse("bernoulli", FV_ERR_OPTION, "p holds a number outside of [0, 1]");
    }
    fv_release(rows);
    return t;
}

/* --- the user's memory ------------------------------------------------------------------------ */

const fv_from_args fv_from_defaults = {FV_FROM_DEFAULTS};

fv_tensor *fv_tensor_from_ex(const fv_from_args *a)
{
    if (!fv_args_ok("tensor_from", a, sizeof *a)) return fv_failed_tensor();
    if (a->dtype == FV_UNSET_DTYPE)
        return refuse("tensor_from", FV_ERR_DTYPE,
                      "the pointer's type names no dtype: give .dtype = FV_FLOAT32 or another");
    fv_tensor *t = make_sized("tensor_from", FV_SIZES_OF(a), a->dtype, a->requires_grad);
    if (t->failed || t->numel == 0 || t->shapes_only) return t;
    if (!a->data) return refuse("tensor_from", FV_ERR_OPTION, "data is NULL");
    memcpy(t->data, a->data, (size_t)t->numel * fv_dtype_size(a->dtype));
    return t;
}

static void keep_lent(void *context)
{
    (void)context;
}

fv_tensor *fv_from_blob(void *data, fv_shape shape, fv_dtype dtype, void (*release)(void *context),
                        void *context)
{
    if (!valid_shape("from_blob", &shape, dtype)) return fv_failed_tensor();
    int64_t numel = fv_shape_numel(&shape);
    if (!data && numel > 0) return refuse("from_blob", FV_ERR_OPTION, "data is NULL");
    if ((uintptr_t)data % fv_dtype_size(dtype) != 0) {
        return refuse("from_blob", FV_ERR_OPTION, "data is not aligned for %s",
                      fv_dtype_name(dtype));
    }
    fv_tensor *t = fv_tensor_alloc(dtype, &(fv_shape){1, {0}}, NULL);
    if (!t) return own("from_blob", NULL, &shape);
    fv_storage *s = t->storage; /* its empty block makes room for the lent memory */
    fv_block_free(s->data, s->bytes);
    s->data = t->data = data;
    s->bytes = (size_t)numel * fv_dtype_size(dtype);
    s->release = keep_lent; /* until nothing can fail any more */
    t->numel = numel;
    t->ndim = shape.ndim;
    memcpy(t->shape, shape.dim, sizeof t->shape);
    fv_strides_contiguous(&shape, t->strides);
    t = own("from_blob", t, &shape);
    if (t->failed || !release) return t;
    s->release = release;
    s->context = context;
    return t;
}

/* --- like another tensor ---------------------------------------------------------------------- */

fv_tensor *fv_empty_like(const fv_tensor *t)
{
    return make_like("empty_like", t);
}

fv_tensor *fv_zeros_like(const fv_tensor *t)
{
    return fill("zeros_like", make_like("zeros_like", t), 0.0);
}

fv_tensor *fv_ones_like(const fv_tensor *t)
{
    return fill("ones_like", make_like("ones_like", t), 1.0);
}

fv_tensor *fv_full_like(const fv_tensor *t, double value)
{
    return fill("full_like", make_like("full_like", t), value);
}

fv_tensor *fv_rand_like(const fv_tensor *t)
{
    return randomize("rand_like", make_like("rand_like", t), fv_fill_uniform);
}

fv_tensor *fv_randn_like(const fv_tensor *t)
{
    return randomize("randn_like", make_like("randn_like", t), fv_fill_normal);
}
