/* Writes cases with their inputs as JSON to stdout, one a line, for golden/make.py:
 *   golden_inputs            every case that has a PyTorch expression
 *   golden_inputs special    the variants of every case with special values, or
 *   golden_inputs types      with integer types */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "variants.h"

static void write_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') putchar('\\');
        if (*text == '\n')
            fputs("\\n", stdout);
        else
            putchar(*text);
    }
    putchar('"');
}

static void write_input(fv_tensor *t, bool differentiable)
{
    if (!t) {
        fputs("null", stdout);
        return;
    }
    bool floating = fv_dtype_is_floating(t->dtype);
    printf("{\"dtype\": \"%s\", \"grad\": %s, \"shape\": [", fv_dtype_name(t->dtype),
           floating && differentiable ? "true" : "false");
    for (int d = 0; d < t->ndim; d++) printf("%s%lld", d ? ", " : "", (long long)t->shape[d]);
    fputs("], \"data\": [", stdout);
    double *values = malloc(((size_t)t->numel + 1) * sizeof(double));
    int64_t *whole = malloc(((size_t)t->numel + 1) * sizeof(int64_t));
    if (!values || !whole) abort();
    fv_copy_out(t, FV_FLOAT64, values);
    fv_copy_out(t, FV_INT64, whole);
    for (int64_t k = 0; k < t->numel; k++) {
        if (k) fputs(", ", stdout);
        if (!floating)
            printf("%lld", (long long)whole[k]);
        else if (values[k] - values[k] == 0)
            printf(values[k] == 0 && 1 / values[k] < 0 ? "-0.0" : "%.17g", values[k]);
        else /* as Python's JSON has it */
            fputs(values[k] > 0 ? "Infinity" : values[k] < 0 ? "-Infinity" : "NaN", stdout);
    }
    fputs("]}", stdout);
    free(values);
    free(whole);
}

/* variant: what follows the case's name, or NULL */
static void write_case(const op_case *c, const char *variant, uint64_t fingerprint, fv_tensor **x)
{
    const fv_op *op = fv_find_op(c->op);
    bool gradient = op && op->gradient != FV_NO_GRADIENT && !c->not_gradcheck;
    fputs("{\"op\": ", stdout);
    write_text(c->op);
    fputs(", \"case\": ", stdout);
    write_text(c->name);
    if (variant) fputs(", \"variant\": ", stdout);
    if (variant) write_text(variant);
    fputs(", \"torch\": ", stdout);
    write_text(c->torch);
    printf(", \"gradient\": %s, \"fingerprint\": \"%016" PRIx64 "\", \"inputs\": [",
           gradient ? "true" : "false", fingerprint);
    for (int i = 0; i < c->inputs; i++) {
        if (i) fputs(", ", stdout);
        write_input(x[i], variant ? x[i] && x[i]->requires_grad : !c->in[i].constant);
    }
    puts("]}");
}

static void write_variants(variant_kind kind, const op_case *c)
{
    fv_tensor *x[CASE_INPUTS];
    case_variant v;
    for (int k = 0; get_variant(kind, c, k, &v); k++) {
        FV_SCOPE;
        variant_inputs(kind, c, &v, x);
        write_case(c, v.name, golden_tensors_fingerprint(c, x), x);
    }
}

static void write_values(const op_case *c)
{
    FV_SCOPE;
    fv_tensor *x[CASE_INPUTS];
    if (!c->torch) return;
    case_inputs(c, FV_FLOAT64, LAYOUT_CONTIGUOUS, 0, false, x);
    write_case(c, NULL, golden_fingerprint(c), x);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    for (const op_case *c = next_case(NULL); c; c = next_case(c)) {
        if (*what == '\0') write_values(c);
        for (int kind = 0; kind < VARIANT_KINDS; kind++)
            if (strcmp(what, variant_folder((variant_kind)kind)) == 0)
                write_variants((variant_kind)kind, c);
    }
    return 0;
}
