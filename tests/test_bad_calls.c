/* Wrong shapes given as options: the functions that take a list of numbers (reshape, expand, pad,
 * permute, ...) meet every extreme number at every place, lists of every length, and lengths that
 * no list has. The matrix over the registry (attempt.h) cannot reach these. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "support.h"

typedef fv_tensor *(*shape_call)(fv_tensor *x, fv_shape list);

static fv_tensor *pad_constant(fv_tensor *x, fv_shape list)
{
    return fv_pad(x, .shape = list);
}

static fv_tensor *pad_reflect(fv_tensor *x, fv_shape list)
{
    return fv_pad(x, .shape = list, .mode = FV_PAD_REFLECT);
}

static fv_tensor *pad_replicate(fv_tensor *x, fv_shape list)
{
    return fv_pad(x, .shape = list, .mode = FV_PAD_REPLICATE);
}

static fv_tensor *pad_circular(fv_tensor *x, fv_shape list)
{
    return fv_pad(x, .shape = list, .mode = FV_PAD_CIRCULAR);
}

static fv_tensor *flip(fv_tensor *x, fv_shape list)
{
    return fv_flip(x, fv_dims_pack(list));
}

static fv_tensor *reshape(fv_tensor *x, fv_shape list)
{
    return fv_reshape(x, .shape = list);
}

static fv_tensor *view(fv_tensor *x, fv_shape list)
{
    return fv_view(x, .shape = list);
}

static fv_tensor *expand(fv_tensor *x, fv_shape list)
{
    return fv_expand(x, .shape = list);
}

static fv_tensor *permute(fv_tensor *x, fv_shape list)
{
    return fv_permute(x, .shape = list);
}

static fv_tensor *unflatten_first(fv_tensor *x, fv_shape list)
{
    return fv_unflatten(x, 0, .shape = list);
}

static fv_tensor *sum_over(fv_tensor *x, fv_shape list)
{
    return fv_sum(x, fv_dims_pack(list));
}

static fv_tensor *slice_to(fv_tensor *x, fv_shape list)
{
    return fv_slice_backward(x, list, 0, 0, 2, 1);
}

static const struct {
    const char *name; /* of the op, as messages begin */
    shape_call call;
} calls[] = {
    {"reshape", reshape},         {"view", view},        {"expand", expand},
    {"permute", permute},         {"sum_to", fv_sum_to}, {"unflatten", unflatten_first},
    {"pad", pad_constant},        {"pad", pad_reflect},  {"pad", pad_replicate},
    {"pad", pad_circular},        {"flip", flip},        {"sum", sum_over},
    {"slice_backward", slice_to},
};
enum { CALLS = sizeof calls / sizeof calls[0] };

static const int64_t extremes[] = {-2,
                                   -1,
                                   0,
                                   1,
                                   2,
                                   5,
                                   (int64_t)1 << 31,
                                   (int64_t)1 << 32,
                                   (int64_t)1 << 61,
                                   (int64_t)1 << 62,
                                   INT64_MAX,
                                   INT64_MIN};
enum { EXTREMES = sizeof extremes / sizeof extremes[0] };

static int tried, refused;

/* A refused call names its op; an accepted one gives a tensor that can be read and differentiated.
 */
static void judge(int k, fv_shape list)
{
    tried++;
    fv_tensor *x = fv_ones(2, 3, 4, .requires_grad = true);
    fv_tensor *y = calls[k].call(x, list);
    if (!fv_failed(y)) {
        if (y->numel < 1 << 20 && y->requires_grad) fv_backward(fv_sum(y));
        if (fv_error()[0]) note_failure("accepted, but then: %s", fv_error());
        return;
    }
    refused++;
    size_t length = strlen(calls[k].name);
    if (strncmp(fv_error(), calls[k].name, length) != 0 || fv_error()[length] != ':')
        note_failure("the message does not start with the op: \"%s\"", fv_error());
}

static void try_list(int k, fv_shape list)
{
    char difference[128], text[160] = "";
    size_t used = 0;
    for (int d = 0; d < list.ndim && d < FV_MAX_DIMS; d++)
        used += (size_t)snprintf(text + used, sizeof text - used, " %lld", (long long)list.dim[d]);
    set_context("%s, a list of %d:%s", calls[k].name, list.ndim, text);
    memory_mark mark = mark_memory();
    {
        FV_SCOPE;
        judge(k, list);
    }
    fv_clear_error();
    if (!same_memory(mark, difference, sizeof difference)) note_failure("leaks %s", difference);
}

START_TEST(extreme_numbers_in_lists_are_errors)
{
    fv_set_log(NULL, NULL);
    limit_blocks((size_t)256 << 20);
    for (int k = 0; k < CALLS; k++) {
        for (int n = 1; n <= FV_MAX_DIMS; n++) {
            for (int at = 0; at < n * EXTREMES; at++) {
                fv_shape ones = {n, {1, 1, 1, 1, 1, 1, 1, 1}}, own = {n, {2, 3, 4, 1, 1, 1, 1, 1}};
                ones.dim[at % n] = own.dim[at % n] = extremes[at / n];
                try_list(k, ones);
                try_list(k, own);
            }
        }
        for (int e = 0; e < EXTREMES * EXTREMES; e++)
            try_list(k, FV_SHAPE(extremes[e / EXTREMES], extremes[e % EXTREMES], 4));
    }
    printf("%d lists tried, %d of them refused\n", tried, refused);
    ck_assert(no_failures());
}
END_TEST

START_TEST(lists_of_impossible_length_are_errors)
{
    static const int lengths[] = {-1, 0, FV_MAX_DIMS + 1, INT_MAX, INT_MIN};
    fv_set_log(NULL, NULL);
    for (int k = 0; k < CALLS; k++) {
        for (size_t n = 0; n < sizeof lengths / sizeof lengths[0]; n++) {
            fv_shape list = {lengths[n], {1, 1, 1, 1, 1, 1, 1, 1}};
            try_list(k, list);
        }
    }
    ck_assert(no_failures());
}
END_TEST

START_TEST(extreme_numbers_in_single_options_are_errors)
{
    fv_set_log(NULL, NULL);
    limit_blocks((size_t)256 << 20);
    for (int a = 0; a < EXTREMES; a++) {
        for (int b = 0; b < EXTREMES; b++) {
            set_context("%lld %lld", (long long)extremes[a], (long long)extremes[b]);
            memory_mark mark = mark_memory();
            char difference[128];
            {
                FV_SCOPE;
                int64_t p = extremes[a], q = extremes[b];
                fv_tensor *x = fv_ones(2, 3, 4);
                fv_transpose(x, p, q);
                fv_clear_error();
                fv_movedim(x, p, q);
                fv_clear_error();
                fv_select(x, p, q);
                fv_clear_error();
                fv_narrow(x, 1, p, q);
                fv_clear_error();
                fv_slice(x, 1, p, q, 1);
                fv_clear_error();
                fv_slice(x, 2, p, INT64_MAX, q);
                fv_clear_error();
                fv_flatten(x, .start_dim = p, .end_dim = q);
                fv_clear_error();
                fv_size(x, p);
                fv_clear_error();
                fv_at(x, (const int64_t[]){p, q, 0});
                fv_clear_error();
                fv_cat(FV_TENSORS(x, x), .dim = p);
                fv_clear_error();
                fv_eye(p, q);
                fv_clear_error();
                fv_randint(3, .low = p, .high = q);
                fv_clear_error();
            }
            if (!same_memory(mark, difference, sizeof difference)) note_failure("%s", difference);
        }
    }
    ck_assert(no_failures());
}
END_TEST

Suite *fovea_suite(void)
{
    watch_crashes(30);
    Suite *suite = suite_create("bad calls");
    TCase *bad = add_case(suite, "bad");
    tcase_add_test(bad, extreme_numbers_in_lists_are_errors);
    tcase_add_test(bad, lists_of_impossible_length_are_errors);
    tcase_add_test(bad, extreme_numbers_in_single_options_are_errors);
    return suite;
}
