/* Text of a tensor, in PyTorch's form: the numbers that are shown decide one format and width for
 * all, then rows are filled up to 80 columns.
 * Source: torch/_tensor_str.py with its default options. */
#include "tensor/print.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/kernels/element.h"
#include "tensor/numerals.h"

enum { LINE = 80, EDGE = 3, THRESHOLD = 1000 };

const char *(*fv_print_op_name)(const fv_tensor *t);

typedef struct printer {
    const fv_tensor *t;
    bool shortened;
    /* the format */
    bool whole;       /* floats that are all integers: "1." */
    bool scientific;  /* "1.0000e+00" */
    double low, high; /* smallest and largest absolute value that is finite and not 0 */
    int width;
    /* the text so far */
    char *text;
    size_t length, room;
    bool failed;
} printer;

/* --- text ------------------------------------------------------------------------------------- */

static void append(printer *p, const char *s, size_t n)
{
    if (p->failed) return;
    if (p->length + n + 1 > p->room) {
        size_t room = 2 * (p->length + n) + 64;
        char *text = realloc(p->text, room);
        p->failed = !text;
        if (!text) return;
        p->text = text;
        p->room = room;
    }
    memcpy(p->text + p->length, s, n);
    p->length += n;
    p->text[p->length] = '\0';
}

static void append_text(printer *p, const char *s)
{
    append(p, s, strlen(s));
}

static void append_repeated(printer *p, char c, int n)
{
    for (int i = 0; i < n; i++) append(p, &c, 1);
}

/* --- one number ------------------------------------------------------------------------------- */

static bool prints_floats(const printer *p)
{
    return fv_dtype_row_of(p->t->dtype)->kind == FV_KIND_FLOATING;
}

static int format_float(const printer *p, double v, char *out, size_t size)
{
    if (isnan(v)) return snprintf(out, size, "nan");
    if (isinf(v)) return snprintf(out, size, v < 0 ? "-inf" : "inf");
    if (p->scientific) return fv_format(out, size, "%.4e", v);
    return fv_format(out, size, p->whole ? "%.0f." : "%.4f", v);
}

/* The number at offset, without padding; returns its length. */
static int format_number(const printer *p, int64_t offset, char *out, size_t size)
{
    if (prints_floats(p)) return format_float(p, fv_element_get(p->t, offset), out, size);
    int64_t v = fv_element_get_int(p->t, offset);
    if (p->t->dtype == FV_BOOL) return snprintf(out, size, v ? "True" : "False");
    return snprintf(out, size, "%lld", (long long)v);
}

static void append_number(printer *p, int64_t offset)
{
    char out[64];
    int n = format_number(p, offset, out, sizeof out);
    append_repeated(p, ' ', p->width - n);
    append_text(p, out);
}

/* --- the format ------------------------------------------------------------------------------- */

/* Does a shortened text leave out the middle of dim? */
static bool cuts(const printer *p, int dim)
{
    return p->shortened && p->t->shape[dim] > 2 * EDGE;
}

/* Calls look for every number that is shown. */
static void each_shown(printer *p, int dim, int64_t offset,
                       void (*look)(printer *p, int64_t offset))
{
    if (dim == p->t->ndim) {
        look(p, offset);
        return;
    }
    for (int64_t i = 0; i < p->t->shape[dim]; i++) {
        if (cuts(p, dim) && i == EDGE) i = p->t->shape[dim] - EDGE;
        each_shown(p, dim + 1, offset + i * p->t->strides[dim], look);
    }
}

static bool counts(double v)
{
    return isfinite(v) && v != 0.0;
}

static void find_range(printer *p, int64_t offset)
{
    double v = fv_element_get(p->t, offset);
    if (!counts(v)) return;
    p->low = fmin(p->low, fabs(v));
    p->high = fmax(p->high, fabs(v));
    if (v != ceil(v)) p->whole = false;
}

static void find_width(printer *p, int64_t offset)
{
    if (prints_floats(p) && !counts(fv_element_get(p->t, offset))) return;
    char out[64];
    int n = format_number(p, offset, out, sizeof out);
    if (n > p->width) p->width = n;
}

static void choose_format(printer *p)
{
    p->width = 1;
    p->whole = true;
    p->low = HUGE_VAL;
    p->high = 0.0;
    if (prints_floats(p)) {
        each_shown(p, 0, 0, find_range);
        p->scientific = p->high > 0.0 && (p->high / p->low > 1000.0 || p->high > 1e8 ||
                                          (!p->whole && p->low < 1e-4));
    }
    each_shown(p, 0, 0, find_width);
}

/* --- rows and blocks -------------------------------------------------------------------------- */

static void append_row(printer *p, int dim, int64_t offset, int indent)
{
    int per_line = (LINE - indent) / (p->width + 2), shown = 0;
    if (per_line < 1) per_line = 1;
    append_text(p, "[");
    for (int64_t i = 0; i < p->t->shape[dim]; i++, shown++) {
        if (shown > 0 && shown % per_line == 0) {
            append_text(p, ",\n");
            append_repeated(p, ' ', indent + 1);
        } else if (shown > 0) {
            append_text(p, ", ");
        }
        if (cuts(p, dim) && shown == EDGE) {
            append_text(p, " ...");
            i = p->t->shape[dim] - EDGE - 1;
        } else {
            append_number(p, offset + i * p->t->strides[dim]);
        }
    }
    append_text(p, "]");
}

static void append_block(printer *p, int dim, int64_t offset, int indent)
{
    int left = p->t->ndim - dim;
    if (left == 0) {
        append_number(p, offset);
        return;
    }
    if (left == 1) {
        append_row(p, dim, offset, indent);
        return;
    }
    append_text(p, "[");
    int shown = 0;
    for (int64_t i = 0; i < p->t->shape[dim]; i++, shown++) {
        if (shown > 0) {
            append_text(p, ",");
            append_repeated(p, '\n', left - 1);
            append_repeated(p, ' ', indent + 1);
        }
        if (cuts(p, dim) && shown == EDGE) {
            append_text(p, "...");
            i = p->t->shape[dim] - EDGE - 1;
        } else {
            append_block(p, dim + 1, offset + i * p->t->strides[dim], indent + 1);
        }
    }
    append_text(p, "]");
}

/* --- what follows the numbers ----------------------------------------------------------------- */

/* ", <suffix>", on a new line when this one would pass its end. */
static void append_suffix(printer *p, size_t *column, const char *suffix)
{
    enum { INDENT = 7 };
    size_t n = strlen(suffix);
    if (*column + n + 2 > LINE) {
        append_text(p, ",\n");
        append_repeated(p, ' ', INDENT);
        *column = INDENT + n;
    } else {
        append_text(p, ", ");
        *column += n + 2;
    }
    append_text(p, suffix);
}

static void append_suffixes(printer *p)
{
    const fv_tensor *t = p->t;
    char suffix[256];
    const char *line = p->text ? strrchr(p->text, '\n') : NULL;
    /* PyTorch counts two columns too many here, which decides where lines break. */
    size_t column = (line ? p->length - (size_t)(line - p->text) + 1 : p->length + 2);
    if (t->shapes_only || (t->numel == 0 && t->ndim != 1)) {
        size_t n = (size_t)snprintf(suffix, sizeof suffix, "size=(");
        for (int i = 0; i < t->ndim; i++) {
            n += (size_t)snprintf(suffix + n, sizeof suffix - n, i ? ", %lld" : "%lld",
                                  (long long)t->shape[i]);
        }
        snprintf(suffix + n, sizeof suffix - n, t->ndim == 1 ? ",)" : ")");
        append_suffix(p, &column, suffix);
    }
    bool seen = t->numel && !t->shapes_only; /* elements that tell their type */
    bool usual = t->dtype == FV_FLOAT32 || (seen && (t->dtype == FV_INT64 || t->dtype == FV_BOOL));
    if (!usual) {
        snprintf(suffix, sizeof suffix, "dtype=torch.%s", fv_dtype_name(t->dtype));
        append_suffix(p, &column, suffix);
    }
    const char *name = t->node && fv_print_op_name ? fv_print_op_name(t) : NULL;
    if (name) {
        snprintf(suffix, sizeof suffix, "grad_fn=<%s>", name);
        append_suffix(p, &column, suffix);
    } else if (t->requires_grad) {
        append_suffix(p, &column, "requires_grad=True");
    }
}

/* --- the functions ---------------------------------------------------------------------------- */

char *fv_to_string(const fv_tensor *t)
{
    printer p = {.t = t};
    append_text(&p, "tensor(");
    if (fv_failed_in("print", t)) {
        append_text(&p, "<failed>");
    } else if (t->numel == 0 || t->shapes_only) {
        append_text(&p, t->shapes_only ? "..." : "[]");
        append_suffixes(&p);
    } else {
        p.shortened = t->numel > THRESHOLD;
        choose_format(&p);
        append_block(&p, 0, 0, 7);
        append_suffixes(&p);
    }
    append_text(&p, ")");
    if (!p.failed) return p.text;
    free(p.text);
    fv_fail(FV_ERR_MEMORY, "print: out of memory");
    return NULL;
}

void fv_print_to(FILE *stream, const fv_tensor *t)
{
    if (!stream && fv_fail_null("print_to", "stream")) return;
    char *text = fv_to_string(t);
    if (text) fprintf(stream, "%s\n", text);
    free(text);
}

void fv_print(const fv_tensor *t)
{
    fv_print_to(stdout, t);
}
