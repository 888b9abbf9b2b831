/* Receptive fields, forward through a run.
 *
 * Of each tensor that depends on the input we know, for each spatial dimension of the input, along
 * which of its own dimensions its positions move, and the window that they see (autograd/facts.h).
 * An op with a window of size k, stride s and padding p in front of which positions see size r in
 * steps of S, beginning at -P, gives
 *
 *     r + (k - 1) * |S|        S * s        P + p * S
 *
 * Tensors are kept until the end, so that no other takes their place. */
#include "nn/inspect/field_impl.h"

#include <math.h>
#include <stdarg.h>
#include <string.h>

#include "nn/inspect/ratio_impl.h"
#include "tensor/numerals.h"

/* What a tensor sees of the input. */
typedef struct sight {
    fv_tensor *tensor;
    const char *lost;              /* why nothing is known; NULL: it is known */
    fv_window axis[FV_FIELD_DIMS]; /* by the input's spatial dimensions */
} sight;

typedef struct reason {
    struct reason *next;
    char text[192];
} reason;

struct fv_fields {
    fv_shape input;
    int dims;
    sight *items;
    int64_t count, room;
    reason *reasons;
};

/* --- the table -------------------------------------------------------------------------------- */

static const char *give_reason(fv_fields *f, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static const char *give_reason(fv_fields *f, const char *format, ...)
{
    reason *r = fv_object_alloc(sizeof *r);
    if (!r) return "no memory to say why";
    va_list args;
    va_start(args, format);
    fv_vformat(r->text, sizeof r->text, format, args);
    va_end(args);
    r->next = f->reasons;
    f->reasons = r;
    return r->text;
}

/* Of a tensor that is in the table; the latest entry counts, as an op in place makes a new one. */
static const sight *find(const fv_fields *f, const fv_tensor *t)
{
    for (int64_t i = f->count - 1; i >= 0; i--)
        if (f->items[i].tensor == t) return &f->items[i];
    return NULL;
}

static bool same_window(const fv_window *a, const fv_window *b)
{
    return a->dim == b->dim && a->scattered == b->scattered && fv_ratio_equal(a->size, b->size) &&
           fv_ratio_equal(a->stride, b->stride) && fv_ratio_equal(a->padding, b->padding);
}

static bool same_windows(const fv_fields *f, const sight *a, const sight *b)
{
    bool same = a->lost == b->lost;
    for (int d = 0; d < f->dims && same && !a->lost; d++)
        same = same_window(&a->axis[d], &b->axis[d]);
    return same;
}

/* Of any tensor: NULL when it does not depend on the input. What no op has made (fv_detach) sees
 * what the tensors of its shape on the same memory see, if they agree. */
static bool look_up(fv_fields *f, const fv_tensor *t, sight *out)
{
    const sight *known = find(f, t);
    const fv_shape shape = fv_shape_of(t);
    bool shares = false;
    if (known) {
        *out = *known;
        return true;
    }
    *out = (sight){.lost = NULL};
    for (int64_t i = 0; i < f->count; i++) {
        const sight *s = &f->items[i];
        const fv_shape its = fv_shape_of(s->tensor);
        if (s->tensor->storage != t->storage) continue;
        const bool agrees = fv_shape_equal(&shape, &its) && (!known || same_windows(f, known, s));
        if (!agrees) out->lost = "a view that no op has made";
        known = s;
        shares = true;
    }
    if (shares && !out->lost) *out = *known;
    return shares;
}

static bool grow(fv_fields *f)
{
    const int64_t room = f->room ? 2 * f->room : 64;
    sight *items = fv_object_alloc((size_t)room * sizeof *items);
    if (!items) return false;
    if (f->count) memcpy(items, f->items, (size_t)f->count * sizeof *items);
    if (f->items) fv_object_free(f->items, (size_t)f->room * sizeof *items);
    f->items = items;
    f->room = room;
    return true;
}

static bool add(fv_fields *f, fv_tensor *t, const sight *s)
{
    if (f->count == f->room && !grow(f)) return false;
    f->items[f->count] = *s;
    f->items[f->count++].tensor = fv_retain(t);
    return true;
}

fv_fields *fv_fields_new(fv_tensor *input)
{
    fv_fields *f = fv_object_alloc(sizeof *f);
    if (!f) return NULL;
    *f = (fv_fields){.input = fv_shape_of(input)};
    f->dims = f->input.ndim - 2;
    if (f->dims < 0 || f->dims > FV_FIELD_DIMS) f->dims = 0;
    sight self = {.lost = NULL};
    for (int d = 0; d < f->dims; d++) fv_window_shifted(2 + d, 0, &self.axis[d]);
    if (add(f, input, &self)) return f;
    fv_fields_free(f);
    return NULL;
}

void fv_fields_free(fv_fields *f)
{
    if (!f) return;
    for (int64_t i = 0; i < f->count; i++) fv_release(f->items[i].tensor);
    while (f->reasons) {
        reason *r = f->reasons;
        f->reasons = r->next;
        fv_object_free(r, sizeof *r);
    }
    if (f->items) fv_object_free(f->items, (size_t)f->room * sizeof *f->items);
    fv_object_free(f, sizeof *f);
}

/* --- windows ---------------------------------------------------------------------------------- */

static bool is_fixed(const fv_window *w)
{
    return w->dim < 0 && !w->scattered;
}

/* Where position o begins to see. */
static fv_ratio first_of(const fv_window *w, int64_t o)
{
    return fv_ratio_minus(fv_ratio_times(fv_ratio_whole(o), w->stride), w->padding);
}

static fv_ratio last_of(const fv_window *w, int64_t o)
{
    return fv_ratio_minus(fv_ratio_plus(first_of(w, o), w->size), fv_ratio_whole(1));
}

/* All positions of a dimension of that length together, as a window that all of them see. */
static fv_window all_of(const fv_window *w, int64_t length)
{
    const int64_t end = w->dim < 0 || length < 1 ? 0 : length - 1;
    const bool back = w->stride.num < 0;
    const fv_ratio first = first_of(w, back ? end : 0), last = last_of(w, back ? 0 : end);
    return (fv_window){.dim = -1,
                       .size = fv_ratio_plus(fv_ratio_minus(last, first), fv_ratio_whole(1)),
                       .stride = {0, 1},
                       .padding = fv_ratio_minus(fv_ratio_whole(0), first)};
}

static bool sees_all(const fv_window *w, int64_t length)
{
    return is_fixed(w) && fv_ratio_at_most(fv_ratio_whole(0), w->padding) &&
           fv_ratio_at_most(fv_ratio_whole(length - 1), last_of(w, 0));
}

/* What one sees who looks by w at positions that see seen, of which there are length. */
static fv_window through(const fv_window *seen, int64_t length, const fv_window *w)
{
    if (is_fixed(seen)) return *seen;
    if (seen->scattered) {
        fv_window all = all_of(seen, length);
        all.scattered = w->scattered || !sees_all(w, length);
        all.dim = all.scattered ? w->dim : -1;
        return all;
    }
    if (w->scattered) {
        fv_window whole = *w;
        whole.dim = -1;
        whole.scattered = false;
        whole = through(seen, length, &whole);
        whole.dim = w->dim;
        whole.scattered = true;
        return whole;
    }
    const fv_ratio one = {1, 1}, step = seen->stride;
    const fv_ratio size = {step.num < 0 ? -step.num : step.num, step.den};
    fv_ratio back = w->padding; /* to the position that begins to see */
    if (step.num < 0) back = fv_ratio_minus(fv_ratio_plus(back, one), w->size);
    return (fv_window){
        .dim = w->dim,
        .size = fv_ratio_plus(fv_ratio_times(fv_ratio_minus(w->size, one), size), seen->size),
        .stride = fv_ratio_times(w->stride, step),
        .padding = fv_ratio_plus(fv_ratio_times(back, step), seen->padding)};
}

/* --- where paths meet ------------------------------------------------------------------------- */

static bool contains(const fv_window *fixed, const fv_window *other)
{
    return fv_ratio_at_most(first_of(fixed, 0), first_of(other, 0)) &&
           fv_ratio_at_most(last_of(other, 0), last_of(fixed, 0));
}

/* The least fixed window that has both. */
static fv_window both_of(const fv_window *a, const fv_window *b)
{
    const bool a_begins = fv_ratio_at_most(first_of(a, 0), first_of(b, 0));
    const bool a_ends = fv_ratio_at_most(last_of(b, 0), last_of(a, 0));
    const fv_ratio first = first_of(a_begins ? a : b, 0), last = last_of(a_ends ? a : b, 0);
    fv_window w = a_begins ? *a : *b;
    w.size = fv_ratio_plus(fv_ratio_minus(last, first), fv_ratio_whole(1));
    return w;
}

/* Twice the place about which position 0 sees, and 1. */
static fv_ratio centre(const fv_window *w)
{
    return fv_ratio_minus(w->size, fv_ratio_times(fv_ratio_whole(2), w->padding));
}

/* Positions that see a and b, along a dimension of the result of that length, see *a afterwards;
 * NULL or what does not go together. */
static const char *meet(fv_window *a, const fv_window *b, int64_t length)
{
    const fv_window all_a = all_of(a, length), all_b = all_of(b, length);
    const bool one_a = is_fixed(a) || (length == 1 && !a->scattered);
    const bool one_b = is_fixed(b) || (length == 1 && !b->scattered);
    if (!a->scattered && !b->scattered && a->dim == b->dim && a->dim >= 0 &&
        fv_ratio_equal(a->stride, b->stride) && fv_ratio_equal(centre(a), centre(b))) {
        if (fv_ratio_at_most(a->size, b->size)) *a = *b;
    } else if (one_a && contains(&all_a, &all_b)) {
        *a = all_a;
    } else if (one_b && contains(&all_b, &all_a)) {
        *a = all_b;
    } else if (one_a && one_b) {
        *a = both_of(&all_a, &all_b);
    } else if (a->scattered || b->scattered) {
        const int dim = a->dim >= 0 ? a->dim : b->dim;
        if (b->dim >= 0 && b->dim != dim) return "its inputs lie along other dimensions";
        *a = both_of(&all_a, &all_b);
        a->dim = dim;
        a->scattered = true;
    } else if (a->dim != b->dim) {
        return "one of its inputs is the same everywhere";
    } else {
        return fv_ratio_equal(a->stride, b->stride) ? "centres differ" : "strides differ";
    }
    return NULL;
}

static int ratio_text(fv_ratio r, char *text, size_t size)
{
    if (r.den == 1) return fv_format(text, size, "%lld", (long long)r.num);
    return fv_format(text, size, "%lld/%lld", (long long)r.num, (long long)r.den);
}

static const char *not_aligned(fv_fields *f, const fv_event *e, int d, const char *how,
                               const fv_window *a, const fv_window *b)
{
    char text[2][2][48];
    const fv_window *w[] = {a, b};
    for (int i = 0; i < 2; i++) {
        ratio_text(w[i]->stride, text[i][0], sizeof text[i][0]);
        fv_ratio middle = fv_ratio_minus(centre(w[i]), fv_ratio_whole(1));
        ratio_text(fv_ratio_times(middle, (fv_ratio){1, 2}), text[i][1], sizeof text[i][1]);
    }
    return give_reason(f,
                       "%s: its inputs are not aligned in dimension %d of the network's input: %s "
                       "(strides %s and %s, centres %s and %s)",
                       e->name, 2 + d, how, text[0][0], text[1][0], text[0][1], text[1][1]);
}

/* --- an op ------------------------------------------------------------------------------------ */

/* What output j sees through input i, of which s is what that sees. */
static void look_through(fv_fields *f, const fv_event *e, int i, int j, sight *s)
{
    for (int d = 0; d < f->dims && !s->lost; d++) {
        fv_window *seen = &s->axis[d], w;
        if (is_fixed(seen)) continue;
        if (seen->dim < 0) { /* one position that is not known of many */
            s->lost = give_reason(f, "%s: which position it takes is not known", e->name);
        } else if (fv_event_window(e, i, j, seen->dim, &w)) {
            *seen = through(seen, e->in[i]->shape[seen->dim], &w);
        } else {
            s->lost = give_reason(f, "%s: no window says what it sees of dimension %d of input %d",
                                  e->name, seen->dim, i + 1);
        }
    }
}

static void join(fv_fields *f, const fv_event *e, int j, sight *all, const sight *more)
{
    const fv_tensor *y = e->out[j];
    if (!all->lost) all->lost = more->lost;
    for (int d = 0; d < f->dims && !all->lost; d++) {
        const fv_window before = all->axis[d], *b = &more->axis[d];
        const int dim = before.dim >= 0 ? before.dim : b->dim;
        const int64_t length = dim >= 0 && dim < y->ndim ? y->shape[dim] : 1;
        const char *how = meet(&all->axis[d], b, length);
        if (how) all->lost = not_aligned(f, e, d, how, &before, b);
    }
}

/* False when output j does not depend on the input. */
static bool look(fv_fields *f, const fv_event *e, int j, sight *out)
{
    bool depends = false;
    for (int i = 0; i < e->inputs; i++) {
        sight s;
        if (!e->in[i] || !look_up(f, e->in[i], &s)) continue;
        look_through(f, e, i, j, &s);
        if (depends)
            join(f, e, j, out, &s);
        else
            *out = s;
        depends = true;
    }
    return depends;
}

/* Other views of memory that was written see what is not known any more. */
static bool lose_views(fv_fields *f, fv_tensor *written, const sight *now)
{
    const sight *before = find(f, written);
    const int64_t count = f->count;
    if (before && same_windows(f, before, now)) return true;
    const sight lost = {.lost = "memory that was written in place through another view"};
    for (int64_t i = 0; i < count; i++) {
        fv_tensor *t = f->items[i].tensor;
        if (t != written && t->storage == written->storage && !add(f, t, &lost)) return false;
    }
    return !written->base || find(f, written->base) || add(f, written->base, &lost);
}

bool fv_fields_follow(fv_fields *f, const fv_event *e)
{
    bool room = true;
    for (int j = 0; j < e->outputs && room; j++) {
        sight s;
        if (!e->out[j] || !look(f, e, j, &s)) continue;
        if (e->inplace && j == 0) room = lose_views(f, e->out[j], &s);
        room = room && add(f, e->out[j], &s);
    }
    return room;
}

/* --- what is handed out ----------------------------------------------------------------------- */

static bool is_number(const fv_window *w)
{
    return w->size.den > 0 && w->stride.den > 0 && w->padding.den > 0;
}

/* Do all of so many positions see all of so many of the input? */
static bool is_whole(const fv_window *w, int64_t positions, int64_t length)
{
    const int64_t end = positions > 0 ? positions - 1 : 0;
    for (int i = 0; i < 2; i++) {
        const int64_t o = i && w->dim >= 0 ? end : 0;
        if (!fv_ratio_at_most(first_of(w, o), fv_ratio_whole(0))) return false;
        if (!fv_ratio_at_most(fv_ratio_whole(length - 1), last_of(w, o))) return false;
    }
    return true;
}

static const char *why_unknown(const fv_fields *f, const sight *s)
{
    if (s->lost) return s->lost;
    for (int d = 0; d < f->dims; d++) {
        if (s->axis[d].scattered) return "its positions see places in no regular order";
        if (!is_number(&s->axis[d])) return "numbers too large";
    }
    return NULL;
}

fv_receptive_field fv_fields_of(const fv_fields *f, const fv_tensor *t, const char **why)
{
    fv_receptive_field field = {.dims = f->dims};
    const sight *s = find(f, t);
    *why = s ? why_unknown(f, s) : NULL;
    if (*why) return field;
    field.known = true;
    field.whole = s && f->dims > 0;
    bool single = true;                      /* there is but one position */
    for (int d = 0; d < f->dims && s; d++) { /* what depends on nothing sees nothing */
        const fv_window *w = &s->axis[d];
        const int64_t positions = w->dim >= 0 ? t->shape[w->dim] : 1;
        field.whole = field.whole && is_whole(w, positions, f->input.dim[2 + d]);
        single = single && positions == 1;
        field.size[d] = fv_ratio_value(w->size);
        field.stride[d] = fv_ratio_value(w->stride);
        field.padding[d] = fv_ratio_value(w->padding);
    }
    for (int d = 0; d < f->dims && field.whole && single; d++) field.stride[d] = 0;
    return field;
}

bool fv_field_range(const fv_receptive_field *field, int d, int64_t o, int64_t length,
                    int64_t *first, int64_t *last)
{
    if (!field && fv_fail_null("field_range", "field")) return false;
    if (!first && fv_fail_null("field_range", "first")) return false;
    if (!last && fv_fail_null("field_range", "last")) return false;
    if (!field->known || d < 0 || d >= field->dims) return false;
    /* fractions of a network are far from the rounding of a double */
    const double begin = (double)o * field->stride[d] - field->padding[d];
    const double low = ceil(begin - 1e-9), high = floor(begin + field->size[d] - 1 + 1e-9);
    *first = low > 0 ? (int64_t)low : 0;
    *last = high < (double)length - 1 ? (int64_t)high : length - 1;
    return *first <= *last;
}

/* "5x7", or one number for all. */
static int numbers_text(const double *v, int dims, char *text, size_t size)
{
    bool same = true;
    int used = 0;
    for (int d = 1; d < dims; d++) same = same && v[d] == v[0];
    for (int d = 0; d < (same ? 1 : dims); d++) {
        const size_t room = (size_t)used < size ? size - (size_t)used : 0;
        used += fv_format(room ? text + used : NULL, room, "%s%g", d ? "x" : "", v[d]);
    }
    return used;
}

int fv_field_text(const fv_receptive_field *field, char *text, size_t size)
{
    if (!field && fv_fail_null("field_text", "field")) return 0;
    if (!text) size = 0;
    if (!field->known) return fv_format(text, size, "unknown");
    if (field->dims == 0) return fv_format(text, size, "--");
    bool stands = field->whole;
    for (int d = 0; d < field->dims; d++) stands = stands && field->stride[d] == 0;
    if (stands) return fv_format(text, size, "whole");
    char part[3][64];
    numbers_text(field->size, field->dims, part[0], sizeof part[0]);
    numbers_text(field->stride, field->dims, part[1], sizeof part[1]);
    numbers_text(field->padding, field->dims, part[2], sizeof part[2]);
    return fv_format(text, size, "%s/%s/%s", part[0], part[1], part[2]);
}
