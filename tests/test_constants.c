/* Constants of options: names, numbers that no two share, and layers, initialisations and schedules
 * that refuse those of another kind by name. (test_ops_bad_options does so for every op.) */
#include <string.h>

#include "support.h"
#include "tensor/constants.h"

#define NAMED(constant)                                                                            \
    {                                                                                              \
#constant, constant                                                                        \
    }
static const struct {
    const char *name;
    int64_t value;
} all[] = {NAMED(FV_SAME),
           NAMED(FV_VALID),
           NAMED(FV_FULL),
           NAMED(FV_ALL),
           NAMED(FV_UNSET),
           NAMED(FV_MEAN),
           NAMED(FV_SUM),
           NAMED(FV_NONE),
           NAMED(FV_PAD_CONSTANT),
           NAMED(FV_PAD_REFLECT),
           NAMED(FV_PAD_REPLICATE),
           NAMED(FV_PAD_CIRCULAR),
           NAMED(FV_ANNEAL_COS),
           NAMED(FV_ANNEAL_LINEAR),
           NAMED(FV_MODE_MIN),
           NAMED(FV_MODE_MAX),
           NAMED(FV_THRESHOLD_REL),
           NAMED(FV_THRESHOLD_ABS),
           NAMED(FV_FAN_IN),
           NAMED(FV_FAN_OUT),
           NAMED(FV_NONLINEARITY_LEAKY_RELU),
           NAMED(FV_NONLINEARITY_RELU),
           NAMED(FV_NONLINEARITY_LINEAR),
           NAMED(FV_NONLINEARITY_TANH),
           NAMED(FV_NONLINEARITY_SELU),
           NAMED(FV_NEAREST),
           NAMED(FV_NEAREST_EXACT),
           NAMED(FV_LINEAR),
           NAMED(FV_BILINEAR),
           NAMED(FV_BICUBIC),
           NAMED(FV_TRILINEAR),
           NAMED(FV_AREA),
           NAMED(FV_IMAGE_UNCHANGED),
           NAMED(FV_IMAGE_GRAY),
           NAMED(FV_IMAGE_GRAY_ALPHA),
           NAMED(FV_IMAGE_RGB),
           NAMED(FV_IMAGE_RGB_ALPHA)};
enum { ALL = sizeof all / sizeof *all };

START_TEST(every_constant_has_its_name_and_a_number_of_its_own)
{
    for (int i = 0; i < ALL; i++) {
        const char *name = fv_constant_name(all[i].value);
        ck_assert_msg(name && strcmp(name, all[i].name) == 0, "%s is called %s", all[i].name,
                      name ? name : "nothing");
        for (int k = 0; k < i; k++) ck_assert_int_ne(all[k].value, all[i].value);
        ck_assert(!fv_dtype_exists(all[i].value));
        ck_assert_int_ne(all[i].value, FV_INHERIT);
        ck_assert_int_lt(all[i].value, FV_CONSTANTS_END);
    }
    ck_assert_ptr_null(fv_constant_name(0));
    ck_assert_ptr_null(fv_constant_name(FV_NONE + 1));
    ck_assert(fv_constant_in(FV_SUM, FV_REDUCTION_FIRST));
    ck_assert(!fv_constant_in(FV_FAN_IN, FV_REDUCTION_FIRST));
    ck_assert(!fv_constant_in(0, FV_REDUCTION_FIRST));
    ck_assert_str_eq(fv_constants_text(FV_REDUCTION_FIRST), "FV_MEAN, FV_SUM, FV_NONE");
}
END_TEST

START_TEST(a_constant_in_the_place_of_another_is_told_by_name)
{
    fv_set_log(NULL, NULL);
    ck_assert(fv_constant_ok("f", "mode", FV_FAN_OUT, FV_FAN_MODE_FIRST));
    ck_assert(!fv_constant_ok("f", "mode", FV_MODE_MAX, FV_FAN_MODE_FIRST));
    expect_error(FV_ERR_OPTION, "f: mode is FV_MODE_MAX; it takes FV_FAN_IN, FV_FAN_OUT");
    ck_assert(!fv_constant_ok("f", "mode", 1, FV_FAN_MODE_FIRST));
    expect_error(FV_ERR_OPTION, "f: mode is 1; it takes FV_FAN_IN, FV_FAN_OUT");
}
END_TEST

#define REFUSED(call, text)                                                                        \
    do {                                                                                           \
        const void *made = (call);                                                                 \
        ck_assert(made == NULL || made == fv_failed_tensor());                                     \
        expect_error(FV_ERR_OPTION, text);                                                         \
    } while (0)

START_TEST(layers_initialisations_and_schedules_refuse_them)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *x = fv_ones(1, 2, 8, 8, .requires_grad = true), *w = fv_ones(2, 2, 3, 3);
    REFUSED(fv_conv2d(x, w, .stride = FV_SAME), "conv2d: stride is FV_SAME");
    REFUSED(fv_conv2d(x, w, .dilation = FV_ALL), "conv2d: dilation is FV_ALL");
    REFUSED(fv_nn_conv2d(2, 2, 3, .stride = FV_SAME), "nn_conv2d: stride is FV_SAME");
    REFUSED(fv_nn_conv2d(2, 2, FV_ALL), "nn_conv2d: kernel_size is FV_ALL");
    REFUSED(fv_nn_conv2d(2, 2, 3, .padding_mode = (fv_pad_mode)FV_SUM),
            "nn_conv2d: padding_mode is FV_SUM; it takes FV_PAD_CONSTANT, FV_PAD_REFLECT");
    REFUSED(fv_nn_max_pool2d(FV_FULL), "nn_max_pool2d: kernel_size is FV_FULL");
    REFUSED(fv_mse_loss(x, x, .reduction = (fv_reduction)FV_PAD_REFLECT),
            "mse_loss: reduction is FV_PAD_REFLECT; it takes FV_MEAN, FV_SUM, FV_NONE");
    REFUSED(fv_mse_loss(x, x, .reduction = (fv_reduction)1), "mse_loss: reduction is 1");
    REFUSED(fv_pad(x, 1, 1, .mode = (fv_pad_mode)FV_SUM), "pad: mode is FV_SUM");
    REFUSED(fv_init_kaiming_uniform_(w, .mode = (fv_fan_mode)FV_MODE_MIN), "mode is FV_MODE_MIN");
    REFUSED(fv_init_kaiming_uniform_(w, .nonlinearity = (fv_nonlinearity)FV_MEAN),
            "nonlinearity is FV_MEAN");
    fv_optim *opt = fv_sgd(FV_TENSORS(x));
    REFUSED(fv_one_cycle_lr(opt, 1, 5, .anneal_strategy = (fv_anneal)FV_MODE_MIN),
            "one_cycle_lr: anneal_strategy is FV_MODE_MIN");
    REFUSED(fv_reduce_lr_on_plateau(opt, .mode = (fv_plateau_mode)FV_FAN_IN), "mode is FV_FAN_IN");
    REFUSED(fv_reduce_lr_on_plateau(opt, .threshold_mode = (fv_threshold_mode)FV_SUM),
            "threshold_mode is FV_SUM");
    fv_free(opt);
}
END_TEST

/* --- options that cannot apply ---------------------------------------------------------------- */

START_TEST(an_option_that_cannot_apply_is_told)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *x = fv_ones(1, 4), *w = fv_ones(4, 4);
    REFUSED(fv_pad(x, 1, 1, .mode = FV_PAD_REFLECT, .value = 2), "only FV_PAD_CONSTANT takes one");
    REFUSED(fv_pad(x, 1, 1, .mode = FV_PAD_CIRCULAR, .value = 0), "only FV_PAD_CONSTANT takes one");
    ASSERT_VALUES(fv_pad(x, 1, 0), 0, 0, 1, 1, 1, 1);
    ASSERT_VALUES(fv_pad(x, 1, 0, .value = 3), 0, 3, 1, 1, 1, 1);
    REFUSED(fv_init_kaiming_normal_(w, .a = 0.2, .nonlinearity = FV_NONLINEARITY_RELU),
            "goes with a leaky ReLU alone");
    REFUSED(fv_avg_pool2d(fv_ones(1, 1, 4, 4), 2, .divisor_override = 0), "divisor_override");
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("constants");
    TCase *constants = add_case(suite, "constants");
    tcase_add_test(constants, every_constant_has_its_name_and_a_number_of_its_own);
    tcase_add_test(constants, a_constant_in_the_place_of_another_is_told_by_name);
    tcase_add_test(constants, layers_initialisations_and_schedules_refuse_them);
    tcase_add_test(constants, an_option_that_cannot_apply_is_told);
    return suite;
}
