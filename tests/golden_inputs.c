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

static const char *kind_of(const op_case *c, int i)
{
    if (c->in[i].fill == FILL_INDEX) return "index";
    if (c->in[i].fill == FILL_MASK) return "mask";
    return c->in[i].constant ? "constant" : "variable";
}

static void write_input(const op_case *c, int i)
{
    const fv_shape *shape = &c->in[i].shape;
    if (c->in[i].absent) {
        fputs("null", stdout);
        return;
    }
    printf("{\"kind\": \"%s\", \"shape\": [", kind_of(c, i));
    for (int d = 0; d < shape->ndim; d++) printf("%s%lld", d ? ", " : "", (long long)shape->dim[d]);
    fputs("], \"data\": [", stdout);
    double *values = case_values(c, i);
    for (int64_t k = 0; k < fv_shape_numel(shape); k++) printf("%s%.17g", k ? ", " : "", values[k]);
    fputs("]}", stdout);
    free(values);
}

static void write_case(const op_case *c)
{
    const fv_op *op = fv_find_op(c->op);
    fputs("{\"op\": ", stdout);
    write_text(c->op);
    fputs(", \"case\": ", stdout);
    write_text(c->name);
    fputs(", \"torch\": ", stdout);
    write_text(c->torch);
    printf(", \"gradient\": %s",
           !op || op->gradient == FV_NO_GRADIENT || c->not_gradcheck ? "false" : "true");
    printf(", \"fingerprint\": \"%016" PRIx64 "\", \"inputs\": [", golden_fingerprint(c));
    for (int i = 0; i < c->inputs; i++) {
        if (i) fputs(", ", stdout);
        write_input(c, i);
    }
    puts("]}");
}

int main(void)
{
    for (const op_case *c = next_case(NULL); c; c = next_case(c))
        if (c->torch) write_case(c);
    return 0;
}
