/* The safetensors reader and writer: round trips, every broken rule, atomic replacement. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"
#include "tensor/formats/bytes_impl.h"

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
    ck_assert_int_eq(fv_tensor_file_metadata_count(file), 2);
    ck_assert_str_eq(fv_tensor_file_metadata_at(file, 1).key, "note");
    ck_assert_str_eq(fv_tensor_file_metadata_at(file, 0).value, "pt");
    ck_assert_ptr_null(fv_tensor_file_metadata_at(file, 2).key);
    ck_assert_ptr_null(fv_tensor_file_metadata_at(file, -1).key);
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
    unsigned char bytes[8];
    double first;
    ck_assert_uint_eq(fread(bytes, sizeof bytes, 1, in), 1);
    uint64_t length = fv_get_uint64(bytes);
    ck_assert_uint_eq((8 + length) % 64, 0);
    ck_assert_int_eq(fseek(in, (long)(8 + length), SEEK_SET), 0);
    ck_assert_uint_eq(fread(&first, sizeof first, 1, in), 1);
    if (FV_SWAP_BYTES) fv_swap_elements(&first, 1, sizeof first);
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
    const fv_metadata notes[][2] = {{{"a", "1"}, {"a", "2"}},
                                    {{"a", "1"}, {NULL, "2"}},
                                    {{"a", "1"}, {"b", NULL}},
                                    {{"a", "1"}, {"b", "\xc0\x80"}},
                                    {{"a", "1"}, {"\xed\xa0\x80", "2"}}};
    static const char *const parts[] = {"named a", "1 has no key", "1 has no value", "UTF-8",
                                        "UTF-8"};
    for (size_t i = 0; i < sizeof notes / sizeof notes[0]; i++) {
        ck_assert_int_eq(fv_save_tensors(path, good, pair, 2, notes[i], 2), FV_ERR_OPTION);
        expect_error(FV_ERR_OPTION, parts[i]);
    }
    ck_assert_int_eq(fv_save_tensors(path, good, pair, 2, NULL, 1), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "NULL");
    ck_assert_int_eq(fv_save_tensors(path, NULL, pair, 2, NULL, 0), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "needed");
    ck_assert_int_eq(fv_save_tensors(path, good, NULL, 2, NULL, 0), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "needed");
    ck_assert_int_eq(fv_save_tensors(path, good, pair, -1, NULL, 0), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "needed");
    ck_assert_int_eq(fv_save_tensors(path, good, pair, 0, notes[0], -1), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "-1");
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
    {"{}", 1, "goes on where the tensors end"},
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
    {"{" ENTRY("a", "F32", "[1]", "[0,4]") "}", 8, "goes on"},
    {"{" ENTRY("a", "F32", "[2]", "[0,8]") "}", 4, "the last 4 bytes are missing"},
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
    {"{" ENTRY("a", "F32", "[99999999999999999999]", "[0,4]") "}", 4, "dimension"},
    {"{\"a\\u0000b\":{}}", 0, "header"},
    {"{" ENTRY("a", "U8", "[4611686018427387904,4611686018427387904,0]", "[0,0]") "}", 0, "fit"},
    {"{" ENTRY("a", "U8", "[0,4611686018427387904,4]", "[0,0]") "}", 0, "fit"},
    {"{" ENTRY("a", "U8", "[0,4611686018427387904]", "[0,0]") "}", 0, NULL},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[],\"shape\":[],\"data_offsets\":[0,1]}}", 1, "twice"},
    {"{\"__metadata__\":{\"a\":\"1\",\"b\":\"\",\"a\":\"2\"}}", 0, "twice"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, "twice"},
    {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1],\"more\":[{\"x\":[1.5e3]}]}}",
     1, NULL},
    {"{\"a\":{\"dtype\":\"F6_E2M3\",\"shape\":[1],\"data_offsets\":[0,1]}}", 1, "F6_E2M3"},
    {"{\"a\":[]}", 0, "no object"},
    {"{\"\xff\":{}}", 0, "header"},
};

static size_t assemble(const broken_file *f, unsigned char *out)
{
    size_t length = strlen(f->header);
    fv_put_uint64(out, length);
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
        fv_put_uint64(bytes, lengths[i]);
        ck_assert_ptr_null(fv_tensor_file_parse(bytes, sizeof bytes));
        expect_error(FV_ERR_FORMAT, "header");
    }
    for (size_t size = 1; size < 8; size++) {
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

/* --- files of another kind ------------------------------------------------------------------ */

#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *bytes;
    size_t count;
    const char *name, *advice; /* parts of the message */
} kinds[] = {
    {BYTES(""), "an empty file", "again"},
    {BYTES("PK\3\4\0\0\x08\x08\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x10\0\x12\0archive/data.pklFB"),
     "a PyTorch file;", "torch.load('in.pt'"},
    {BYTES("PK\3\4\x14\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x09\0\x14\0arr_0.npyabc"),
     "a NumPy archive", "numpy.load('in.npz')"},
    {BYTES("PK\3\4\x14\0\0\0\x08\0"), "a zip archive", "unpack"},
    {BYTES("\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M"), "before 1.6",
     "torch.load"},
    {BYTES("\x80\x04\x95\x10\0\0\0\0\0\0\0"), "a Python pickle", "torch.load"},
    {BYTES("\x93NUMPY\x01\0v\0{'descr': '<f4'"), "a NumPy array", "numpy.load('in.npy')"},
    {BYTES("GGUF\3\0\0\0\0\0\0\0"), "a GGUF file", "safetensors"},
    {BYTES("\x89HDF\r\n\x1a\n\0\0"), "HDF5", "h5py"},
    {BYTES("\x1f\x8b\x08\0\0\0\0\0"), "gzip", "gunzip"},
    {BYTES("\xfd"
           "7zXZ\0\0\4"),
     "xz", "unpack"},
    {BYTES("BZh91AY&SY"), "bzip2", "unpack"},
    {BYTES("\x28\xb5\x2f\xfd\4\0\0\0"), "zstd", "unpack"},
    {BYTES("<!DOCTYPE html>\n<html>"), "a web page", "download"},
    {BYTES("\n  <HTML lang=en>"), "a web page", "download"},
    {BYTES("\xef\xbb\xbf<?xml version"), "a web page", "download"},
    {BYTES("\x89PNG\r\n\x1a\n\0\0\0\rIHDR"), "a PNG image", ""},
    {BYTES("\xff\xd8\xff\xe0\0\x10JFIF"), "a JPEG image", ""},
    {BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a"), "git-lfs",
     "git lfs pull"},
    {BYTES("{\"weight_map\": {\"a\": \"model-1.safetensors\"}}"), "a JSON text", "index"},
    {BYTES("abcdefghijkl"), "a header of more", ""},
    {BYTES("\x05\0\0\0\0\0\0\0abcde"), "does not start with {", ""},
};

START_TEST(a_file_of_another_kind_is_told_from_a_damaged_one)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        FILE *out = fopen(path, "wb");
        ck_assert_uint_eq(fwrite(kinds[i].bytes, 1, kinds[i].count, out), kinds[i].count);
        fclose(out);
        ck_assert_ptr_null(fv_tensor_file_open(path));
        ck_assert_msg(strstr(fv_error(), "not a safetensors file: ") != NULL, "%s", fv_error());
        ck_assert_msg(strstr(fv_error(), kinds[i].advice) != NULL, "%s", fv_error());
        expect_error(FV_ERR_FORMAT, kinds[i].name);
    }
    char tar[512] = "net/";
    memcpy(tar + 257, "ustar", 5);
    ck_assert_ptr_null(fv_tensor_file_parse(tar, sizeof tar));
    expect_error(FV_ERR_FORMAT, "a tar archive");
    ck_assert_ptr_null(fv_tensor_file_parse("\x20\0\0\0\0\0\0\0{\"a\":", 13));
    expect_error(FV_ERR_FORMAT, "damaged safetensors file: cut short");
}
END_TEST

/* --- any bytes ---------------------------------------------------------------------------------
 */

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

/* Changes a byte, takes a piece out, puts one in twice, or writes one of the signs of the format.
 */
static size_t mutate(unsigned char *bytes, size_t size, uint32_t *state)
{
    static const char signs[] = "{}[]:,\"\\0-9.eu\x00\xff";
    size_t at = next_random(state) % size, length = next_random(state) % 8 + 1;
    if (length > size - at) length = size - at;
    switch (next_random(state) % 4) {
    case 0: bytes[at] ^= (unsigned char)(1u << next_random(state) % 8); return size;
    case 1: memmove(bytes + at, bytes + at + length, size - at - length); return size - length;
    case 2: memmove(bytes + at + length, bytes + at, size - at); return size + length;
    default: bytes[at] = (unsigned char)signs[next_random(state) % (sizeof signs - 1)]; return size;
    }
}

/* A fraction of the mutants has the length of its header mended, so that more of the header counts.
 */
START_TEST(any_bytes_are_refused_or_read_and_do_no_harm)
{
    static const broken_file seed = {
        "{\"__metadata__\":{\"k\":\"v\\u00e4\"}," ENTRY("a", "F32", "[2,1]", "[0,8]") "," ENTRY(
            "b\xc3\xa9", "BOOL", "[3]", "[8,11]") "," ENTRY("c", "I64", "[0]", "[11,11]") "}",
        11, NULL};
    uint32_t state = 7;
    int taken = 0, runs = 0;
    fv_set_log(NULL, NULL);
    for (; runs < 20000; runs++) {
        FV_SCOPE;
        unsigned char bytes[1024];
        size_t size = assemble(&seed, bytes), data = seed.data;
        for (uint32_t k = next_random(&state) % 4 + 1; k > 0 && size > 0 && size < 1000; k--)
            size = mutate(bytes, size, &state);
        if (next_random(&state) % 2 && size > 8 + data) {
            fv_put_uint64(bytes, size - 8 - data);
        }
        unsigned char *exact = malloc(size ? size : 1);
        ck_assert_ptr_nonnull(exact);
        memcpy(exact, bytes, size);
        fv_tensor_file *file = fv_tensor_file_parse(exact, size);
        taken += file != NULL;
        ck_assert(file || fv_error_status() == FV_ERR_FORMAT);
        for (int64_t i = 0; i < fv_tensor_file_count(file); i++) {
            fv_tensor_file_read(file, i);
            fv_clear_error();
        }
        fv_clear_error();
        fv_tensor_file_free(file);
        free(exact);
    }
    printf("%d mutated files, %d of them read\n", runs, taken);
    ck_assert_int_gt(taken, 100);
    ck_assert_int_lt(taken, runs / 2);
}
END_TEST

/* --- while an error stands -------------------------------------------------------------------- */

static char logged[2048];

static void remember(const char *message, void *context)
{
    (void)context;
    snprintf(logged, sizeof logged, "%s", message);
}

START_TEST(nothing_is_saved_or_opened_while_an_error_stands)
{
    const char *name = "x";
    fv_tensor *x = fv_retain(fv_ones(2));
    ck_assert_int_eq(fv_save_tensors(path, &name, &x, 1, NULL, 0), FV_OK);
    fv_tensor_file *file = fv_tensor_file_open(path);
    ck_assert_ptr_nonnull(file);
    fv_set_log(remember, NULL);
    fv_fail(FV_ERR_SHAPE, "conv2d: the first error");
    ck_assert_int_eq(fv_save_tensors(path, &name, &x, 1, NULL, 0), FV_ERR_STATE);
    ck_assert_ptr_nonnull(strstr(logged, "save: "));
    ck_assert_ptr_nonnull(strstr(logged, path));
    ck_assert_ptr_nonnull(strstr(logged, "an error stands: conv2d: the first error"));
    logged[0] = '\0';
    ck_assert_ptr_null(fv_tensor_file_open(path));
    ck_assert_ptr_nonnull(strstr(logged, "open: "));
    logged[0] = '\0';
    ck_assert_ptr_null(fv_tensor_file_parse("", 0));
    ck_assert_ptr_nonnull(strstr(logged, "open: "));
    ck_assert(!fv_can_save(path));
    ck_assert(fv_failed(fv_tensor_file_read(file, 0)));
    ck_assert_str_eq(fv_error(), "conv2d: the first error");
    fv_clear_error();
    ck_assert(!fv_failed(fv_tensor_file_read(file, 0)));
    fv_set_log(fv_default_log, NULL);
    fv_tensor_file_free(file);
    fv_release(x);
}
END_TEST

/* --- byte order ---------------------------------------------------------------------------------
 */

START_TEST(bytes_are_turned_round_element_by_element)
{
    unsigned char bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
    static const unsigned char want[][16] = {
        {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
        {2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15},
        {4, 3, 2, 1, 8, 7, 6, 5, 12, 11, 10, 9, 16, 15, 14, 13},
        {8, 7, 6, 5, 4, 3, 2, 1, 16, 15, 14, 13, 12, 11, 10, 9},
    };
    for (int k = 0; k < 4; k++) {
        unsigned char turned[16];
        memcpy(turned, bytes, sizeof turned);
        fv_swap_elements(turned, (size_t)16 >> k, (size_t)1 << k);
        ck_assert_int_eq(memcmp(turned, want[k], 16), 0);
        fv_swap_elements(turned, (size_t)16 >> k, (size_t)1 << k);
        ck_assert_int_eq(memcmp(turned, bytes, 16), 0);
    }
    fv_swap_elements(NULL, 0, 8);
    ck_assert_uint_eq(fv_get_uint64(bytes), 0x0807060504030201u);
    fv_put_uint64(bytes, 0xF1F2F3F4F5F6F7F8u);
    ck_assert_int_eq(memcmp(bytes, "\xF8\xF7\xF6\xF5\xF4\xF3\xF2\xF1\x09", 9), 0);
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
    tcase_add_test(files_case, a_file_of_another_kind_is_told_from_a_damaged_one);
    tcase_add_test(files_case, any_bytes_are_refused_or_read_and_do_no_harm);
    tcase_add_test(files_case, nothing_is_saved_or_opened_while_an_error_stands);
    tcase_add_test(files_case, bytes_are_turned_round_element_by_element);
    tcase_add_test(files_case, a_file_that_shrinks_after_opening_is_an_error);
    tcase_add_test(files_case, the_file_keeps_to_the_umask);
    return suite;
}
