/* Observers: what is told of a call, of its gradient and of the ops in it, and with which path. */
#include <stdio.h>
#include <string.h>

#include "support.h"

enum { MOST = 256 };

typedef struct seen {
    fv_event_kind kind;
    char name[48], path[64], options[96];
    uint64_t call, within;
    int inputs, outputs;
    fv_shape shape;
    int64_t multiply_adds;
    double nanoseconds;
} seen;

typedef struct record {
    seen items[MOST];
    int count;
    fv_tensor *extra; /* an op that the observer runs itself */
} record;

static void keep(const fv_event *e, void *context)
{
    record *r = context;
    seen *s = &r->items[r->count++ % MOST];
    s->kind = e->kind;
    snprintf(s->name, sizeof s->name, "%s", e->name);
    snprintf(s->path, sizeof s->path, "%s", e->path);
    s->options[0] = '\0';
    if (e->op && e->options) fv_options_text(e->op, e->options, s->options, sizeof s->options);
    s->call = e->call;
    s->within = e->within;
    s->inputs = e->inputs;
    s->outputs = e->outputs;
    s->shape = e->outputs && e->out[0] ? fv_shape_of(e->out[0]) : (fv_shape){0};
    s->multiply_adds = e->kind == FV_EVENT_FORWARD ? fv_event_work(e).multiply_adds : 0;
    s->nanoseconds = e->nanoseconds;
    if (r->extra) fv_add(r->extra, r->extra);
}

static const seen *find(const record *r, fv_event_kind kind, const char *name)
{
    for (int i = 0; i < r->count && i < MOST; i++)
        if (r->items[i].kind == kind && strcmp(r->items[i].name, name) == 0) return &r->items[i];
    ck_abort_msg("no event of %s", name);
    return NULL;
}

START_TEST(an_op_is_told_with_options_and_shapes)
{
    record r = {.count = 0};
    {
        FV_SCOPE;
        fv_tensor *x = fv_ones(1, 2, 6, 6), *w = fv_ones(3, 2, 3, 3);
        int handle = fv_observe(keep, &r);
        ck_assert_int_ne(handle, 0);
        fv_conv2d(x, w, NULL, .stride = FV_DIMS(2, 1), .padding = 1);
        fv_unobserve(handle);
        fv_relu(x);
        const seen *conv = find(&r, FV_EVENT_FORWARD, "conv2d");
        ck_assert_ptr_nonnull(strstr(conv->options, "stride=[2,1]"));
        ck_assert_ptr_nonnull(strstr(conv->options, "padding=1"));
        fv_shape wanted = {4, {1, 3, 3, 6}};
        ck_assert(fv_shape_equal(&conv->shape, &wanted));
        ck_assert_str_eq(conv->path, "");
        ck_assert_int_eq(conv->multiply_adds, 3 * 3 * 6 * 2 * 3 * 3);
        ck_assert(conv->nanoseconds > 0);
        for (int i = 0; i < r.count; i++) ck_assert_str_ne(r.items[i].name, "relu");
    }
}
END_TEST

/* Whatever an op's number of outputs, one or several, fixed or not. */
START_TEST(times_are_those_of_the_call)
{
    FV_SCOPE;
    record r = {.count = 0};
    fv_tensor *x = fv_ones(6, 4), *parts[3];
    int handle = fv_observe(keep, &r);
    fv_relu(x);
    fv_chunk(x, 3, 0, parts, 3);
    fv_unobserve(handle);
    ck_assert_int_eq(r.count, 2);
    for (int i = 0; i < r.count; i++)
        ck_assert_msg(r.items[i].nanoseconds > 0 && r.items[i].nanoseconds < 1e9, "%s took %g ns",
                      r.items[i].name, r.items[i].nanoseconds);
}
END_TEST

static fv_module *small_net(void)
{
    return fv_sequential(fv_sequential(fv_nn_conv2d(1, 2, 3), fv_nn_max_pool2d(2)), fv_nn_flatten(),
                         fv_nn_linear(2 * 2 * 2, 3));
}

START_TEST(paths_follow_modules_forward_and_backward)
{
    record r = {.count = 0};
    fv_module *net = small_net();
    {
        FV_SCOPE;
        fv_tensor *x = fv_ones(2, 1, 6, 6), *y = fv_zeros(2, .dtype = FV_INT64);
        int handle = fv_observe(keep, &r);
        ck_assert_int_eq(fv_backward(fv_cross_entropy(fv_forward(net, x), y)), FV_OK);
        fv_unobserve(handle);
    }
    fv_free(net);
    const seen *conv = find(&r, FV_EVENT_FORWARD, "conv2d");
    ck_assert_str_eq(conv->path, "0.0 (Conv2d)");
    ck_assert_str_eq(find(&r, FV_EVENT_FORWARD, "max_pool2d")->path, "0.1 (MaxPool2d)");
    ck_assert_str_eq(find(&r, FV_EVENT_FORWARD, "linear")->path, "2 (Linear)");
    ck_assert_str_eq(find(&r, FV_EVENT_FORWARD, "cross_entropy")->path, "");
    /* the gradient, and the op that it is made of, belong to the forward call */
    const seen *gradient = find(&r, FV_EVENT_GRADIENT, "conv2d");
    const seen *weight = find(&r, FV_EVENT_FORWARD, "conv2d_weight");
    ck_assert_str_eq(gradient->path, "0.0 (Conv2d)");
    ck_assert_str_eq(weight->path, "0.0 (Conv2d)");
    ck_assert_uint_eq(gradient->call, conv->call);
    ck_assert_uint_eq(weight->within, conv->call);
    ck_assert_uint_eq(conv->within, 0);
    ck_assert(weight < gradient); /* told before what it is part of */
    ck_assert_int_eq(gradient->inputs, 1);
    ck_assert_int_eq(gradient->outputs, 6);
}
END_TEST

START_TEST(an_observer_does_not_see_itself)
{
    record r = {.count = 0};
    {
        FV_SCOPE;
        fv_tensor *x = fv_ones(2);
        r.extra = x;
        int handle = fv_observe(keep, &r);
        fv_relu(x);
        fv_unobserve(handle);
        ck_assert_int_eq(r.count, 1);
    }
}
END_TEST

typedef struct leaving {
    int handle, calls;
} leaving;

static void leave(const fv_event *e, void *context)
{
    leaving *l = context;
    (void)e;
    l->calls++;
    fv_unobserve(l->handle);
}

START_TEST(observers_may_leave_while_they_run)
{
    leaving a = {0}, b = {0};
    record r = {.count = 0};
    {
        FV_SCOPE;
        fv_tensor *x = fv_ones(2);
        a.handle = fv_observe(leave, &a);
        b.handle = fv_observe(leave, &b);
        int handle = fv_observe(keep, &r);
        fv_relu(x);
        fv_relu(x);
        fv_unobserve(handle);
        fv_relu(x);
    }
    ck_assert_int_eq(a.calls, 1);
    ck_assert_int_eq(b.calls, 1);
    ck_assert_int_eq(r.count, 2);
}
END_TEST

START_TEST(spans_are_told_when_they_end)
{
    record r = {.count = 0};
    int handle = fv_observe(keep, &r);
    fv_span span = fv_span_begin("load");
    fv_span_end(&span);
    fv_unobserve(handle);
    ck_assert_int_eq(r.count, 1);
    ck_assert_int_eq(r.items[0].kind, FV_EVENT_SPAN);
    ck_assert_str_eq(r.items[0].name, "load");
}
END_TEST

START_TEST(messages_say_in_which_module)
{
    fv_set_log(NULL, NULL);
    fv_module *net = small_net();
    {
        FV_SCOPE;
        ck_assert(fv_failed(fv_forward(net, fv_ones(2, 4, 6, 6))));
        ck_assert_int_eq(strncmp(fv_error(), "0.0 (Conv2d): ", 14), 0);
        expect_error(FV_ERR_SHAPE, "conv2d: input [2,4,6,6] has 4 channels");
        fv_relu(NULL);
        ck_assert_int_eq(strncmp(fv_error(), "relu: ", 6), 0);
        fv_clear_error();
    }
    fv_free(net);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("observers");
    TCase *observe = add_case(suite, "observe");
    tcase_add_test(observe, an_op_is_told_with_options_and_shapes);
    tcase_add_test(observe, times_are_those_of_the_call);
    tcase_add_test(observe, paths_follow_modules_forward_and_backward);
    tcase_add_test(observe, an_observer_does_not_see_itself);
    tcase_add_test(observe, observers_may_leave_while_they_run);
    tcase_add_test(observe, spans_are_told_when_they_end);
    tcase_add_test(observe, messages_say_in_which_module);
    return suite;
}
