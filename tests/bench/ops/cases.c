/* The list of cases, and the sizes and types in which each is timed. */
#include "cases.h"

#include <string.h>

#include "optimizers.h"

enum { MAX_CASES = 600 };

static const int64_t sizes[VARIANT_SIZES] = {1 << 10, 25 << 12, 1 << 20};

static op_case *cases[MAX_CASES];
static int case_count;

/* --- the form of tests/case.h ----------------------------------------------------------------- */

void case_register(op_case *c, int inputs, const case_input *in)
{
    c->inputs = inputs;
    for (int i = 0; i < inputs; i++) c->in[i] = in[i];
    if (case_count < MAX_CASES) cases[case_count++] = c;
}

case_input case_filled(case_fill fill, fv_shape shape)
{
    return (case_input){.shape = shape, .fill = fill};
}

case_input case_index(int64_t limit, fv_shape shape)
{
    return (case_input){.shape = shape, .fill = FILL_INDEX, .limit = limit};
}

case_input case_constant(case_input in)
{
    in.constant = true;
    return in;
}

case_input case_absent(void)
{
    return (case_input){.absent = true};
}

/* --- variants --------------------------------------------------------------------------------- */

static bool contains(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = strstr(words, word); at; at = strstr(at + 1, word))
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == 0)) return true;
    return false;
}

/* Functions with a polynomial of their own in each type. */
static bool also_float64(const char *op)
{
    return contains("exp expm1 log log2 log10 log1p sin cos erf sigmoid tanh silu gelu logsigmoid "
                    "pow pow_scalar softplus elu sqrt rsqrt softmax log_softmax logsumexp",
                    op);
}

static bool is_sized(const op_case *c)
{
    for (int i = 0; i < c->inputs; i++)
        for (int d = 0; d < c->in[i].shape.ndim; d++)
            if (c->in[i].shape.dim[d] == 0) return true;
    return false;
}

/* "conv" of ".../ops/conv_cases.c". */
static const char *family_of(const op_case *c)
{
    static char family[32];
    const char *base = strrchr(c->file, '/');
    base = base ? base + 1 : c->file;
    size_t length = strcspn(base, "_.");
    if (length >= sizeof family) length = sizeof family - 1;
    memcpy(family, base, length);
    family[length] = 0;
    return family;
}

static void case_variant(const op_case *c, int i, variant *v)
{
    *v = (variant){.call = c,
                   .family = family_of(c),
                   .op = c->op,
                   .name = c->name,
                   .torch = c->torch,
                   .n = is_sized(c) ? sizes[i % VARIANT_SIZES] : 0,
                   .dtype = i < VARIANT_SIZES ? FV_FLOAT32 : FV_FLOAT64};
}

static void optimizer_variant(const bench_optimizer *o, int i, variant *v)
{
    *v = (variant){.optimizer = o->make,
                   .family = "optim",
                   .op = o->name,
                   .name = "",
                   .torch = o->torch,
                   .n = sizes[i],
                   .dtype = FV_FLOAT32};
}

bool variant_at(int i, variant *v)
{
    for (int k = 0; k < case_count; k++) {
        const op_case *c = cases[k];
        int count = is_sized(c) ? VARIANT_SIZES * (also_float64(c->op) ? 2 : 1) : 1;
        if (i < count) {
            case_variant(c, i, v);
            return true;
        }
        i -= count;
    }
    int optimizers;
    const bench_optimizer *all = bench_optimizers(&optimizers);
    if (i >= optimizers * VARIANT_SIZES) return false;
    optimizer_variant(&all[i / VARIANT_SIZES], i % VARIANT_SIZES, v);
    return true;
}

bool variant_is_ordered(const variant *v)
{
    bool images = contains("conv whole pool norm", v->family) || strcmp(v->op, "dropout2d") == 0;
    return v->call && images && v->call->in[0].shape.ndim > 2;
}

fv_shape variant_shape(const variant *v, int i)
{
    if (!v->call) return FV_SHAPE(v->n);
    fv_shape s = v->call->in[i].shape;
    int64_t rest = 1;
    for (int d = 0; d < s.ndim; d++) rest *= s.dim[d] == 0 ? 1 : s.dim[d];
    for (int d = 0; d < s.ndim; d++)
        if (s.dim[d] == 0) s.dim[d] = v->n / rest > 0 ? v->n / rest : 1;
    return s;
}
