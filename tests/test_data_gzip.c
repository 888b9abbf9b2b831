/* gzip files of images: every length to which one can be cut off, every byte of its trailer,
 * several members, and what else may lie behind one. */
#include "data_files.h"

enum { MOST = 70000 };
static uint8_t plain[MOST], packed[2 * MOST];

/* An IDX file of 1 x 1 images with so many bytes in all, in plain; its labels on disk. */
static void make_images(size_t bytes)
{
    const uint32_t count = (uint32_t)bytes - 16, header[] = {0x803, count, 1, 1};
    static uint8_t labels[8 + MOST];
    for (int i = 0; i < 4; i++) put_number(plain + 4 * i, header[i]);
    for (size_t i = 16; i < bytes; i++) plain[i] = (uint8_t)(i * i + i / 256);
    put_number(labels, 0x801);
    put_number(labels + 4, count);
    write_file("labels", labels, 8 + count);
}

static fv_dataset *read_packed(size_t bytes)
{
    write_file("images", packed, bytes);
    return fv_idx_dataset(path_of("images"), path_of("labels"));
}

/* Reads the first bytes of packed: they must be the images of plain, whose file has count bytes. */
static void must_read(size_t bytes, size_t count)
{
    fv_dataset *set = read_packed(bytes);
    ck_assert_msg(set != NULL, "%zu bytes: %s", bytes, fv_error());
    ck_assert_int_eq(fv_dataset_size(set), (int64_t)count - 16);
    FV_SCOPE;
    for (int64_t i = 0; i < fv_dataset_size(set); i += 1 + (int64_t)count / 50) {
        fv_tensor *x;
        ck_assert_int_eq(fv_dataset_get(set, i, &x, NULL), FV_OK);
        ck_assert(fv_item(x) == (double)((float)plain[16 + i] / 255.0f));
    }
    fv_free(set);
}

static void must_refuse(size_t bytes, const char *what, size_t at)
{
    fv_dataset *set = read_packed(bytes);
    ck_assert_msg(!set, "%s %zu of %zu bytes passed", what, at, bytes);
    expect_error(FV_ERR_FORMAT, "/images: ");
}

START_TEST(every_length_is_too_short)
{
    if (!have_zlib()) return;
    make_images(16 + 60);
    const size_t n = gzip(plain, 16 + 60, packed);
    must_read(n, 16 + 60);
    for (size_t cut = 1; cut <= n; cut++) must_refuse(n - cut, "cut off by", cut);
}
END_TEST

/* The trailer lies on every side of a border of 8 KiB and of 64 KiB, where reads may end. */
START_TEST(trailers_are_read_wherever_they_lie)
{
    if (!have_zlib()) return;
    static const size_t borders[] = {8192, 16384, 65536};
    for (size_t b = 0; b < sizeof borders / sizeof *borders; b++)
        for (size_t n = borders[b] - 1; n <= borders[b] + 9; n++) {
            const size_t count = n - 23;
            make_images(count);
            ck_assert_uint_eq(gzip(plain, count, packed), n);
            must_read(n, count);
            for (size_t cut = 1; cut <= 9; cut++) must_refuse(n - cut, "cut off by", cut);
            for (size_t at = n - 8; at < n; at++)
                for (int bit = 0; bit < 8; bit += 7) {
                    packed[at] ^= (uint8_t)(1 << bit);
                    must_refuse(n, "a change at", at);
                    packed[at] ^= (uint8_t)(1 << bit);
                }
        }
}
END_TEST

/* Also where .limit takes only a part, and in the labels. */
START_TEST(a_part_is_compared_with_the_checksum_too)
{
    if (!have_zlib()) return;
    make_images(20000);
    size_t n = gzip(plain, 20000, packed);
    packed[n - 5] ^= 1;
    write_file("images", packed, n);
    ck_assert_ptr_null(fv_idx_dataset(path_of("images"), path_of("labels"), .limit = 3));
    expect_error(FV_ERR_FORMAT, "after 20000 of 20000 bytes");
    write_file("images", plain, 20000);
    uint8_t *labels = plain; /* of as many images */
    put_number(labels, 0x801);
    put_number(labels + 4, 20000 - 16);
    n = gzip(labels, 20000 - 8, packed);
    packed[n - 1] ^= 1;
    write_file("labels", packed, n);
    ck_assert_ptr_null(fv_idx_dataset(path_of("images"), path_of("labels"), .limit = 3));
    expect_error(FV_ERR_FORMAT, "/labels: ");
}
END_TEST

START_TEST(messages_say_how_far_it_came)
{
    if (!have_zlib()) return;
    make_images(60000);
    size_t n = gzip(plain, 60000, packed);
    ck_assert_ptr_null(read_packed(15 + 40000));
    expect_error(FV_ERR_FORMAT, "its gzip stream breaks off after 40000 of 60000 bytes");
    packed[n - 8] ^= 1;
    ck_assert_ptr_null(read_packed(n));
    expect_error(FV_ERR_FORMAT, "incorrect data check after 60000 of 60000 bytes: damaged");
    n = gzip(plain, 50000, packed);
    ck_assert_ptr_null(read_packed(n));
    expect_error(FV_ERR_FORMAT, "ends after 50000 of 60000 bytes (unpacked)");
    n = gzip(plain, 60001, packed);
    ck_assert_ptr_null(read_packed(n));
    expect_error(FV_ERR_FORMAT, "unpacks to more than the 60000 bytes");
    n = gzip(plain, 16, packed);
    memset(packed + n, 0, 100);
    ck_assert_ptr_null(read_packed(n + 100));
    expect_error(FV_ERR_FORMAT, "ends after 16 of 60000 bytes");
    ck_assert_ptr_null(read_packed(n));
    expect_error(FV_ERR_FORMAT, "promises 60000 bytes, more than 39 packed bytes can hold");
}
END_TEST

/* plain cut into members at the given places; returns the size of packed. */
static size_t members(const size_t *ends, int count)
{
    size_t n = 0, from = 0;
    for (int i = 0; i < count; from = ends[i++])
        n += gzip(plain + from, ends[i] - from, packed + n);
    return n;
}

START_TEST(members_follow_one_another)
{
    if (!have_zlib()) return;
    enum { N = 16 + 200 };
    static const struct {
        int count;
        size_t ends[4];
    } cases[] = {{2, {100, N}}, {2, {0, N}}, {2, {N, N}}, {3, {3, 17, N}}, {4, {50, 50, 51, N}}};
    make_images(N);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const size_t n = members(cases[k].ends, cases[k].count);
        must_read(n, N);
        for (size_t at = n - 8; at < n; at++) {
            packed[at] ^= 4;
            must_refuse(n, "a change at", at);
            packed[at] ^= 4;
        }
        const size_t empty = cases[k].ends[cases[k].count - 2] == N ? 23 : 0; /* may be missing */
        for (size_t cut = 1; cut < n; cut++)
            if (cut != empty) must_refuse(n - cut, "cut off by", cut);
    }
}
END_TEST

/* Zeros fill up tapes and pass; nothing else does. */
START_TEST(what_lies_behind_is_told)
{
    if (!have_zlib()) return;
    enum { N = 16 + 50 };
    make_images(N);
    const size_t n = gzip(plain, N, packed);
    memset(packed + n, 0, 512);
    must_read(n + 1, N);
    must_read(n + 512, N);
    packed[n + 100] = 'x';
    must_refuse(n + 512, "a byte at", n + 100);
    for (int byte = 1; byte < 256; byte++) {
        packed[n] = (uint8_t)byte;
        must_refuse(n + 1, "a byte at", n);
    }
    memcpy(packed + n, "\x1f\x8b\x07", 3);
    must_refuse(n + 3, "no member at", n);
}
END_TEST

START_TEST(headers_may_have_a_name)
{
    if (!have_zlib()) return;
    enum { N = 16 + 50 };
    static const char name[] = "train-images-idx3-ubyte";
    make_images(N);
    size_t n = gzip(plain, N, packed);
    memmove(packed + 10 + sizeof name, packed + 10, n - 10);
    memcpy(packed + 10, name, sizeof name);
    packed[3] = 8;
    n += sizeof name;
    must_read(n, N);
    for (size_t cut = 1; cut <= n; cut++) must_refuse(n - cut, "cut off by", cut);
}
END_TEST

/* The same with a file that gzip has really packed, if there is one: 10,000 labels. */
START_TEST(a_real_file_is_too_short_at_every_length)
{
    FILE *f = fopen("/usr/share/datasets/fashion-mnist/t10k-labels-idx1-ubyte.gz", "rb");
    if (!f || !have_zlib()) return;
    const size_t n = fread(packed, 1, sizeof packed, f);
    fclose(f);
    make_images(16 + 10000);
    write_file("images", plain, 16 + 10000);
    for (size_t bytes = 0; bytes <= n; bytes++) {
        write_file("labels", packed, bytes);
        fv_dataset *set = fv_idx_dataset(path_of("images"), path_of("labels"), .classes = 10);
        ck_assert_msg(!set == (bytes < n), "%zu of %zu bytes: %s", bytes, n, fv_error());
        fv_free(set);
        fv_clear_error();
    }
    for (size_t at = n - 8; at < n; at++) {
        packed[at] ^= 0x10;
        write_file("labels", packed, n);
        ck_assert_ptr_null(fv_idx_dataset(path_of("images"), path_of("labels")));
        fv_clear_error();
        packed[at] ^= 0x10;
    }
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("data gzip");
    TCase *files = add_case(suite, "gzip");
    tcase_add_checked_fixture(files, make_root, remove_root);
    tcase_add_test(files, every_length_is_too_short);
    tcase_add_test(files, trailers_are_read_wherever_they_lie);
    tcase_add_test(files, a_part_is_compared_with_the_checksum_too);
    tcase_add_test(files, messages_say_how_far_it_came);
    tcase_add_test(files, members_follow_one_another);
    tcase_add_test(files, what_lies_behind_is_told);
    tcase_add_test(files, headers_may_have_a_name);
    tcase_add_test(files, a_real_file_is_too_short_at_every_length);
    return suite;
}
