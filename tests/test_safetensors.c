/* The safetensors reader and writer: round trips, every broken rule, atomic replacement. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

static char folder[] = "/tmp/fovea_st_XXXXXX", path[64];

static void make_folder(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
}

static void remove_folder(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0); /* also shows that no temporary file was left */
}

/* --- round trips ------------------------------------------------------------------------ */

START_TEST(every_dtype_shape_and_order_comes_back)
{
    FV_SCOPE;
    const char *names[] = {"floats",        "doubles", "flags",  "bytes",  "ints",
                           "longs",         "halves",  "brains", "small",  "shorts",
                           "turned halves", "empty",   "scalar", "turned", "größe \"x\"\n"};
    fv_tensor *x = fv_arange(0, 24, .dtype = FV_FLOAT32);
    fv_tensor *tensors[] = {
        TENSOR(FV_FLOAT32, FV_SHAPE(2, 3), 1, -2, 0.5, 4, 5, 1e30),
        TENSOR(FV_FLOAT64, FV_SHAPE(3), 1.0 / 3, 2, 3),
        TENSOR(FV_BOOL, FV_SHAPE(3), 1, 0, 1),
        TENSOR(FV_UINT8, FV_SHAPE(1, 5), 1, 2, 3, 4, 255),
        TENSOR(FV_INT32, FV_SHAPE(2), -1, 7),
        TENSOR(FV_INT64, FV_SHAPE(2), -1, 1e15),
        TENSOR(FV_FLOAT16, FV_SHAPE(4), 1.5, -65504, 0x1p-24, (double)INFINITY),
        TENSOR(FV_BFLOAT16, FV_SHAPE(2), 3.3e38, -0.0),
        TENSOR(FV_INT8, FV_SHAPE(3), -128, 127, 5),
        TENSOR(FV_INT16, FV_SHAPE(2), -32768, 32767),
        fv_transpose(TENSOR(FV_FLOAT16, FV_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), 0, 1),
        fv_zeros(3, 0, 2),
        fv_scalar(42, FV_INT64),
        fv_transpose(fv_reshape(x, 4, 6), 0, 1),
        fv_to_channels_last(fv_reshape(x, 1, 4, 2, 3)),
    };
    const fv_metadata notes[] = {{"format", "pt"}, {"note", "a \"quoted\" line\n"}};
    enum { COUNT = sizeof tensors / sizeof tensors[0] };
    ck_assert_int_eq(fv_save_tensors(path, names, tensors, COUNT, notes, 2), FV_OK);
    fv_tensor_file *file = fv_tensor_file_open(path);
    ck_assert_msg(file != NULL, "%s", fv_error());
    ck_assert_int_eq(fv_tensor_file_count(file), COUNT);
    for (int i = 0; i < COUNT; i++) {
        int64_t k = fv_tensor_file_find(file, names[i]);
        fv_tensor *back = fv_tensor_file_read(file, k);
        ck_assert_str_eq(fv_tensor_file_name(file, k), names[i]);
        fv_shape shape = fv_tensor_file_shape(file, k), want = fv_shape_of(tensors[i]);
        ck_assert(fv_shape_equal(&shape, &want));
        ck_assert_msg(tensors_same(back, tensors[i]), "%s differs", names[i]);
        ck_assert(fv_is_contiguous(back));
    }
    ck_assert_str_eq(fv_tensor_file_metadata(file, "note"), notes[1].value);
    ck_assert_ptr_null(fv_tensor_file_metadata(file, "none"));
    ck_assert_int_eq(fv_tensor_file_find(file, "none"), -1);
    static const char *const types[][2] = {
        {"floats", "F32"}, {"doubles", "F64"}, {"flags", "BOOL"}, {"bytes", "U8"},
        {"ints", "I32"},   {"longs", "I64"},   {"halves", "F16"}, {"brains", "BF16"},
        {"small", "I8"},   {"shorts", "I16"},
    };
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        ck_assert_str_eq(fv_tensor_file_type(file, fv_tensor_file_find(file, types[i][0])),
                         types[i][1]);
    ck_assert_ptr_null(fv_tensor_file_name(file, COUNT));
    ck_assert(fv_failed(fv_tensor_file_read(file, -1)));
    expect_error(FV_ERR_INDEX, "-1");
    fv_tensor_file_free(file);
}
END_TEST

START_TEST(the_data_begins_at_a_multiple_of_64_with_the_widest_type_first)
{
    FV_SCOPE;
    const char *names[] = {"b", "c", "a", "d"};
    fv_tensor *tensors[] = {TENSOR(FV_UINT8, FV_SHAPE(1), 9), TENSOR(FV_FLOAT64, FV_SHAPE(1), 1),
                            TENSOR(FV_FLOAT64, FV_SHAPE(1), 2), TENSOR(FV_FLOAT32, FV_SHAPE(1), 3)};
    ck_assert_int_eq(fv_save_tensors(path, names, tensors, 4, NULL, 0), FV_OK);
    FILE *in = fopen(path, "rb");
    ck_assert_ptr_nonnull(in);
    uint64_t length;
    double first;
    ck_assert_uint_eq(fread(&length, sizeof length, 1, in), 1);
    ck_assert_uint_eq((8 + length) % 64, 0);
    ck_assert_int_eq(fseek(in, (long)(8 + length), SEEK_SET), 0);
    ck_assert_uint_eq(fread(&first, sizeof first, 1, in), 1);
    ck_assert_double_eq(first, 2); /* "a" before "c" */
    fclose(in);
}
END_TEST

START_TEST(what_cannot_be_saved_is_refused_and_the_old_file_stands)
{
    FV_SCOPE;
    fv_tensor *x = fv_ones(2), *pair[] = {x, x};
    const char *good[] = {"x", "y"}, *twice[] = {"x", "x"}, *meta[] = {"__metadata__", "y"};
    const char *broken[] = {"\xff\xfe", "y"}, *missing[] = {"x", NULL};
    ck_assert_int_eq(fv_save_tensors(path, good, pair, 2, NULL, 0), FV_OK);
    ck_assert_int_eq(fv_save_tensors(path, twice, pair, 2, NULL, 0), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "two tensors");
    ck_assert_int_eq(fv_save_tensors(path, meta, pair, 2, NULL, 0), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "__metadata__");
    ck_assert_int_eq(fv_save_tensors(path, broken, pair, 2, NULL, 0), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "UTF-8");
    ck_assert_int_eq(fv_save_tensors(path, missing, pair, 2, NULL, 0), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "without a name");
    ck_assert_int_eq(fv_save_tensors(NULL, good, pair, 2, NULL, 0), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "path");
    fv_tensor_file *file = fv_tensor_file_open(path);
    ck_assert_int_eq(fv_tensor_file_count(file), 2);
    fv_tensor_file_free(file);
    ck_assert_int_eq(fv_save_tensors(folder, good, pair, 2, NULL, 0), FV_ERR_IO);
    expect_error(FV_ERR_IO, folder);
    ck_assert_int_eq(fv_save_tensors(path, NULL, NULL, 0, NULL, 0), FV_OK);
    file = fv_tensor_file_open(path);
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fv_tensor_file_count(file), 0);
    fv_tensor_file_free(file);
}
END_TEST

/* --- broken files ----------------------------------------------------------------------- */

typedef struct broken_file {
    const char *header;
    size_t data;      /* bytes behind the header */
    const char *part; /* of the message; NULL: the file is right */
} broken_file;

#define ENTRY(name, dtype, shape, offsets)                                                         \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":" offsets "}"

static const broken_file files[] = {
    {"{}", 0, NULL},
    {"{" ENTRY("a", "F32", "[2]", "[0,8]") "}   ", 8, NULL},
    {"{" ENTRY("a", "F32", "[]", "[0,4]") "," ENTRY("e", "I8", "[0]", "[4,4]") "}", 4, NULL},
    {"{" ENTRY("e", "F64", "[0,3]", "[0,0]") "," ENTRY("a", "F32", "[1]", "[0,4]") "}", 4, NULL},
    {"{\"__metadata__\":{\"a\":\"b\"}}", 0, NULL},
    {"", 0, "does not start with {"},
    {" {}", 0, "does not start with {"},
    {"[]", 0, "does not start with {"},
    {"{", 0, "header"},
    {"{}x", 0, "header"},
    {"{} {}", 0, "header"},
    {"{}", 1, "do not end"},
    {"{\"a\":1}", 0, "dtype"},
    {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "data_offsets"},
    {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "shape"},
    {"{" ENTRY("a", "F31", "[1]", "[0,4]") "}", 4, "dtype"},
    {"{" ENTRY("a", "F32", "1", "[0,4]") "}", 4, "shape"},
    {"{" ENTRY("a", "F32", "[-1]", "[0,4]") "}", 4, "dimension"},
    {"{" ENTRY("a", "F32", "[1.0]", "[0,4]") "}", 4, "dimension"},
    {"{" ENTRY("a", "F32", "[true]", "[0,4]") "}", 4, "dimension"},
    {"{" ENTRY("a", "F32", "[1,1,1,1,1,1,1,1,1]", "[0,4]") "}", 4, "8 dimensions"},
    {"{" ENTRY("a", "F32", "[1]", "[0]") "}", 4, "data_offsets"},
    {"{" ENTRY("a", "F32", "[1]", "[0,4,8]") "}", 4, "data_offsets"},
    {"{" ENTRY("a", "F32", "[1]", "[0,4.0]") "}", 4, "data_offsets"},
    {"{" ENTRY("a", "F32", "[1]", "[4,0]") "}", 4, "backwards"},
    {"{" ENTRY("a", "F32", "[1]", "[-4,0]") "}", 4, "backwards"},
    {"{" ENTRY("a", "F32", "[2]", "[0,4]") "}", 4, "fit"},
    {"{" ENTRY("a", "F32", "[1]", "[0,8]") "}", 8, "fit"},
    {"{" ENTRY("a", "F32", "[1]", "[4,8]") "}", 8, "hole"},
    {"{" ENTRY("a", "F32", "[1]", "[0,4]") "}", 8, "do not end"},
    {"{" ENTRY("a", "F32", "[2]", "[0,8]") "}", 4, "do not end"},
    {"{" ENTRY("a", "F32", "[1]", "[0,4]") "," ENTRY("b", "F32", "[1]", "[0,4]") "}", 4, "overlap"},
    {"{" ENTRY("a", "F32", "[2]", "[0,8]") "," ENTRY("b", "F32", "[1]", "[4,8]") "}", 8, "overlap"},
    {"{" ENTRY("a", "F32", "[1]", "[0,4]") "," ENTRY("b", "F32", "[1]", "[8,12]") "}", 12, "hole"},
    {"{" ENTRY("a", "F32", "[1]", "[0,4]") "," ENTRY("a", "F32", "[1]", "[4,8]") "}", 8, "header"},
    {"{\"__metadata__\":{\"a\":1}}", 0, "no string"},
    {"{\"__metadata__\":[]}", 0, "no object"},
    {"{" ENTRY("a", "U8", "[9223372036854775807,4]", "[0,4]") "}", 4, "fit"},
    {"{" ENTRY("a", "F64", "[2305843009213693952]", "[0,0]") "}", 0, "fit"},
    {"{" ENTRY("a", "F32", "[4294967296,4294967296]", "[0,0]") "}", 0, "fit"},
    {"{" ENTRY("a", "U8", "[9223372036854775807]", "[0,9223372036854775807]") "}", 4, "fit"},
    {"{" ENTRY("a", "F32", "[99999999999999999999]", "[0,4]") "}", 4, "header"},
    {"{\"a\\u0000b\":{}}", 0, "header"},
    {"{\"\xff\":{}}", 0, "header"},
};

static size_t assemble(const broken_file *f, unsigned char *out)
{
    uint64_t length = strlen(f->header);
    memcpy(out, &length, sizeof length);
    memcpy(out + 8, f->header, length);
    memset(out + 8 + length, 0, f->data);
    return 8 + length + f->data;
}

static void check_parse(int number, fv_tensor_file *file)
{
    const char *part = files[number].part;
    if (!part && !file) note_failure("file %d is refused: %s", number, fv_error());
    if (part && file) note_failure("file %d is taken", number);
    if (part && !file) expect_error(FV_ERR_FORMAT, part);
    for (int64_t i = 0; i < fv_tensor_file_count(file); i++) fv_tensor_file_read(file, i);
    fv_clear_error();
    fv_tensor_file_free(file);
}

START_TEST(every_broken_rule_of_the_format_is_found)
{
    for (int i = 0; i < (int)(sizeof files / sizeof files[0]); i++) {
        unsigned char bytes[512];
        size_t size = assemble(&files[i], bytes);
        unsigned char *exact = malloc(size); /* so that a sanitizer sees a read past the end */
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, bytes, size);
        {
            FV_SCOPE;
            check_parse(i, fv_tensor_file_parse(exact, size));
        }
        free(exact);
        FILE *out = fopen(path, "wb");
        ck_assert_uint_eq(fwrite(bytes, 1, size, out), size);
        fclose(out);
        {
            FV_SCOPE;
            check_parse(i, fv_tensor_file_open(path));
        }
    }
    ck_assert(no_failures());
}
END_TEST

START_TEST(a_header_length_that_lies_is_found_before_it_is_read)
{
    const uint64_t lengths[] = {3,         100, 100000000, 100000001, UINT64_MAX, UINT64_MAX - 7,
                                1ull << 63};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        unsigned char bytes[10] = {0, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
        memcpy(bytes, &lengths[i], 8);
        ck_assert_ptr_null(fv_tensor_file_parse(bytes, sizeof bytes));
        expect_error(FV_ERR_FORMAT, "header");
    }
    for (size_t size = 0; size < 8; size++) {
        ck_assert_ptr_null(fv_tensor_file_parse("\0\0\0\0\0\0\0", size));
        expect_error(FV_ERR_FORMAT, "8 bytes");
    }
    ck_assert_ptr_null(fv_tensor_file_open(folder));
    expect_error(FV_ERR_IO, "regular");
    ck_assert_ptr_null(fv_tensor_file_open(path));
    expect_error(FV_ERR_IO, path);
    ck_assert_ptr_null(fv_tensor_file_parse(NULL, 9));
    expect_error(FV_ERR_OPTION, "NULL");
}
END_TEST

START_TEST(types_without_a_counterpart_and_wild_bools_are_errors_of_the_read)
{
    FV_SCOPE;
    static const broken_file foreign = {"{" ENTRY("a", "U16", "[1]", "[0,2]") "}", 2, NULL};
    static const broken_file flag = {"{" ENTRY("a", "BOOL", "[2]", "[0,2]") "}", 2, NULL};
    unsigned char bytes[512];
    fv_tensor_file *file = fv_tensor_file_parse(bytes, assemble(&foreign, bytes));
    ck_assert_str_eq(fv_tensor_file_type(file, 0), "U16");
    ck_assert(fv_failed(fv_tensor_file_read(file, 0)));
    expect_error(FV_ERR_DTYPE, "U16");
    fv_tensor_file_free(file);
    size_t size = assemble(&flag, bytes);
    bytes[size - 1] = 2;
    file = fv_tensor_file_parse(bytes, size);
    ck_assert(fv_failed(fv_tensor_file_read(file, 0)));
    expect_error(FV_ERR_FORMAT, "bool");
    fv_tensor_file_free(file);
}
END_TEST

START_TEST(a_file_that_shrinks_after_opening_is_an_error)
{
    FV_SCOPE;
    const char *name = "x";
    fv_tensor *x = fv_ones(1000);
    ck_assert_int_eq(fv_save_tensors(path, &name, &x, 1, NULL, 0), FV_OK);
    fv_tensor_file *file = fv_tensor_file_open(path);
    ck_assert_int_eq(truncate(path, 200), 0);
    ck_assert(fv_failed(fv_tensor_file_read(file, 0)));
    expect_error(FV_ERR_IO, "shorter");
    fv_tensor_file_free(file);
}
END_TEST

START_TEST(the_file_keeps_to_the_umask)
{
    FV_SCOPE;
    const char *name = "x";
    fv_tensor *x = fv_ones(1);
    mode_t mask = umask(027);
    ck_assert_int_eq(fv_save_tensors(path, &name, &x, 1, NULL, 0), FV_OK);
    umask(mask);
    struct stat info;
    ck_assert_int_eq(stat(path, &info), 0);
    ck_assert_int_eq((int)(info.st_mode & 0777), 0640);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("safetensors");
    TCase *files_case = add_case(suite, "files");
    tcase_add_checked_fixture(files_case, make_folder, remove_folder);
    tcase_add_test(files_case, every_dtype_shape_and_order_comes_back);
    tcase_add_test(files_case, the_data_begins_at_a_multiple_of_64_with_the_widest_type_first);
    tcase_add_test(files_case, what_cannot_be_saved_is_refused_and_the_old_file_stands);
    tcase_add_test(files_case, every_broken_rule_of_the_format_is_found);
    tcase_add_test(files_case, a_header_length_that_lies_is_found_before_it_is_read);
    tcase_add_test(files_case, types_without_a_counterpart_and_wild_bools_are_errors_of_the_read);
    tcase_add_test(files_case, a_file_that_shrinks_after_opening_is_an_error);
    tcase_add_test(files_case, the_file_keeps_to_the_umask);
    return suite;
}
