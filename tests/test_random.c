/* Random numbers: Philox against its published vectors, moments, independence of the number of
 * threads and instruction sets, and dropout's share of them. */
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
    FV_SCOPE;
    fv_manual_seed(42);
    fv_tensor *first = fv_randn(1000);
    fv_rng_state state = fv_get_rng_state();
    fv_tensor *second = fv_randn(1000);
    ck_assert(!tensors_same(first, second));
    fv_set_rng_state(state);
    ck_assert(tensors_same(second, fv_randn(1000)));
    fv_manual_seed(42);
    ck_assert(tensors_same(first, fv_randn(1000)));
    fv_manual_seed(43);
    ck_assert(!tensors_same(first, fv_randn(1000)));
}
END_TEST

START_TEST(draws_reserve_blocks_that_never_overlap)
{
    fv_manual_seed(5);
    fv_rng_state a = fv_rng_reserve(10), b = fv_rng_reserve(1), c = fv_rng_reserve(0);
    ck_assert_uint_eq(a.seed, 5);
    ck_assert_uint_eq(b.offset, a.offset + 10);
    ck_assert_uint_eq(c.offset, b.offset + 1);
    {
        FV_SCOPE;
        fv_tensor *x = fv_rand(3);
        fv_tensor *y = fv_rand(3);
        ck_assert(!tensors_same(x, y));
    }
}
END_TEST

static fv_tensor *draw_all(void)
{
    fv_manual_seed(9);
    fv_tensor *parts[] = {fv_rand(DRAWS), fv_randn(DRAWS),
                          fv_to(fv_randint(DRAWS, .low = -50, .high = 1000), FV_FLOAT32),
                          fv_bernoulli(fv_full(DRAWS, .value = 0.3)),
                          fv_to(fv_randperm(DRAWS), FV_FLOAT32)};
    return fv_cat(((fv_tensor_list){parts, 5}), .dim = 0);
}

START_TEST(numbers_do_not_depend_on_threads_or_instruction_sets)
{
    int threads = fv_get_num_threads();
    {
        FV_SCOPE;
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
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        FV_SCOPE;
        moments uniform = measure(fv_rand(DRAWS, .dtype = d));
        ASSERT_NEAR(uniform.mean, 0.5, 0.005);
        ASSERT_NEAR(uniform.variance, 1.0 / 12, 0.002);
        ck_assert(uniform.least >= 0.0 && uniform.most < 1.0);
        moments normal = measure(fv_randn(DRAWS, .dtype = d));
        ASSERT_NEAR(normal.mean, 0.0, 0.015);
        ASSERT_NEAR(normal.variance, 1.0, 0.02);
        ASSERT_NEAR(normal.skew, 0.0, 0.05);
        ck_assert(normal.least > -8.0 && normal.most < 8.0);
    }
    {
        FV_SCOPE;
        moments whole = measure(fv_randint(DRAWS, .low = -2, .high = 3));
        ASSERT_NEAR(whole.mean, 0.0, 0.02);
        ASSERT_NEAR(whole.variance, 2.0, 0.05);
        ck_assert(whole.least == -2.0 && whole.most == 2.0);
        moments coin = measure(fv_bernoulli(fv_full(DRAWS, .value = 0.25)));
        ASSERT_NEAR(coin.mean, 0.25, 0.005);
        coin = measure(fv_bernoulli(fv_full(DRAWS, .value = 0.25, .dtype = FV_FLOAT64)));
        ASSERT_NEAR(coin.mean, 0.25, 0.005);
        ASSERT_NEAR(measure(fv_bernoulli(fv_zeros(1000))).most, 0, 0);
        ASSERT_NEAR(measure(fv_bernoulli(fv_ones(1000))).least, 1, 0);
    }
}
END_TEST

/* Box and Muller by the C library in double, from the words that each block of the draw has: every
 * sign and digit, which no moment shows. */
static double normal_by_hand(fv_dtype dtype, fv_rng_state state, int64_t i)
{
    const double turn = 6.283185307179586476925;
    uint32_t w[4];
    if (dtype == FV_FLOAT32) {
        fv_philox(state, (uint64_t)i / 4, w);
        int pair = i % 4 < 2 ? 0 : 2; /* radius and angle of two numbers */
        double u = (double)(((float)w[pair] + 0.5f) * 0x1p-32f); /* rounded, as there */
        double radius = sqrt(-2.0 * log(u));
        double angle = turn * (double)w[pair + 1] * 0x1p-32;
        return radius * (i % 2 ? sin(angle) : cos(angle));
    }
    fv_philox(state, (uint64_t)i / 2, w);
    uint64_t a = (uint64_t)w[0] << 32 | w[1], b = (uint64_t)w[2] << 32 | w[3];
    double radius = sqrt(-2.0 * log((double)(a >> 11) * 0x1p-53 + 0x1p-54));
    double angle = turn * (double)(b >> 11) * 0x1p-53;
    return radius * (i % 2 ? sin(angle) : cos(angle));
}

START_TEST(normal_numbers_are_those_of_box_and_muller)
{
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        FV_SCOPE;
        fv_manual_seed(77);
        fv_rng_state state = fv_get_rng_state();
        fv_tensor *t = fv_randn(DRAWS, .dtype = d);
        double worst = 0;
        for (int64_t i = 0; i < DRAWS; i++) {
            double got = fv_at(t, (const int64_t[]){i}), want = normal_by_hand(d, state, i);
            worst = fmax(worst, isnan(got) ? (double)INFINITY : fabs(got - want));
        }
        ck_assert_double_le(worst, (d == FV_FLOAT32 ? 2e-6 : 1e-14));
    }
}
END_TEST

/* --- dropout ---------------------------------------------------------------------------------- */

/* Which elements of a dropout on n ones are kept. */
static void draw_mask(int64_t n, bool *kept)
{
    FV_SCOPE;
    fv_tensor *y = fv_dropout(fv_ones(n), 0.5);
    for (int64_t i = 0; i < n; i++) kept[i] = fv_at(y, (const int64_t[]){i}) != 0;
}

/* The mask of a call is not the end of an earlier one, moved to the front: both would then come
 * from the same random numbers. */
START_TEST(consecutive_dropouts_share_no_random_numbers)
{
    enum { N = 1001, CALLS = 4, LEAST = 64 };
    static bool kept[CALLS][N];
    fv_manual_seed(11);
    for (int k = 0; k < CALLS; k++) draw_mask(N, kept[k]);
    for (int a = 0; a < CALLS; a++)
        for (int b = a + 1; b < CALLS; b++)
            for (int64_t shift = 0; shift + LEAST <= N; shift++)
                ck_assert_msg(memcmp(kept[a] + shift, kept[b], (size_t)(N - shift)) != 0,
                              "call %d continues what call %d had from element %d on", b, a,
                              (int)shift);
}
END_TEST

/* However few elements there are: n of them take n / 4 blocks, rounded up. */
START_TEST(dropout_reserves_what_it_uses)
{
    for (int64_t n = 0; n < 40; n++) {
        FV_SCOPE;
        uint64_t before = fv_get_rng_state().offset;
        fv_tensor *ones = fv_ones(n);
        fv_dropout(ones, 0.5);
        ck_assert_uint_eq(fv_get_rng_state().offset - before, (uint64_t)(n + 3) / 4);
        fv_dropout(ones, 0.5, .training = false);
        fv_dropout(ones, 0.0);
        ck_assert_uint_eq(fv_get_rng_state().offset - before, (uint64_t)(n + 3) / 4);
    }
}
END_TEST

START_TEST(dropout2d_drops_whole_channels)
{
    enum { N = 40, C = 50 };
    {
        FV_SCOPE;
        fv_manual_seed(5);
        fv_tensor *x = fv_rand(N, C, 2, 3);
        fv_tensor *y = fv_dropout2d(x, 0.25);
        int kept = 0;
        for (int64_t n = 0; n < N; n++)
            for (int64_t c = 0; c < C; c++) {
                bool here = fv_at(y, (const int64_t[]){n, c, 0, 0}) != 0;
                kept += here;
                for (int64_t i = 0; i < 6; i++) {
                    const int64_t at[] = {n, c, i / 3, i % 3};
                    ck_assert_double_eq_tol(fv_at(y, at), here ? fv_at(x, at) / 0.75 : 0, 1e-6);
                }
            }
        ck_assert_double_eq_tol(kept / (double)(N * C), 0.75, 0.05);
        ck_assert_ptr_eq(fv_dropout2d(x, 0.25, .training = false), x);
        fv_set_log(NULL, NULL);
        ck_assert(fv_failed(fv_dropout2d(fv_ones(3))));
        expect_error(FV_ERR_SHAPE, "1 dimensions");
    }
}
END_TEST

START_TEST(a_permutation_has_every_number_once)
{
    enum { COUNT = 1000 };
    int seen[COUNT] = {0}, fixed = 0;
    {
        FV_SCOPE;
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

/* A thread may draw from a state of its own for a while; the process-wide generator stays put. */
START_TEST(draws_can_be_redirected)
{
    FV_SCOPE;
    fv_manual_seed(3);
    fv_tensor *need = fv_rand(9);
    fv_manual_seed(7);
    fv_rng_state own = {.seed = 3, .offset = 0}, inner = {.seed = 4, .offset = 0};
    ck_assert_ptr_null(fv_rng_redirect(&own));
    ck_assert(tensors_same(fv_rand(9), need));
    ck_assert_uint_eq(own.offset, 3);
    ck_assert_uint_eq(fv_get_rng_state().seed, 3);
    ck_assert_ptr_eq(fv_rng_redirect(&inner), &own);
    fv_manual_seed(5);
    ck_assert_uint_eq(inner.seed, 5);
    ck_assert_ptr_eq(fv_rng_redirect(&own), &inner);
    ck_assert_uint_eq(own.seed, 3);
    ck_assert_ptr_eq(fv_rng_redirect(NULL), &own);
    ck_assert_uint_eq(fv_get_rng_state().seed, 7);
    ck_assert_uint_eq(fv_get_rng_state().offset, 0);
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
    tcase_add_test(random_case, normal_numbers_are_those_of_box_and_muller);
    tcase_add_test(random_case, a_permutation_has_every_number_once);
    TCase *dropout = add_case(suite, "dropout");
    tcase_add_test(dropout, consecutive_dropouts_share_no_random_numbers);
    tcase_add_test(dropout, dropout_reserves_what_it_uses);
    tcase_add_test(dropout, dropout2d_drops_whole_channels);
    tcase_add_test(dropout, draws_can_be_redirected);
    return suite;
}
