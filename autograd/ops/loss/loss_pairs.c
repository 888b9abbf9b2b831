/* Losses of one element each: mse, l1, smooth_l1, huber, binary cross-entropy on logits. */
#include "autograd/ops/elementwise/elementwise.h"
#include "autograd/ops/loss/loss.h"
#include "autograd/ops/loss/loss_impl.h"
#include "autograd/ops/reduce/reduce.h"
#include "autograd/ops/view/view.h"
#include "tensor/create.h"
#include "tensor/kernels/loss/loss.h"

typedef struct pair_options {
    int64_t reduction;
    double parameter; /* beta of smooth_l1, delta of huber */
} pair_options;

#define REDUCTION(r)  (&(const pair_options){.reduction = (r)})
#define OPTIONS(r, p) (&(const pair_options){.reduction = (r), .parameter = (p)})

const char *const fv_reduction_names[] = {"mean", "sum", "none", NULL};

static const fv_option pair_fields[] = {
    FV_REDUCTION_FIELD(pair_options),
    {.name = NULL},
};

static fv_status pair_infer(fv_call *c)
{
    const pair_options *a = c->options;
    const fv_tensor *x = c->in[0];
    fv_status status = fv_need_floating(c, 0, "input");
    if (status == FV_OK) status = fv_need_same_dtype(c, 0, "input", 1, "target");
    if (status != FV_OK) return status;
    fv_shape shape = fv_shape_of(x), target = fv_shape_of(c->in[1]), scalar = {0};
    if (!fv_shape_equal(&shape, &target))
        return fv_reject(c, FV_ERR_SHAPE,
                         "input %s and target %s must have one shape; losses do not broadcast",
                         fv_text(x), fv_text(c->in[1]));
    status = fv_need_size(c, &shape);
    if (status != FV_OK) return status;
    if (a->reduction == FV_NONE)
        fv_output_like(c, 0, x);
    else
        fv_output_contiguous(c, 0, x->dtype, &scalar);
    return FV_OK;
}

/* A pair of unequal dtypes is computed in what they promote to if that is floating; else infer
 * refuses it. */
static void promote_pair(fv_tensor **x, fv_tensor **t)
{
    if (!fv_usable(*x) || !fv_usable(*t) || (*x)->dtype == (*t)->dtype) return;
    if (fv_dtype_row_of((*x)->dtype)->stored || fv_dtype_row_of((*t)->dtype)->stored) return;
    fv_dtype common = fv_promote((*x)->dtype, (*t)->dtype);
    if (!fv_dtype_is_floating(common)) return;
    *x = fv_to(*x, common);
    *t = fv_to(*t, common);
}

static double scale_of(const pair_options *a, int64_t elements)
{
    return a->reduction == FV_MEAN ? 1.0 / (double)elements : 1.0; /* of nothing: 0 · inf, NaN */
}

/* Forward and reference of one kind. */
#define PAIR(name, kind)                                                                           \
    static void name##_forward(fv_call *c)                                                         \
    {                                                                                              \
        const pair_options *a = c->options;                                                        \
        fv_pair_loss_run(c->machine, kind, a->parameter, c->in[0], c->in[1], c->out[0],            \
                         a->reduction != FV_NONE, scale_of(a, c->in[0]->numel));                   \
    }                                                                                              \
    static void name##_reference(fv_call *c)                                                       \
    {                                                                                              \
        const pair_options *a = c->options;                                                        \
        fv_pair_loss_reference(kind, a->parameter, c->in[0], c->in[1], c->out[0],                  \
                               a->reduction != FV_NONE, scale_of(a, c->in[0]->numel));             \
    }

/* The gradient of one element's loss is slope times g. */
static fv_tensor *each_gradient(const fv_call *c, fv_tensor *g, double factor)
{
    int64_t elements = fv_shape_numel(fv_input_shape(c, 0));
    double scale = elements > 0 ? factor * scale_of(c->options, elements) : 0.0;
    return scale == 1.0 ? g : fv_mul_scalar(g, scale);
}

/* For losses of x - t. */
static void difference_gradient(const fv_call *c, fv_tensor *gx, fv_tensor **gin)
{
    if (fv_wants(c, 0)) gin[0] = gx;
    if (fv_wants(c, 1)) gin[1] = fv_neg(gx);
}

/* --- mse_loss -------------------------------------------------------------------------------- */

PAIR(mse, FV_PAIR_MSE)

static void mse_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    fv_tensor *g = each_gradient(c, gout[0], 1.0);
    difference_gradient(c, fv_mse_backward(c->in[0], c->in[1], g), gin);
}

static const fv_op mse_loss_op = {
    .name = "mse_loss",
    .inputs = 2,
    .outputs = 1,
    .options_size = sizeof(pair_options),
    .input = {{.name = "input"}, {.name = "target"}},
    .infer = pair_infer,
    .forward = mse_forward,
    .reference = mse_reference,
    .gradient = mse_gradient,
    .saves = {FV_IN(0) | FV_IN(1), FV_IN(0) | FV_IN(1)},
    .option_fields = pair_fields,
};
FV_REGISTER(mse_loss_op);

const fv_loss_args fv_loss_defaults = {FV_LOSS_DEFAULTS};

fv_tensor *fv_mse_loss_ex(const fv_loss_args *a)
{
    if (!fv_args_ok("mse_loss", a, sizeof *a)) return fv_failed_tensor();
    fv_tensor *x = a->input, *t = a->target;
    promote_pair(&x, &t);
    return FV_APPLY(&mse_loss_op, REDUCTION((int64_t)a->reduction), x, t);
}

/* --- l1_loss --------------------------------------------------------------------------------- */

PAIR(l1, FV_PAIR_L1)

static void l1_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    fv_tensor *g = each_gradient(c, gout[0], 1.0);
    difference_gradient(c, fv_l1_backward(c->in[0], c->in[1], g), gin);
}

static const fv_op l1_loss_op = {
    .name = "l1_loss",
    .inputs = 2,
    .outputs = 1,
    .options_size = sizeof(pair_options),
    .input = {{.name = "input"}, {.name = "target"}},
    .infer = pair_infer,
    .forward = l1_forward,
    .reference = l1_reference,
    .gradient = l1_gradient,
    .saves = {FV_IN(0) | FV_IN(1), FV_IN(0) | FV_IN(1)},
    .option_fields = pair_fields,
};
FV_REGISTER(l1_loss_op);

static bool is_integer(const fv_tensor *t)
{
    return fv_usable(t) && (t->dtype == FV_UINT8 || t->dtype == FV_INT32 || t->dtype == FV_INT64);
}

fv_tensor *fv_l1_loss_ex(const fv_loss_args *a)
{
    if (!fv_args_ok("l1_loss", a, sizeof *a)) return fv_failed_tensor();
    fv_tensor *x = a->input, *t = a->target;
    if (is_integer(x) && is_integer(t) && a->reduction != FV_MEAN) {
        fv_shape of_x = fv_shape_of(x), of_t = fv_shape_of(t);
        fv_tensor *each = fv_shape_equal(&of_x, &of_t) ? fv_abs(fv_sub(x, t)) : NULL;
        if (each && a->reduction == FV_NONE) return each;
        if (each && a->reduction == FV_SUM) return fv_sum(each);
    }
    if (fv_usable(x) && fv_usable(t) && x->dtype != FV_BOOL && t->dtype != FV_BOOL)
        promote_pair(&x, &t);
    return FV_APPLY(&l1_loss_op, REDUCTION((int64_t)a->reduction), x, t);
}

/* --- smooth_l1_loss -------------------------------------------------------------------------- */

static fv_status smooth_l1_infer(fv_call *c)
{
    const pair_options *a = c->options;
    if (!(a->parameter >= 0))
        return fv_reject(c, FV_ERR_OPTION, "beta %g is below 0", a->parameter);
    return pair_infer(c);
}

PAIR(smooth_l1, FV_PAIR_SMOOTH_L1)

/* The slope in a of |a - b|, as PyTorch has it for beta = 0: -1 where they are equal. */
static fv_tensor *sharp_slope(fv_tensor *a, fv_tensor *b)
{
    fv_tensor *d = fv_sub(a, b);
    fv_tensor *up = fv_scalar(1, fv_dtype_of(d)), *down = fv_scalar(-1, fv_dtype_of(d));
    return fv_where(fv_isnan(d), d, fv_where(fv_gt_scalar(d, 0), up, down));
}

static void smooth_l1_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    double beta = ((const pair_options *)c->options)->parameter;
    fv_tensor *g = each_gradient(c, gout[0], 1.0), *x = c->in[0], *t = c->in[1];
    if (beta > 0) {
        fv_tensor *d = fv_sub(x, t);
        if (beta != 1) d = fv_div_scalar(d, beta);
        difference_gradient(c, fv_huber_backward(g, d, -1, 1), gin);
        return;
    }
    if (fv_wants(c, 0)) gin[0] = fv_mul(sharp_slope(x, t), g);
    if (fv_wants(c, 1)) gin[1] = fv_mul(sharp_slope(t, x), g);
}

static const fv_option smooth_l1_fields[] = {
    FV_REDUCTION_FIELD(pair_options),
    {.name = "beta", .offset = offsetof(pair_options, parameter), .kind = FV_OPTION_DOUBLE},
    {.name = NULL},
};
static const fv_op smooth_l1_loss_op = {
    .name = "smooth_l1_loss",
    .inputs = 2,
    .outputs = 1,
    .options_size = sizeof(pair_options),
    .input = {{.name = "input"}, {.name = "target"}},
    .infer = smooth_l1_infer,
    .forward = smooth_l1_forward,
    .reference = smooth_l1_reference,
    .gradient = smooth_l1_gradient,
    .saves = {FV_IN(0) | FV_IN(1), FV_IN(0) | FV_IN(1)},
    .option_fields = smooth_l1_fields,
};
FV_REGISTER(smooth_l1_loss_op);

const fv_smooth_l1_loss_args fv_smooth_l1_loss_defaults = {FV_SMOOTH_L1_LOSS_DEFAULTS};

fv_tensor *fv_smooth_l1_loss_ex(const fv_smooth_l1_loss_args *a)
{
    if (!fv_args_ok("smooth_l1_loss", a, sizeof *a)) return fv_failed_tensor();
    fv_tensor *x = a->input, *t = a->target;
    promote_pair(&x, &t);
    return FV_APPLY(&smooth_l1_loss_op, OPTIONS((int64_t)a->reduction, a->beta), x, t);
}

/* --- huber_loss ------------------------------------------------------------------------------ */

static fv_status huber_infer(fv_call *c)
{
    const pair_options *a = c->options;
    if (!(a->parameter > 0))
        return fv_reject(c, FV_ERR_OPTION, "delta %g is not above 0", a->parameter);
    return pair_infer(c);
}

PAIR(huber, FV_PAIR_HUBER)

static void huber_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    double delta = ((const pair_options *)c->options)->parameter;
    fv_tensor *g = each_gradient(c, gout[0], 1.0), *d = fv_sub(c->in[0], c->in[1]);
    difference_gradient(c, fv_huber_backward(g, d, -delta, delta), gin);
}

static const fv_option huber_fields[] = {
    FV_REDUCTION_FIELD(pair_options),
    {.name = "delta", .offset = offsetof(pair_options, parameter), .kind = FV_OPTION_DOUBLE},
    {.name = NULL},
};
static const fv_op huber_loss_op = {
    .name = "huber_loss",
    .inputs = 2,
    .outputs = 1,
    .options_size = sizeof(pair_options),
    .input = {{.name = "input"}, {.name = "target"}},
    .infer = huber_infer,
    .forward = huber_forward,
    .reference = huber_reference,
    .gradient = huber_gradient,
    .saves = {FV_IN(0) | FV_IN(1), FV_IN(0) | FV_IN(1)},
    .option_fields = huber_fields,
};
FV_REGISTER(huber_loss_op);

const fv_huber_loss_args fv_huber_loss_defaults = {FV_HUBER_LOSS_DEFAULTS};

fv_tensor *fv_huber_loss_ex(const fv_huber_loss_args *a)
{
    if (!fv_args_ok("huber_loss", a, sizeof *a)) return fv_failed_tensor();
    fv_tensor *x = a->input, *t = a->target;
    bool convert = fv_usable(x) && fv_usable(t) && fv_dtype_is_floating(x->dtype);
    if (convert && !fv_dtype_row_of(t->dtype)->stored) t = fv_to(t, x->dtype);
    return FV_APPLY(&huber_loss_op, OPTIONS((int64_t)a->reduction, a->delta), x, t);
}

/* --- binary_cross_entropy_with_logits -------------------------------------------------------- */

PAIR(bce, FV_PAIR_BCE)

static void bce_gradient(const fv_call *c, fv_tensor *const *gout, fv_tensor **gin)
{
    fv_tensor *g = each_gradient(c, gout[0], 1.0);
    if (fv_wants(c, 0)) gin[0] = fv_mul(fv_sub(fv_sigmoid(c->in[0]), c->in[1]), g);
    if (fv_wants(c, 1)) gin[1] = fv_neg(fv_mul(c->in[0], g));
}

static const fv_op bce_op = {
    .name = "binary_cross_entropy_with_logits",
    .inputs = 2,
    .outputs = 1,
    .options_size = sizeof(pair_options),
    .input = {{.name = "input"}, {.name = "target"}},
    .infer = pair_infer,
    .forward = bce_forward,
    .reference = bce_reference,
    .gradient = bce_gradient,
    .saves = {FV_IN(0) | FV_IN(1), FV_IN(0)},
    .option_fields = pair_fields,
};
FV_REGISTER(bce_op);

/* A weight may be smaller than input, never larger. */
static bool fits(fv_tensor *weight, fv_tensor *x, const char *name)
{
    if (!weight || !fv_usable(weight)) return true;
    fv_shape w = fv_shape_of(weight), shape = fv_shape_of(x), both;
    if (weight->dtype == x->dtype && fv_shape_broadcast(&w, &shape, &both) &&
        fv_shape_equal(&both, &shape))
        return true;
    fv_fail(FV_ERR_SHAPE,
            "binary_cross_entropy_with_logits: %s %s of %s must broadcast to input %s of %s", name,
            fv_text(weight), fv_dtype_name(weight->dtype), fv_text(x), fv_dtype_name(x->dtype));
    return false;
}

const fv_bce_with_logits_args fv_bce_with_logits_defaults = {FV_BCE_WITH_LOGITS_DEFAULTS};

fv_tensor *fv_binary_cross_entropy_with_logits_ex(const fv_bce_with_logits_args *a)
{
    if (!fv_args_ok("binary_cross_entropy_with_logits", a, sizeof *a)) return fv_failed_tensor();
    fv_tensor *x = a->input, *t = a->target;
    bool plain = !a->weight && !a->pos_weight;
    if (plain || !fv_usable(x) || !fv_usable(t) ||
        !fv_constant_in(a->reduction, FV_REDUCTION_FIRST))
        return FV_APPLY(&bce_op, REDUCTION((int64_t)a->reduction), x, t);
    if (!fits(a->weight, x, "weight") || !fits(a->pos_weight, x, "pos_weight"))
        return fv_failed_tensor();
    const pair_options *each = REDUCTION(FV_NONE);
    fv_tensor *loss = FV_APPLY(&bce_op, each, x, t);
    if (a->pos_weight) {
        /* -log s(x) is the loss against a target of 1. */
        fv_tensor *positive = fv_mul(t, FV_APPLY(&bce_op, each, x, fv_ones_like(x)));
        loss = fv_add(loss, fv_mul(fv_add_scalar(a->pos_weight, -1.0), positive));
    }
    if (a->weight) loss = fv_mul(loss, a->weight);
    if (a->reduction == FV_NONE) return loss;
    return a->reduction == FV_MEAN ? fv_mean(loss) : fv_sum(loss);
}
