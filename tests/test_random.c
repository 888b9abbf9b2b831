/* Random numbers: Philox against its published vectors, moments, and independence of the number of
 * threads and instruction sets. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "tensor/kernels/isa.h"

enum { DRAWS = 200000 };

/* Philox 4x32-10 with the whole 128-bit counter, as the paper has it. */
static void philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c[4], k0 = key[0], k1 = key[1];
    memcpy(c, counter, sizeof c);
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)0xD2511F53u * c[0], p1 = (uint64_t)0xCD9E8D57u * c[2];
        uint32_t next[4] = {(uint32_t)(p1 >> 32) ^ c[1] ^ k0, (uint32_t)p1,
                            (uint32_t)(p0 >> 32) ^ c[3] ^ k1, (uint32_t)p0};
        memcpy(c, next, sizeof c);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    memcpy(out, c, sizeof c);
}

START_TEST(philox_gives_the_published_numbers)
{
    /* Random123, kat_vectors: philox4x32 10 */
    static const struct {
        uint32_t counter[4], key[2], out[4];
    } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    uint32_t out[4];
    for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
        philox(known[k].counter, known[k].key, out);
        ck_assert_mem_eq(out, known[k].out, sizeof out);
    }
    fv_philox((fv_rng_state){0, 0}, 0, out);
    ck_assert_mem_eq(out, known[0].out, sizeof out);
}
END_TEST

START_TEST(philox_counts_blocks_and_takes_the_seed_as_key)
{
    static const fv_rng_state states[] = {
        {1, 0}, {0x123456789abcdef0u, 77}, {UINT64_MAX, ((uint64_t)1 << 32) - 2}};
    for (size_t k = 0; k < sizeof states / sizeof states[0]; k++) {
        for (uint64_t i = 0; i < 5; i++) {
            uint64_t block = states[k].offset + i;
            uint32_t counter[4] = {(uint32_t)block, (uint32_t)(block >> 32), 0, 0};
            uint32_t key[2] = {(uint32_t)states[k].seed, (uint32_t)(states[k].seed >> 32)};
            uint32_t out[4], wanted[4];
            philox(counter, key, wanted);
            fv_philox(states[k], i, out);
            ck_assert_mem_eq(out, wanted, sizeof out);
        }
    }
}
END_TEST

START_TEST(the_same_seed_gives_the_same_numbers)
{
    FV_SCOPE {
        fv_manual_seed(42);
        fv_tensor *first = fv_randn(FV_SHAPE(1000));
        fv_rng_state state = fv_get_rng_state();
        fv_tensor *second = fv_randn(FV_SHAPE(1000));
        ck_assert(!tensors_same(first, second));
        fv_set_rng_state(state);
        ck_assert(tensors_same(second, fv_randn(FV_SHAPE(1000))));
        fv_manual_seed(42);
        ck_assert(tensors_same(first, fv_randn(FV_SHAPE(1000))));
        fv_manual_seed(43);
        ck_assert(!tensors_same(first, fv_randn(FV_SHAPE(1000))));
    }
}
END_TEST

START_TEST(draws_reserve_blocks_that_never_overlap)
{
    fv_manual_seed(5);
    fv_rng_state a = fv_rng_reserve(10), b = fv_rng_reserve(1), c = fv_rng_reserve(0);
    ck_assert_uint_eq(a.seed, 5);
    ck_assert_uint_eq(b.offset, a.offset + 10);
    ck_assert_uint_eq(c.offset, b.offset + 1);
    FV_SCOPE {
        fv_tensor *x = fv_rand(FV_SHAPE(3));
        fv_tensor *y = fv_rand(FV_SHAPE(3));
        ck_assert(!tensors_same(x, y));
    }
}
END_TEST

static fv_tensor *draw_all(void)
{
    fv_manual_seed(9);
    fv_tensor *parts[] = {fv_rand(FV_SHAPE(DRAWS)), fv_randn(FV_SHAPE(DRAWS)),
                          fv_to(fv_randint(-50, 1000, FV_SHAPE(DRAWS)), FV_FLOAT32),
                          fv_bernoulli(fv_full(FV_SHAPE(DRAWS), 0.3)),
                          fv_to(fv_randperm(DRAWS), FV_FLOAT32)};
    return fv_cat(((fv_tensor_list){parts, 5}), .dim = 0);
}

START_TEST(numbers_do_not_depend_on_threads_or_instruction_sets)
{
    int threads = fv_get_num_threads();
    FV_SCOPE {
        fv_set_num_threads(1);
        fv_tensor *wanted = draw_all();
        ck_assert_str_eq(fv_error(), "");
        for (int n = 2; n <= 3; n++) {
            fv_set_num_threads(n);
            ck_assert_msg(tensors_same(draw_all(), wanted), "other bits with %d threads", n);
        }
        for (fv_isa level = 0; level < fv_isa_count(); level++) {
            if (!fv_isa_available(level)) continue;
            fv_set_isa(level);
            ck_assert_msg(tensors_same(draw_all(), wanted), "other bits at level %s",
                          fv_isa_name(level));
        }
    }
    fv_set_isa(fv_isa_best());
    fv_set_num_threads(threads);
}
END_TEST

/* --- distributions ---------------------------------------------------------------------------- */

typedef struct moments {
    double mean, variance, skew, least, most;
} moments;

static moments measure(const fv_tensor *t)
{
    moments m = {0, 0, 0, (double)INFINITY, -(double)INFINITY};
    double *v = malloc((size_t)t->numel * sizeof(double)), n = (double)t->numel;
    ck_assert_ptr_nonnull(v);
    fv_copy_out(t, FV_FLOAT64, v);
    for (int64_t k = 0; k < t->numel; k++) {
        m.mean += v[k] / n;
        m.least = fmin(m.least, v[k]);
        m.most = fmax(m.most, v[k]);
    }
    for (int64_t k = 0; k < t->numel; k++) {
        m.variance += pow(v[k] - m.mean, 2) / n;
        m.skew += pow(v[k] - m.mean, 3) / n;
    }
    free(v);
    return m;
}

#define ASSERT_NEAR(value, wanted, bound)                                                          \
    ck_assert_msg(fabs((value) - (wanted)) <= (bound), #value " is %g, should be %g", (value),     \
                  (double)(wanted))

START_TEST(distributions_have_their_moments)
{
    fv_manual_seed(2024);
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1))
        FV_SCOPE {
            moments uniform = measure(fv_rand(FV_SHAPE(DRAWS), d));
            ASSERT_NEAR(uniform.mean, 0.5, 0.005);
            ASSERT_NEAR(uniform.variance, 1.0 / 12, 0.002);
            ck_assert(uniform.least >= 0.0 && uniform.most < 1.0);
            moments normal = measure(fv_randn(FV_SHAPE(DRAWS), d));
            ASSERT_NEAR(normal.mean, 0.0, 0.015);
            ASSERT_NEAR(normal.variance, 1.0, 0.02);
            ASSERT_NEAR(normal.skew, 0.0, 0.05);
            ck_assert(normal.least > -8.0 && normal.most < 8.0);
        }
    FV_SCOPE {
        moments whole = measure(fv_randint(-2, 3, FV_SHAPE(DRAWS)));
        ASSERT_NEAR(whole.mean, 0.0, 0.02);
        ASSERT_NEAR(whole.variance, 2.0, 0.05);
        ck_assert(whole.least == -2.0 && whole.most == 2.0);
        moments coin = measure(fv_bernoulli(fv_full(FV_SHAPE(DRAWS), 0.25)));
        ASSERT_NEAR(coin.mean, 0.25, 0.005);
        ASSERT_NEAR(measure(fv_bernoulli(fv_zeros(FV_SHAPE(1000)))).most, 0, 0);
        ASSERT_NEAR(measure(fv_bernoulli(fv_ones(FV_SHAPE(1000)))).least, 1, 0);
    }
}
END_TEST

START_TEST(a_permutation_has_every_number_once)
{
    enum { COUNT = 1000 };
    int seen[COUNT] = {0}, fixed = 0;
    FV_SCOPE {
        const int64_t *p = fv_data_int64(fv_randperm(COUNT));
        for (int k = 0; k < COUNT; k++) {
            ck_assert(p[k] >= 0 && p[k] < COUNT);
            seen[p[k]]++;
            fixed += p[k] == k;
        }
        ck_assert_int_eq(fv_randperm(0)->numel, 0);
    }
    for (int k = 0; k < COUNT; k++) ck_assert_int_eq(seen[k], 1);
    ck_assert_int_lt(fixed, 20);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("random");
    TCase *random_case = add_case(suite, "random");
    tcase_add_test(random_case, philox_gives_the_published_numbers);
    tcase_add_test(random_case, philox_counts_blocks_and_takes_the_seed_as_key);
    tcase_add_test(random_case, the_same_seed_gives_the_same_numbers);
    tcase_add_test(random_case, draws_reserve_blocks_that_never_overlap);
    tcase_add_test(random_case, numbers_do_not_depend_on_threads_or_instruction_sets);
    tcase_add_test(random_case, distributions_have_their_moments);
    tcase_add_test(random_case, a_permutation_has_every_number_once);
    return suite;
}
