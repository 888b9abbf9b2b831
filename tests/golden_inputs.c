/* Writes every case that has a PyTorch expression, with its inputs, as JSON to stdout: one case a
 * line, for golden/make.py. */
#include <inttypes.h>
#include <stdio.h>

#include "golden.h"

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

static const char *kind_of(const fv_case *c, int i)
{
    if (c->in[i].fill == FV_FILL_INDEX) return "index";
    if (c->in[i].fill == FV_FILL_MASK) return "mask";
    return c->in[i].constant ? "constant" : "variable";
}

static void write_input(const fv_op *op, const fv_case *c, int i)
{
    const fv_shape *shape = &c->in[i].shape;
    if (c->in[i].absent) {
        fputs("null", stdout);
        return;
    }
    printf("{\"kind\": \"%s\", \"shape\": [", kind_of(c, i));
    for (int d = 0; d < shape->ndim; d++) printf("%s%lld", d ? ", " : "", (long long)shape->dim[d]);
    fputs("], \"data\": [", stdout);
    double *values = case_values(op, c, i);
    for (int64_t k = 0; k < fv_shape_numel(shape); k++) printf("%s%.17g", k ? ", " : "", values[k]);
    fputs("]}", stdout);
    free(values);
}

static void write_case(const fv_op *op, const fv_case *c)
{
    fputs("{\"op\": ", stdout);
    write_text(op->name);
    fputs(", \"case\": ", stdout);
    write_text(c->name);
    fputs(", \"torch\": ", stdout);
    write_text(c->torch);
    printf(", \"gradient\": %s",
           op->gradient == FV_NO_GRADIENT || c->no_grad_check ? "false" : "true");
    printf(", \"fingerprint\": \"%016" PRIx64 "\", \"inputs\": [", golden_fingerprint(op, c));
    for (int i = 0; i < c->inputs; i++) {
        if (i) fputs(", ", stdout);
        write_input(op, c, i);
    }
    puts("]}");
}

int main(void)
{
    for (const fv_op_entry *e = next_op(NULL); e; e = next_op(e))
        for (const fv_case *c = e->op->cases; c && c->name; c++)
            if (c->torch) write_case(e->op, c);
    return 0;
}
