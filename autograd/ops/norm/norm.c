/* Batch normalisation, its backward op, and the gradient of that. */
#include "autograd/ops/norm/norm.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>

#include "autograd/autograd.h"
#include "autograd/op.h"
#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/reduce/reduce.h"
#include "autograd/ops/view/view.h"
#include "tensor/kernels/norm/norm.h"

typedef struct norm_options {
    bool training, relu;
    double momentum, eps;
} norm_options;

typedef struct backward_options {
    bool training;
    bool relu;
    bool masked; /* the gradient before the relu is an output, too */
    double eps;
} backward_options;

_Static_assert(sizeof(fv_norm_plan) <= FV_PLAN_BYTES, "the plan fits into its buffer");

static const fv_op batch_norm_backward_op;

/* --- checks ------------------------------------------------------------------------------- */

static fv_status need_input(const fv_call *c, int input)
{
    const fv_tensor *x = c->in[input];
    fv_status status = fv_need_floating(c, input, "input");
    if (status == FV_OK && (x->ndim < 2 || x->ndim > 5))
        status = fv_reject(
            c, FV_ERR_SHAPE,
            "input %s must be [N,C], or [N,C,spatial] with 1 to 3 spatial dimensions", fv_text(x));
    return status;
}

/* A vector of x's channels and that dtype, or NULL. */
static fv_status need_channels(const fv_call *c, int input, int x_input, fv_dtype dtype)
{
    const fv_tensor *x = c->in[x_input], *v = c->in[input];
    const char *name = fv_input_name(c->op, input);
    if (!v) return FV_OK;
    if (v->ndim != 1 || v->shape[0] != x->shape[1])
        return fv_reject(c, FV_ERR_SHAPE, "%s %s must be [%lld], the channels of input %s", name,
                         fv_text(v), (long long)x->shape[1], fv_text(x));
    if (v->dtype != dtype)
        return fv_reject(c, FV_ERR_DTYPE, "%s is %s, must be %s for input %s", name,
                         fv_dtype_name(v->dtype), fv_dtype_name(dtype), fv_text(x));
    return FV_OK;
}

static fv_status need_eps(const fv_call *c, double eps)
{
    if (eps >= 0 && isfinite(eps)) return FV_OK;
    return fv_reject(c, FV_ERR_OPTION, "eps is %g, must be a number not below 0", eps);
}

/* --- plan --------------------------------------------------------------------------------- */

/* x is [rows, channels] in memory: the order of a matrix, or channels-last. */
static void plan_rows(fv_call *c, const fv_tensor *x)
{
    fv_norm_plan *plan = c->plan;
    fv_scratch need = {0};
    int64_t channels = x->shape[1];
    *plan = fv_norm_make_plan(x->dtype, x->numel ? x->numel / channels : 0, channels, c->machine);
    fv_norm_layout(plan, &need);
    c->scratch_bytes = need.used;
}

static int describe_rows(const fv_call *c, char *text, size_t size)
{
    const fv_norm_plan *plan = c->plan;
    return snprintf(text, size, "%lld rows in %lld chunks", (long long)plan->rows,
                    (long long)plan->chunks);
}

/* An input of x's shape and type, or NULL. */
static fv_status need_like(const fv_call *c, int input, int x_input)
{
    const fv_tensor *v = c->in[input];
    const char *name = fv_input_name(c->op, input);
    if (!v) return FV_OK;
    fv_shape shape = fv_shape_of(v), x = fv_shape_of(c->in[x_input]);
    if (!fv_shape_equal(&shape, &x))
        return fv_reject(c, FV_ERR_SHAPE, "%s %s must have the shape of input %s", name,
                         fv_shape_text(&shape), fv_shape_text(&x));
    return fv_need_same_dtype(c, input, name, x_input, "input");
}

/* --- forward: x, running_mean, running_var, weight, bias, residual -> y, mean, invstd ----- */

/* mean and invstd are float64 whatever x is: a large mean must not lose what the differences from
 * it are made of. */

static fv_status check_statistics(const fv_call *c, const norm_options *a)
{
    fv_status status = FV_OK;
    for (int i = 1; i < 5 && status == FV_OK; i++) status = need_channels(c, i, 0, c->in[0]->dtype);
    if (status != FV_OK) return status;
    const fv_tensor *x = c->in[0];
    if (!c->in[1] != !c->in[2])
        return fv_reject(c, FV_ERR_OPTION,
                         "running_mean and running_var go together, one is NULL for input %s",
                         fv_text(x));
    if (!a->training && !c->in[1])
        return fv_reject(c, FV_ERR_OPTION,
                         "running_mean and running_var are needed unless training, for input %s",
                         fv_text(x));
    if (a->training && x->numel > 0 && x->numel == x->shape[1])
        return fv_reject(c, FV_ERR_SHAPE,
                         "expected more than 1 value per channel when training, got input %s",
                         fv_text(x));
    return FV_OK;
}

static fv_status batch_norm_infer(fv_call *c)
{
    const norm_options *a = c->options;
    fv_status status = need_input(c, 0);
    if (status == FV_OK) status = check_statistics(c, a);
    if (status == FV_OK) status = need_like(c, 5, 0);
    if (status == FV_OK) status = need_eps(c, a->eps);
    if (status == FV_OK && !isfinite(a->momentum))
        status = fv_reject(c, FV_ERR_OPTION, "momentum is %g, must be a number", a->momentum);
    if (status != FV_OK) return status;

    fv_dtype dtype = c->in[0]->dtype;
    fv_shape x = fv_shape_of(c->in[0]), channels = FV_SHAPE(x.dim[1]);
    fv_output_channels_last(c, 0, dtype, &x);
    fv_output_contiguous(c, 1, FV_FLOAT64, &channels);
    fv_output_contiguous(c, 2, FV_FLOAT64, &channels);
    c->spec[1].constant = c->spec[2].constant = true;
    if (a->training && c->in[1] && c->in[0]->numel > 0) c->writes = FV_IN(1) | FV_IN(2);
    return FV_OK;
}

static void batch_norm_plan(fv_call *c)
{
    plan_rows(c, c->in[0]);
}

static fv_batch_norm forward_job(const fv_call *c)
{
    const norm_options *a = c->options;
    return (fv_batch_norm){.x = c->in[0],
                           .running_mean = c->in[1],
                           .running_var = c->in[2],
                           .weight = c->in[3],
                           .bias = c->in[4],
                           .residual = c->in[5],
                           .y = c->out[0],
                           .mean = c->out[1],
                           .invstd = c->out[2],
                           .training = a->training,
                           .relu = a->relu,
                           .momentum = a->momentum,
                           .eps = a->eps};
}

static void batch_norm_reference(fv_call *c)
{
    fv_batch_norm job = forward_job(c);
    fv_batch_norm_ref(&job);
}

static void batch_norm_forward(fv_call *c)
{
    fv_batch_norm job = forward_job(c);
    fv_batch_norm_run(c->plan, &job, c->scratch);
}

/* All dimensions but the channels'. */
static fv_dims row_dims(int ndim)
{
    switch (ndim) {
    case 2: return 0;
    case 3: return FV_DIMS(0, 2);
    case 4: return FV_DIMS(0, 2, 3);
    default: return FV_DIMS(0, 2, 3, 4);
    }
}

/* Of bias and residual alone: the elements of x are not asked for. */
static void gradient_of_sums(const fv_call *c, fv_tensor *g, fv_tensor **gin)
{
    const norm_options *a = c->options;
    if (a->relu) g = fv_relu_backward(g, c->out[0]);
    if (fv_wants(c, 4)) gin[4] = fv_sum(g, .dim = row_dims(g->ndim));
    if (fv_wants(c, 5)) gin[5] = g;
}

static void batch_norm_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    if (!gout[0]) return;
    if (!fv_wants(c, 0) && !fv_wants(c, 3)) {
        gradient_of_sums(c, gout[0], gin);
        return;
    }
    const norm_options *a = c->options;
    const backward_options options = {.training = a->training,
                                      .relu = a->relu,
                                      .masked = a->relu && fv_wants(c, 5),
                                      .eps = a->eps};
    fv_tensor *y = a->relu ? c->out[0] : NULL, *bias = a->relu ? c->in[4] : NULL, *out[4] = {NULL};
    if (!fv_wants(c, 5) || a->relu) fv_last_use(gout[0]);
    if (c->frees_saved) fv_last_use(c->in[0]);
    fv_tensor *in[] = {gout[0], c->in[0], c->in[3], c->out[1], c->out[2], y, bias};
    fv_apply_many(&batch_norm_backward_op, &options, 7, in, out, 4);
    if (fv_wants(c, 0)) gin[0] = out[0];
    if (fv_wants(c, 3)) gin[3] = out[1];
    if (fv_wants(c, 4)) gin[4] = out[2];
    if (fv_wants(c, 5)) gin[5] = a->relu ? out[3] : gout[0];
}

/* Where the relu lets a gradient pass is seen from its output. In training the backward pass reads
 * x anyway, which with weight and bias says the same, unless a residual came in between. */
static uint32_t batch_norm_also_saves(const fv_call *c)
{
    const norm_options *a = c->options;
    if (!a->relu) return 0;
    const bool from_x = a->training && !c->in[5] && (fv_wants(c, 0) || fv_wants(c, 3));
    return from_x ? FV_IN(3) | FV_IN(4) : FV_OUT(0);
}

static const fv_option norm_fields[] = {
    FV_FIELD(norm_options, training, FV_OPTION_BOOL),
    FV_FIELD(norm_options, relu, FV_OPTION_BOOL),
    FV_FIELD(norm_options, momentum, FV_OPTION_DOUBLE),
    FV_FIELD(norm_options, eps, FV_OPTION_DOUBLE),
    {0},
};

/* In training each output depends on all that the statistics of its channel are of. */
static bool batch_norm_window(const fv_call *c, int input, int output, int dim, fv_window *w)
{
    const norm_options *a = c->options;
    const bool map = c->in[input]->ndim > 1, residual = input == 5;
    if (output > 0) return false;
    if (!map) return fv_window_shifted(1, 0, w);
    if (a->training && !residual && dim != 1) return fv_window_all(c, input, output, dim, w);
    return fv_window_same(c, input, output, dim, w);
}

static const fv_op batch_norm_op = {
    .name = "batch_norm",
    .inputs = 6,
    .outputs = 3,
    .input = {{.name = "input", .order = FV_ORDER_CHANNELS_LAST},
              {.name = "running_mean", .optional = true},
              {.name = "running_var", .optional = true},
              {.name = "weight", .optional = true},
              {.name = "bias", .optional = true},
              {.name = "residual", .order = FV_ORDER_CHANNELS_LAST, .optional = true}},
    .options_size = sizeof(norm_options),
    .infer = batch_norm_infer,
    .plan = batch_norm_plan,
    .describe = describe_rows,
    .forward = batch_norm_forward,
    .reference = batch_norm_reference,
    .gradient = batch_norm_gradient,
    .saves = {FV_IN(0) | FV_IN(3) | FV_OUT(1) | FV_OUT(2), 0, 0, FV_IN(0) | FV_OUT(1) | FV_OUT(2)},
    .also_saves = batch_norm_also_saves,
    .option_fields = norm_fields,
    .window = batch_norm_window,
};
FV_REGISTER(batch_norm_op);

const fv_batch_norm_args fv_batch_norm_defaults = {FV_BATCH_NORM_DEFAULTS};

fv_tensor *fv_batch_norm_ex(const fv_batch_norm_args *a)
{
    if (!fv_args_ok("batch_norm", a, sizeof *a)) return fv_failed_tensor();
    norm_options options = {
        .training = a->training, .relu = a->relu, .momentum = a->momentum, .eps = a->eps};
    return FV_APPLY(&batch_norm_op, &options, a->input, a->running_mean, a->running_var, a->weight,
                    a->bias, a->residual);
}

/* --- backward: gy, x, weight, mean, invstd, y, bias -> gx, gweight, gbias (, masked) ------ */

/* Behind a relu gy counts only where that let it pass: where y, its output, says so or, without y,
 * what x, weight and bias give. In training mean
 * and invstd are functions of x; they come in only to save work, and may be absent. In evaluation
 * they are constants. */
static fv_status backward_infer(fv_call *c)
{
    const backward_options *a = c->options;
    fv_status status = need_input(c, 1);
    if (status == FV_OK) status = need_eps(c, a->eps);
    if (status == FV_OK) status = need_like(c, 0, 1);
    if (status == FV_OK) status = need_like(c, 5, 1);
    static const int vectors[] = {2, 3, 4, 6};
    for (int i = 0; i < 4 && status == FV_OK; i++) {
        const bool statistic = vectors[i] == 3 || vectors[i] == 4;
        status = need_channels(c, vectors[i], 1, statistic ? FV_FLOAT64 : c->in[1]->dtype);
    }
    if (status != FV_OK) return status;
    if (!c->in[3] != !c->in[4] || (!a->training && !c->in[3]))
        return fv_reject(c, FV_ERR_OPTION,
                         "mean and invstd go together and are needed unless training, for input %s",
                         fv_text(c->in[1]));
    if ((a->masked || (a->relu && !a->training)) && !c->in[5])
        return fv_reject(c, FV_ERR_OPTION, "%s needs the output, for input %s",
                         a->masked ? "masked" : "relu without training", fv_text(c->in[1]));
    if (c->in[5] && !a->relu)
        return fv_reject(c, FV_ERR_OPTION, "the output says nothing without relu, for input %s",
                         fv_text(c->in[1]));

    fv_dtype dtype = c->in[1]->dtype;
    fv_shape x = fv_shape_of(c->in[1]), channels = FV_SHAPE(x.dim[1]);
    status = fv_set_outputs(c, a->masked ? 4 : 3);
    if (status != FV_OK) return status;
    fv_output_channels_last(c, 0, dtype, &x);
    fv_output_contiguous(c, 1, dtype, &channels);
    fv_output_contiguous(c, 2, dtype, &channels);
    if (a->masked) fv_output_channels_last(c, 3, dtype, &x);
    c->spec[0].over = a->masked ? 1 : 0;
    if (a->masked) c->spec[3].over = 0;
    return FV_OK;
}

static void backward_plan(fv_call *c)
{
    plan_rows(c, c->in[1]);
}

static fv_batch_norm_grad backward_job(const fv_call *c)
{
    const backward_options *a = c->options;
    return (fv_batch_norm_grad){.gy = c->in[0],
                                .x = c->in[1],
                                .weight = c->in[2],
                                .bias = c->in[6],
                                .mean = c->in[3],
                                .invstd = c->in[4],
                                .y = c->in[5],
                                .gx = c->out[0],
                                .gweight = c->out[1],
                                .gbias = c->out[2],
                                .masked = a->masked ? c->out[3] : NULL,
                                .training = a->training,
                                .relu = a->relu,
                                .eps = a->eps};
}

static void backward_reference(fv_call *c)
{
    fv_batch_norm_grad job = backward_job(c);
    fv_batch_norm_grad_ref(&job);
}

static void backward_forward(fv_call *c)
{
    fv_batch_norm_grad job = backward_job(c);
    fv_batch_norm_grad_run(c->plan, &job, c->scratch);
}

/* --- the gradient of backward ------------------------------------------------------------- */

/* Everything below has x's rank; per-channel values are [1,C,1,..]. */
typedef struct second {
    const backward_options *options;
    fv_dims dims;
    double rows;
    fv_tensor *gy, *weight; /* weight may be NULL */
    fv_tensor *invstd, *xhat;
    fv_tensor *of_gx, *of_gweight, *of_gbias, *of_masked; /* what comes in; each may be NULL */
} second;

static fv_tensor *column(fv_tensor *v, int ndim)
{
    fv_shape shape = {.ndim = ndim, .dim = {1, 1, 1, 1, 1}};
    if (!fv_usable(v)) return v;
    shape.dim[1] = v->numel;
    return fv_reshape_to(v, shape);
}

static fv_tensor *mean_rows(const second *s, fv_tensor *v)
{
    return fv_mean(v, .dim = s->dims, .keepdim = true);
}

static fv_tensor *sum_rows(const second *s, fv_tensor *v)
{
    return fv_sum(v, .dim = s->dims, .keepdim = true);
}

static fv_tensor *add(fv_tensor *a, fv_tensor *b)
{
    return a && b ? fv_add(a, b) : a ? a : b;
}

/* v without its mean and its part along xhat: the derivative of xhat, times invstd, is this map,
 * and it is its own transpose. */
static fv_tensor *project(const second *s, fv_tensor *v)
{
    if (!s->options->training) return v;
    fv_tensor *along = fv_mul(s->xhat, mean_rows(s, fv_mul(v, s->xhat)));
    return fv_sub(fv_sub(v, mean_rows(s, v)), along);
}

static fv_tensor *times_weight(const second *s, fv_tensor *v)
{
    return s->weight ? fv_mul(v, s->weight) : v;
}

/* g where the relu let it pass. */
static fv_tensor *behind_relu(const fv_call *c, fv_tensor *g)
{
    const backward_options *a = c->options;
    fv_tensor *y = c->in[5];
    if (!a->relu) return g;
    if (!y) {
        const norm_options forward = {.training = true, .eps = a->eps};
        y = FV_APPLY(&batch_norm_op, &forward, fv_detach(c->in[1]), NULL, NULL, c->in[2], c->in[6],
                     NULL);
    }
    return fv_relu_backward(g, fv_detach(y));
}

static second second_of(const fv_call *c, fv_tensor *const *gout)
{
    fv_tensor *x = c->in[1];
    second s = {.options = c->options, .dims = row_dims(x->ndim)};
    s.gy = behind_relu(c, c->in[0]);
    const int64_t rows = x->numel / x->shape[1];
    s.rows = (double)rows;
    s.weight = c->in[2] ? column(c->in[2], x->ndim) : NULL;
    s.of_gx = gout[0];
    s.of_gweight = gout[1] ? column(gout[1], x->ndim) : NULL;
    s.of_gbias = gout[2] ? column(gout[2], x->ndim) : NULL;
    s.of_masked = s.options->masked ? gout[3] : NULL;
    if (s.options->training) {
        /* From x by ops, so that what is made of them can be differentiated again. */
        fv_tensor *d = fv_sub(x, mean_rows(&s, x));
        d = fv_sub(d, mean_rows(&s, d)); /* a large mean is rounded before it is subtracted */
        s.invstd = fv_rsqrt(fv_add_scalar(mean_rows(&s, fv_square(d)), s.options->eps));
        s.xhat = fv_mul(d, s.invstd);
    } else {
        s.invstd = fv_to(column(c->in[4], x->ndim), x->dtype);
        fv_tensor *mean = fv_to(column(c->in[3], x->ndim), x->dtype);
        s.xhat = fv_mul(fv_sub(x, mean), s.invstd);
    }
    return s;
}

/* With P = project, w = weight, s = invstd:
 *   gx = w s P(gy)      gweight = sum(gy xhat)      gbias = sum(gy)
 * so gy gets  w s P(of_gx) + of_gweight xhat + of_gbias + of_masked, where the relu lets it pass.
 */
static fv_tensor *second_of_gy(const second *s)
{
    fv_tensor *g = s->of_masked;
    if (s->of_gx) g = add(g, times_weight(s, fv_mul(project(s, s->of_gx), s->invstd)));
    if (s->of_gweight) g = add(g, fv_mul(s->xhat, s->of_gweight));
    return s->of_gbias ? add(g, fv_expand_to(s->of_gbias, fv_shape_of(s->gy))) : g;
}

/* sum(of_gx P(gy)), of which s is the derivative in w and w that in s. */
static fv_tensor *inner(const second *s)
{
    return sum_rows(s, fv_mul(project(s, s->gy), s->of_gx));
}

/* Through xhat, on which v acts: s P(v), with
 *   v = of_gweight gy - w s (of_gx mean(gy xhat) + gy mean(of_gx xhat)),
 * and through s: ds/dx = -s s xhat / rows. In evaluation s and the mean do not depend on x. */
static fv_tensor *second_of_x(const second *s)
{
    fv_tensor *v = s->of_gweight ? fv_mul(s->gy, s->of_gweight) : NULL, *through_s = NULL;
    if (s->of_gx && s->options->training) {
        fv_tensor *a = fv_mul(s->of_gx, mean_rows(s, fv_mul(s->gy, s->xhat)));
        fv_tensor *b = fv_mul(s->gy, mean_rows(s, fv_mul(s->of_gx, s->xhat)));
        fv_tensor *both = times_weight(s, fv_mul(fv_add(a, b), s->invstd));
        v = add(v, fv_neg(both));
        fv_tensor *scale = times_weight(s, fv_mul(inner(s), fv_square(s->invstd)));
        through_s = fv_mul(s->xhat, fv_mul_scalar(scale, -1 / s->rows));
    }
    return v ? add(fv_mul(project(s, v), s->invstd), through_s) : NULL;
}

static void backward_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    if (c->in[1]->numel == 0) return;
    second s = second_of(c, gout);
    if (fv_wants(c, 0)) gin[0] = second_of_gy(&s);
    if (gin[0]) gin[0] = behind_relu(c, gin[0]);
    if (fv_wants(c, 1)) gin[1] = second_of_x(&s);
    if (fv_wants(c, 2) && s.of_gx)
        gin[2] = fv_reshape(fv_mul(inner(&s), s.invstd), c->in[1]->shape[1]);
}

static const fv_option backward_fields[] = {
    FV_FIELD(backward_options, training, FV_OPTION_BOOL),
    FV_FIELD(backward_options, relu, FV_OPTION_BOOL),
    FV_FIELD(backward_options, masked, FV_OPTION_BOOL),
    FV_FIELD(backward_options, eps, FV_OPTION_DOUBLE),
    {0},
};

enum {
    BACKWARD_SAVES = FV_IN(0) | FV_IN(1) | FV_IN(2) | FV_IN(3) | FV_IN(4) | FV_IN(5) | FV_IN(6),
};

static const fv_op batch_norm_backward_op = {
    .name = "batch_norm_backward",
    .inputs = 7,
    .outputs = FV_ANY,
    .input = {{.name = "gradient", .order = FV_ORDER_CHANNELS_LAST},
              {.name = "input", .order = FV_ORDER_CHANNELS_LAST},
              {.name = "weight", .optional = true},
              {.name = "mean", .optional = true},
              {.name = "invstd", .optional = true},
              {.name = "output", .order = FV_ORDER_CHANNELS_LAST, .optional = true},
              {.name = "bias", .optional = true}},
    .options_size = sizeof(backward_options),
    .infer = backward_infer,
    .plan = backward_plan,
    .describe = describe_rows,
    .forward = backward_forward,
    .reference = backward_reference,
    .gradient = backward_gradient,
    .saves = {BACKWARD_SAVES, BACKWARD_SAVES, BACKWARD_SAVES},
    .option_fields = backward_fields,
};
FV_REGISTER(batch_norm_backward_op);
