/* Saving and loading modules. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "saved_path.h"
#include "support.h"

static fv_module *small(int64_t features)
{
    return fv_sequential(fv_nn_linear(4, features), fv_nn_batch_norm1d(features));
}

START_TEST(a_saved_module_is_loaded_bit_for_bit)
{
    FV_SCOPE;
    fv_module *a = small(3), *b = small(3);
    fv_forward(a, fv_randn(5, 4));
    ck_assert_int_eq(fv_save(a, saved_path), FV_OK);
    uint32_t version = fv_version(fv_parameters(b).items[0]);
    ck_assert_int_eq(fv_load(b, saved_path), FV_OK);
    ck_assert_uint_ne(fv_version(fv_parameters(b).items[0]), version);
    fv_named_list x = fv_state_dict(a), y = fv_state_dict(b);
    ck_assert_int_eq(x.count, 7);
    for (int64_t i = 0; i < x.count; i++)
        ck_assert(tensors_same(x.items[i].tensor, y.items[i].tensor));
    ck_assert_double_eq(fv_item(fv_module_tensor(fv_child_at(b, 1), "num_batches_tracked")), 1);
    fv_free(a);
    fv_free(b);
}
END_TEST

START_TEST(loading_converts_the_element_type)
{
    fv_module *a = fv_nn_linear(2, 2), *b = fv_nn_linear(2, 2, .dtype = FV_FLOAT64);
    ck_assert_int_eq(fv_save(a, saved_path), FV_OK);
    ck_assert_int_eq(fv_load(b, saved_path), FV_OK);
    ck_assert_int_eq(fv_dtype_of(fv_module_tensor(b, "weight")), FV_FLOAT64);
    ck_assert_double_eq(fv_at(fv_module_tensor(a, "weight"), (const int64_t[]){1, 0}),
                        fv_at(fv_module_tensor(b, "weight"), (const int64_t[]){1, 0}));
    fv_free(a);
    fv_free(b);
}
END_TEST

START_TEST(a_file_in_half_precision_is_widened)
{
    fv_module *a = fv_nn_linear(2, 2), *b = fv_nn_linear(2, 2);
    const char *const names[] = {"weight", "bias"};
    {
        FV_SCOPE;
        fv_tensor *halves[] = {fv_to(fv_module_tensor(a, "weight"), FV_FLOAT16),
                               fv_to(fv_module_tensor(a, "bias"), FV_BFLOAT16)};
        ck_assert_int_eq(fv_save_tensors(saved_path, names, halves, 2, NULL, 0), FV_OK);
        ck_assert_int_eq(fv_load(b, saved_path), FV_OK);
        for (int i = 0; i < 2; i++)
            ck_assert(tensors_same(fv_detach(fv_module_tensor(b, names[i])),
                                   fv_to(halves[i], FV_FLOAT32)));
    }
    fv_free(a);
    fv_free(b);
}
END_TEST

START_TEST(a_load_that_does_not_fit_touches_nothing)
{
    fv_module *a = small(3), *wide = small(5), *other = fv_sequential(fv_nn_linear(4, 3));
    ck_assert_int_eq(fv_save(a, saved_path), FV_OK);
    double before =
        fv_at(fv_module_tensor(fv_child_at(other, 0), "weight"), (const int64_t[]){0, 0});
    ck_assert_int_eq(fv_load(wide, saved_path), FV_ERR_SHAPE);
    expect_error(FV_ERR_SHAPE, "0.weight is [3,4] in the file, [5,4]");
    ck_assert_int_eq(fv_load(other, saved_path), FV_ERR_STATE);
    expect_error(
        FV_ERR_STATE,
        "2 of 2 names match, 0 missing keys, 5 unexpected keys (1.bias, 1.num_batches_tracked");
    ck_assert_double_eq(
        before, fv_at(fv_module_tensor(fv_child_at(other, 0), "weight"), (const int64_t[]){0, 0}));
    fv_load_report report;
    ck_assert_int_eq(fv_load(other, saved_path, .strict = false, .report = &report), FV_OK);
    ck_assert_int_eq(report.unexpected.count, 5);
    fv_load_report_free(&report);
    ck_assert(tensors_same(fv_parameters(other).items[0], fv_parameters(a).items[0]));
    ck_assert_int_eq(fv_save(other, saved_path), FV_OK);
    ck_assert_int_eq(fv_load(a, saved_path), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "4 missing keys");
    ck_assert_int_eq(fv_load(a, "/nonexistent/file"), FV_ERR_IO);
    expect_error(FV_ERR_IO, "/nonexistent/file");
    ck_assert_int_eq(fv_save(a, "/nonexistent/file"), FV_ERR_IO);
    expect_error(FV_ERR_IO, "/nonexistent/file");
    ck_assert_int_eq(fv_save(NULL, saved_path), FV_ERR_OPTION);
    fv_clear_error();
    ck_assert_int_eq(fv_load(NULL, saved_path), FV_ERR_OPTION);
    fv_clear_error();
    fv_free(a);
    fv_free(wide);
    fv_free(other);
}
END_TEST

/* Every tensor's shape is checked, the last one's too, before the first is written. */
START_TEST(any_tensor_of_another_shape_is_found)
{
    for (int wrong = 0; wrong < 3; wrong++) {
        fv_module *a =
            fv_sequential(fv_nn_linear(4, 4, .bias = false), fv_nn_linear(4, 4, .bias = false),
                          fv_nn_linear(4, 4, .bias = false));
        fv_module *part[3], *b;
        for (int k = 0; k < 3; k++) part[k] = fv_nn_linear(4, k == wrong ? 2 : 4, .bias = false);
        b = fv_sequential(part[0], part[1], part[2]);
        uint32_t versions[3];
        for (int k = 0; k < 3; k++) versions[k] = fv_version(fv_parameters(b).items[k]);
        ck_assert_int_eq(fv_save(a, saved_path), FV_OK);
        for (int strict = 0; strict < 2; strict++) {
            ck_assert_int_eq(fv_load(b, saved_path, .strict = strict), FV_ERR_SHAPE);
            expect_error(FV_ERR_SHAPE, "[4,4] in the file, [2,4]");
        }
        for (int k = 0; k < 3; k++)
            ck_assert_uint_eq(fv_version(fv_parameters(b).items[k]), versions[k]);
        fv_free(a);
        fv_free(b);
    }
}
END_TEST

/* A message names as many keys as it has room for. */
START_TEST(a_long_list_of_keys_is_cut_short)
{
    enum { LAYERS = 60 };
    fv_module *many[LAYERS];
    for (int k = 0; k < LAYERS; k++) many[k] = fv_nn_linear(1, 1);
    fv_module *a = fv_sequential_from((fv_modules){many, LAYERS}),
              *b = fv_sequential(fv_nn_linear(1, 1));
    ck_assert_int_eq(fv_save(b, saved_path), FV_OK);
    ck_assert_int_eq(fv_load(a, saved_path), FV_ERR_STATE);
    ck_assert_ptr_nonnull(strstr(fv_error(), "118 missing keys (1.weight"));
    expect_error(FV_ERR_STATE, ", ...), 0 unexpected keys");
    fv_free(a);
    fv_free(b);
}
END_TEST

/* --- the rules of load_state_dict ---------------------------------------------------------- */

static char logged[4096];

static void remember(const char *message, void *context)
{
    (void)context;
    snprintf(logged, sizeof logged, "%s", message);
}

/* Saves tensors under the names given, with notes that end in one without a key. */
static void save_as(const char *const *names, fv_tensor *const *tensors, int64_t count,
                    const fv_metadata *notes)
{
    int64_t note_count = 0;
    while (notes && notes[note_count].key) note_count++;
    ck_assert_int_eq(fv_save_tensors(saved_path, names, tensors, count, notes, note_count), FV_OK);
}

static void expect_names(fv_name_list list, const char *joined)
{
    char text[1024] = "";
    for (int64_t i = 0; i < list.count; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s", i ? " " : "", list.items[i]);
    }
    ck_assert_str_eq(text, joined);
}

START_TEST(a_report_has_every_name)
{
    FV_SCOPE;
    fv_module *m = small(3);
    static const char *const names[] = {"0.weight", "0.bias", "1.weight", "other", "more"};
    fv_tensor *tensors[] = {fv_ones(3, 4), fv_ones(3), fv_ones(4), fv_ones(1), fv_ones(1)};
    fv_load_report r;
    save_as(names, tensors, 5, NULL);
    ck_assert_int_eq(fv_load(m, saved_path, .strict = false, .report = &r), FV_ERR_SHAPE);
    ck_assert_str_eq(
        fv_error() + strlen("load: ") + strlen(saved_path),
        ": 2 of 7 names match, 1 of another shape (1.weight is [4] in the file, [3] in "
        "the module), 3 missing keys (1.bias, 1.running_mean, 1.running_var), 2 "
        "unexpected keys (more, other)");
    fv_clear_error();
    expect_names(r.matched, "0.weight 0.bias");
    expect_names(r.missing, "1.bias 1.running_mean 1.running_var");
    expect_names(r.mismatched, "1.weight");
    expect_names(r.unexpected, "more other");
    fv_load_report_free(&r);
    ck_assert_int_eq(r.matched.count, 0);
    ck_assert_ptr_null(r.matched.items);
    fv_load_report_free(&r);
    fv_load_report_free(NULL);
    save_as(names, tensors, 2, NULL);
    ck_assert_int_eq(fv_load(m, saved_path, .strict = false, .report = &r), FV_OK);
    expect_names(r.missing, "1.weight 1.bias 1.running_mean 1.running_var");
    expect_names(r.unexpected, "");
    fv_load_report_free(&r);
    ck_assert_int_eq(fv_load(m, "/nonexistent", .report = &r), FV_ERR_IO);
    ck_assert_ptr_null(r.missing.items);
    fv_clear_error();
    fv_free(m);
}
END_TEST

START_TEST(what_is_not_strict_is_warned_of_unless_it_is_reported)
{
    FV_SCOPE;
    fv_module *m = fv_nn_linear(2, 2);
    const char *name = "weight";
    fv_tensor *w = fv_ones(2, 2);
    fv_load_report r;
    save_as(&name, &w, 1, NULL);
    fv_set_log(remember, NULL);
    logged[0] = '\0';
    ck_assert_int_eq(fv_load(m, saved_path, .strict = false, .report = &r), FV_OK);
    ck_assert_str_eq(logged, "");
    fv_load_report_free(&r);
    ck_assert_int_eq(fv_load(m, saved_path, .strict = false), FV_OK);
    ck_assert_ptr_nonnull(strstr(logged, "warning: load: "));
    ck_assert_ptr_nonnull(strstr(logged, "1 of 2 names match, 1 missing keys (bias)"));
    ck_assert_int_eq(fv_error_status(), FV_OK);
    fv_free(m);
}
END_TEST

START_TEST(a_file_of_which_nothing_matches_is_an_error)
{
    FV_SCOPE;
    fv_module *m = small(3), *bare = fv_nn_relu();
    const char *name = "encoder.weight";
    fv_tensor *w = fv_ones(2, 2);
    save_as(&name, &w, 1, NULL);
    for (int strict = 0; strict < 2; strict++) {
        ck_assert_int_eq(fv_load(m, saved_path, .strict = strict), FV_ERR_STATE);
        expect_error(FV_ERR_STATE, "nothing matches: 0 of 7 names match, 6 missing keys");
        ck_assert_int_eq(fv_load(bare, saved_path, .strict = strict), FV_ERR_STATE);
        expect_error(FV_ERR_STATE, "nothing matches");
    }
    save_as(NULL, NULL, 0, NULL);
    ck_assert_int_eq(fv_load(m, saved_path, .strict = false), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "nothing matches");
    ck_assert_int_eq(fv_load(bare, saved_path), FV_OK); /* nothing was wanted */
    fv_free(m);
    fv_free(bare);
}
END_TEST

START_TEST(a_prefix_selects_and_is_taken_away)
{
    FV_SCOPE;
    fv_module *m = fv_nn_linear(2, 1);
    static const char *const names[] = {"module.weight", "module.bias", "optim.step"};
    fv_tensor *tensors[] = {TENSOR(FV_FLOAT32, FV_SHAPE(1, 2), 3, 4),
                            TENSOR(FV_FLOAT32, FV_SHAPE(1), 5), fv_ones(1)};
    fv_load_report r;
    save_as(names, tensors, 3, NULL);
    ck_assert_int_eq(fv_load(m, saved_path), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "with .prefix = \"module.\" all names match");
    ck_assert_int_eq(fv_load(m, saved_path, .prefix = "optim."), FV_ERR_STATE);
    ck_assert_ptr_nonnull(strstr(fv_error(), "1 unexpected keys (optim.step)"));
    expect_error(FV_ERR_STATE, "with .prefix = \"module.\" all names match");
    ck_assert_int_eq(fv_load(m, saved_path, .prefix = "module.", .report = &r), FV_OK);
    expect_names(r.matched, "weight bias");
    expect_names(r.unexpected, "");
    fv_load_report_free(&r);
    ASSERT_VALUES(fv_module_tensor(m, "weight"), 0, 3, 4);
    ASSERT_VALUES(fv_module_tensor(m, "bias"), 0, 5);
    fv_free(m);
}
END_TEST

START_TEST(a_counter_of_batches_may_be_missing_and_becomes_0)
{
    FV_SCOPE;
    fv_module *m = fv_nn_batch_norm1d(2);
    static const char *const names[] = {"weight", "bias", "running_mean", "running_var"};
    fv_tensor *ones = fv_ones(2), *tensors[] = {ones, ones, ones, ones};
    fv_tensor *counter = fv_module_tensor(m, "num_batches_tracked");
    fv_load_report r;
    fv_forward(m, fv_randn(5, 2));
    ck_assert_double_eq(fv_item(counter), 1);
    uint32_t version = fv_version(counter);
    save_as(names, tensors, 4, NULL);
    ck_assert_int_eq(fv_load(m, saved_path, .report = &r), FV_OK);
    ck_assert_double_eq(fv_item(counter), 0);
    ck_assert_uint_ne(fv_version(counter), version);
    expect_names(r.missing, "");
    expect_names(r.matched, "weight bias running_mean running_var");
    fv_load_report_free(&r);
    fv_free(m);
}
END_TEST

START_TEST(a_number_may_have_been_saved_in_shape_1)
{
    FV_SCOPE;
    fv_module *m = fv_nn_batch_norm1d(2, .affine = false);
    static const char *const names[] = {"running_mean", "running_var", "num_batches_tracked"};
    fv_tensor *ones = fv_ones(2);
    fv_tensor *tensors[] = {ones, ones, TENSOR(FV_INT64, FV_SHAPE(1), 77)};
    save_as(names, tensors, 3, NULL);
    ck_assert_int_eq(fv_load(m, saved_path), FV_OK);
    ck_assert_double_eq(fv_item(fv_module_tensor(m, "num_batches_tracked")), 77);
    ck_assert_int_eq(fv_ndim(fv_module_tensor(m, "num_batches_tracked")), 0);
    tensors[2] = TENSOR(FV_INT64, FV_SHAPE(1, 1), 77);
    save_as(names, tensors, 3, NULL);
    ck_assert_int_eq(fv_load(m, saved_path), FV_ERR_SHAPE);
    expect_error(FV_ERR_SHAPE, "num_batches_tracked is [1,1] in the file, [] in the module");
    fv_free(m);
}
END_TEST

/* Two layers whose weight is one tensor. */
static fv_module *tied(void)
{
    fv_module *a = fv_nn_linear(2, 2, .bias = false), *b = fv_nn_linear(2, 2, .bias = false);
    ck_assert_int_eq(fv_module_add_parameter(b, "weight", fv_module_tensor(a, "weight")), FV_OK);
    return fv_sequential(a, b);
}

START_TEST(tied_weights_need_one_of_their_names)
{
    FV_SCOPE;
    static const char *const names[] = {"0.weight", "1.weight"};
    fv_tensor *w = TENSOR(FV_FLOAT32, FV_SHAPE(2, 2), 1, 2, 3, 4);
    fv_load_report r;
    for (int k = 0; k < 2; k++) {
        fv_module *m = tied();
        save_as(&names[k], &w, 1, NULL);
        ck_assert_int_eq(fv_load(m, saved_path, .report = &r), FV_OK);
        expect_names(r.matched, "0.weight 1.weight");
        fv_load_report_free(&r);
        ASSERT_VALUES(fv_parameters(m).items[0], 0, 1, 2, 3, 4);
        ck_assert_int_eq(fv_save(m, saved_path), FV_OK); /* under both names, for any reader */
        ck_assert_int_eq(fv_load(m, saved_path), FV_OK);
        fv_free(m);
    }
}
END_TEST

/* As safetensors.torch.save_model leaves it. */
START_TEST(the_metadata_may_name_the_tensor_that_stands_for_another)
{
    FV_SCOPE;
    fv_module *m =
        fv_sequential(fv_nn_linear(2, 2, .bias = false), fv_nn_linear(2, 2, .bias = false));
    const char *const names[] = {"net.0.weight"};
    const fv_metadata alias[] = {{"net.1.weight", "net.0.weight"}, {"format", "pt"}, {NULL, NULL}};
    const fv_metadata wrong[] = {{"net.1.weight", "net.7.weight"}, {NULL, NULL}};
    fv_tensor *w = TENSOR(FV_FLOAT32, FV_SHAPE(2, 2), 1, 2, 3, 4);
    save_as(names, &w, 1, alias);
    ck_assert_int_eq(fv_load(m, saved_path, .prefix = "net."), FV_OK);
    ASSERT_VALUES(fv_parameters(m).items[0], 0, 1, 2, 3, 4);
    ASSERT_VALUES(fv_parameters(m).items[1], 0, 1, 2, 3, 4);
    save_as(names, &w, 1, wrong);
    ck_assert_int_eq(fv_load(m, saved_path, .prefix = "net."), FV_ERR_STATE);
    expect_error(FV_ERR_STATE, "1 missing keys (1.weight)");
    fv_free(m);
}
END_TEST

START_TEST(a_model_file_carries_notes)
{
    fv_module *m = fv_nn_linear(2, 2);
    ck_assert_int_eq(
        fv_save(m, saved_path, .metadata = FV_METADATA({"mean", "0.1307"}, {"std", "0.3081"})),
        FV_OK);
    fv_tensor_file *file = fv_tensor_file_open(saved_path);
    ck_assert_int_eq(fv_tensor_file_metadata_count(file), 3);
    ck_assert_str_eq(fv_tensor_file_metadata(file, "mean"), "0.1307");
    ck_assert_str_eq(fv_tensor_file_metadata(file, "std"), "0.3081");
    ck_assert_str_eq(fv_tensor_file_metadata(file, "format"), "pt");
    fv_tensor_file_free(file);
    ck_assert_int_eq(fv_save(m, saved_path, .metadata = FV_METADATA({"format", "np"})), FV_OK);
    file = fv_tensor_file_open(saved_path);
    ck_assert_str_eq(fv_tensor_file_metadata(file, "format"), "np");
    fv_tensor_file_free(file);
    ck_assert_int_eq(fv_save(m, saved_path, .metadata = FV_METADATA({"a", NULL})), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "no value");
    fv_free(m);
}
END_TEST

START_TEST(weights_can_be_written_in_another_type)
{
    FV_SCOPE;
    static const struct {
        fv_dtype dtype;
        const char *name;
    } types[] = {
        {FV_FLOAT16, "F16"}, {FV_BFLOAT16, "BF16"}, {FV_FLOAT64, "F64"}, {FV_FLOAT32, "F32"}};
    fv_module *m = small(3), *back = small(3);
    fv_tensor *w = fv_module_tensor(fv_child_at(m, 0), "weight");
    for (int k = 0; k < 4; k++) {
        ck_assert_int_eq(fv_save(m, saved_path, .dtype = types[k].dtype), FV_OK);
        fv_tensor_file *file = fv_tensor_file_open(saved_path);
        for (int64_t i = 0; i < fv_tensor_file_count(file); i++)
            ck_assert_str_eq(fv_tensor_file_type(file, i),
                             strstr(fv_tensor_file_name(file, i), "num_batches") ? "I64"
                                                                                 : types[k].name);
        fv_tensor_file_free(file);
        ck_assert_int_eq(fv_load(back, saved_path), FV_OK);
        ck_assert(tensors_same(fv_detach(fv_module_tensor(fv_child_at(back, 0), "weight")),
                               fv_to(fv_to(fv_detach(w), types[k].dtype), FV_FLOAT32)));
    }
    ck_assert_int_eq(fv_save(m, saved_path, .dtype = FV_INT8), FV_ERR_DTYPE);
    expect_error(FV_ERR_DTYPE, "int8");
    ck_assert_int_eq(fv_save(m, saved_path, .dtype = (fv_dtype)99), FV_ERR_DTYPE);
    expect_error(FV_ERR_DTYPE, "invalid");
    fv_data_float32(w)[7] = 70000;
    ck_assert_int_eq(fv_save(m, saved_path, .dtype = FV_FLOAT16), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "0.weight has numbers that float16 cannot hold");
    ck_assert_int_eq(fv_save(m, saved_path, .dtype = FV_BFLOAT16), FV_OK);
    fv_data_float32(w)[7] = 3.4e38f;
    ck_assert_int_eq(fv_save(m, saved_path, .dtype = FV_BFLOAT16), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "bfloat16");
    fv_data_float32(w)[7] = (float)-INFINITY; /* is what it was */
    ck_assert_int_eq(fv_save(m, saved_path, .dtype = FV_FLOAT16), FV_OK);
    fv_module *wide = fv_nn_linear(1, 1, .dtype = FV_FLOAT64);
    fv_data_float64(fv_module_tensor(wide, "bias"))[0] = 1e39;
    ck_assert_int_eq(fv_save(wide, saved_path, .dtype = FV_FLOAT32), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "bias has numbers that float32 cannot hold");
    fv_free(m);
    fv_free(back);
    fv_free(wide);
}
END_TEST

/* The program of README's first page with a layer of a wrong size. */
START_TEST(nothing_is_saved_or_loaded_while_an_error_stands)
{
    FV_SCOPE;
    fv_module *m = fv_nn_linear(3, 2);
    fv_load_report r;
    ck_assert_int_eq(fv_save(m, saved_path), FV_OK);
    fv_set_log(remember, NULL);
    ck_assert(fv_failed(fv_forward(m, fv_ones(1, 4))));
    char first[1024];
    snprintf(first, sizeof first, "%s", fv_error());
    fv_status status = fv_error_status();
    ck_assert_int_eq(unlink(saved_path), 0);
    ck_assert_int_eq(fv_save(m, saved_path), FV_ERR_STATE);
    ck_assert_int_ne(access(saved_path, F_OK), 0);
    ck_assert_int_eq(fv_save(NULL, saved_path), FV_ERR_STATE); /* before all else */
    ck_assert_ptr_nonnull(strstr(logged, "save: "));
    ck_assert_ptr_nonnull(strstr(logged, first));
    ck_assert_int_eq(fv_load(m, "/nonexistent", .report = &r), FV_ERR_STATE);
    ck_assert_ptr_nonnull(strstr(logged, "load: /nonexistent: refused, for an error stands: "));
    ck_assert_ptr_null(r.matched.items);
    ck_assert_str_eq(fv_error(), first);
    ck_assert_int_eq(fv_error_status(), status);
    fv_clear_error();
    fv_set_log(fv_default_log, NULL);
    fv_free(m);
}
END_TEST

START_TEST(a_module_of_shapes_only_has_nothing_to_save_or_load)
{
    fv_module *m = fv_nn_linear(2, 2);
    ck_assert_int_eq(fv_save(m, saved_path), FV_OK);
    bool before = fv_set_shapes_only(true);
    fv_module *shapes = fv_nn_linear(2, 2);
    fv_set_shapes_only(before);
    ck_assert_int_ne(fv_load(shapes, saved_path), FV_OK);
    expect_error(fv_error_status(), "load");
    ck_assert_int_ne(fv_save(shapes, saved_path), FV_OK);
    expect_error(fv_error_status(), "save");
    ck_assert_int_ne(fv_save(shapes, saved_path, .dtype = FV_FLOAT16), FV_OK);
    expect_error(fv_error_status(), "save");
    fv_free(m);
    fv_free(shapes);
}
END_TEST

/* Makes, saves and loads a module while allocation n fails; true when none failed any more. */
static bool round_trip_with_failure(int64_t n)
{
    bool whole = false;
    {
        FV_SCOPE;
        fv_inject_alloc_failure(n);
        fv_module *net = small(3);
        fv_status status = net ? fv_save(net, saved_path) : fv_error_status();
        if (status == FV_OK) status = fv_load(net, saved_path);
        fv_tensor *y = net ? fv_forward(net, fv_ones(2, 4)) : fv_failed_tensor();
        fv_inject_alloc_failure(-1);
        whole = status == FV_OK && !fv_failed(y);
        ck_assert_msg(whole || fv_error_status() != FV_OK, "allocation %d fails unseen", (int)n);
        fv_clear_error();
        fv_free(net);
    }
    return whole;
}

START_TEST(any_allocation_may_fail)
{
    char difference[200];
    round_trip_with_failure(-1);
    memory_mark mark = mark_memory();
    int64_t n = 0;
    while (n < 1000 && !round_trip_with_failure(n)) n++;
    ck_assert_int_gt(n, 10);
    ck_assert_int_lt(n, 1000);
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("nn_state");
    TCase *state = add_case(suite, "state");
    tcase_add_checked_fixture(state, make_path, remove_path);
    tcase_add_test(state, a_saved_module_is_loaded_bit_for_bit);
    tcase_add_test(state, loading_converts_the_element_type);
    tcase_add_test(state, a_file_in_half_precision_is_widened);
    tcase_add_test(state, a_load_that_does_not_fit_touches_nothing);
    tcase_add_test(state, any_tensor_of_another_shape_is_found);
    tcase_add_test(state, a_long_list_of_keys_is_cut_short);
    tcase_add_test(state, a_report_has_every_name);
    tcase_add_test(state, what_is_not_strict_is_warned_of_unless_it_is_reported);
    tcase_add_test(state, a_file_of_which_nothing_matches_is_an_error);
    tcase_add_test(state, a_prefix_selects_and_is_taken_away);
    tcase_add_test(state, a_counter_of_batches_may_be_missing_and_becomes_0);
    tcase_add_test(state, a_number_may_have_been_saved_in_shape_1);
    tcase_add_test(state, tied_weights_need_one_of_their_names);
    tcase_add_test(state, the_metadata_may_name_the_tensor_that_stands_for_another);
    tcase_add_test(state, a_model_file_carries_notes);
    tcase_add_test(state, weights_can_be_written_in_another_type);
    tcase_add_test(state, nothing_is_saved_or_loaded_while_an_error_stands);
    tcase_add_test(state, a_module_of_shapes_only_has_nothing_to_save_or_load);
    tcase_add_test(state, any_allocation_may_fail);
    return suite;
}
