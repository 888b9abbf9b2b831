/* Matrix products against plain loops: every level and engine, both types, every order of the
 * operands, sizes that no tile, vector or block divides, and the same bits for any number of
 * threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "tensor/kernels/product/gemm.h"

enum { GUARD = 7 }; /* elements of C's rows that no product may touch */

typedef enum order { PLAIN, TRANSPOSED, STEPPED, REVERSED, EXPANDED, ORDERS } order;

typedef struct sizes {
    int64_t m, n, k;
} sizes;

/* Operands of a product in memory of their own. */
typedef struct problem {
    fv_gemm g;
    fv_gemm_operands o;
    void *a, *b, *c, *bias; /* what is freed */
    int64_t count, c_elements;
} problem;

/* --- problems --------------------------------------------------------------------------------- */

static uint64_t state;

/* In (-1, 1), exact in float. */
static double next_value(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)((int64_t)(state >> 44) - (1 << 19)) / (1 << 19);
}

static void put(fv_dtype dtype, void *data, int64_t i, double value)
{
    if (dtype == FV_FLOAT64)
        ((double *)data)[i] = value;
    else
        ((float *)data)[i] = (float)value;
}

static double get(fv_dtype dtype, const void *data, int64_t i)
{
    return dtype == FV_FLOAT64 ? ((const double *)data)[i] : (double)((const float *)data)[i];
}

static void *random_elements(fv_dtype dtype, int64_t count)
{
    void *data = malloc((size_t)(count + 1) * fv_dtype_size(dtype));
    ck_assert_ptr_nonnull(data);
    for (int64_t i = 0; i < count; i++) put(dtype, data, i, next_value());
    return data;
}

/* Strides of a [rows, columns] matrix and where its first element lies in 4 * rows * columns. */
static int64_t matrix_strides(order how, int64_t rows, int64_t columns, int64_t *rs, int64_t *cs)
{
    *rs = columns;
    *cs = 1;
    switch (how) {
    case TRANSPOSED:
        *rs = 1;
        *cs = rows;
        return 0;
    case STEPPED:
        *rs = 3 * columns + 1;
        *cs = 2;
        return 0;
    case REVERSED: *rs = -columns; return rows > 0 ? (rows - 1) * columns : 0;
    case EXPANDED: *rs = 0; return 0;
    default: return 0;
    }
}

static problem make_problem(fv_dtype dtype, sizes s, order of_a, order of_b)
{
    problem p = {.g = {.dtype = dtype, .m = s.m, .n = s.n, .k = s.k}, .count = 1};
    state = (uint64_t)(s.m * 31 + s.n * 37 + s.k * 41 + 1);
    p.g.c_rs = s.n + GUARD;
    p.c_elements = s.m * p.g.c_rs;
    p.a = random_elements(dtype, 4 * s.m * s.k + 4);
    p.b = random_elements(dtype, 4 * s.k * s.n + 4);
    p.c = random_elements(dtype, p.c_elements);
    p.bias = random_elements(dtype, 3 * s.n);
    int64_t a = matrix_strides(of_a, s.m, s.k, &p.g.a_rs, &p.g.a_cs);
    int64_t b = matrix_strides(of_b, s.k, s.n, &p.g.b_rs, &p.g.b_cs);
    size_t size = fv_dtype_size(dtype);
    p.o = (fv_gemm_operands){.a = (char *)p.a + (size_t)a * size,
                             .b = (char *)p.b + (size_t)b * size,
                             .c = p.c,
                             .bias = p.bias};
    return p;
}

static void free_problem(problem *p)
{
    free(p->a);
    free(p->b);
    free(p->c);
    free(p->bias);
}

/* --- running ---------------------------------------------------------------------------------- */

static void *copy_of_c(const problem *p)
{
    size_t bytes = (size_t)p->c_elements * fv_dtype_size(p->g.dtype);
    void *copy = malloc(bytes + 1);
    ck_assert_ptr_nonnull(copy);
    memcpy(copy, p->c, bytes);
    return copy;
}

/* Memory full of NaN, with a margin behind that nobody may touch. */
static signed char *fresh(size_t bytes)
{
    signed char *memory = aligned_alloc(64, bytes / 64 * 64 + 128);
    ck_assert_ptr_nonnull(memory);
    memset(memory, 0xff, bytes / 64 * 64 + 128);
    return memory;
}

static void check_margin(const signed char *memory, size_t bytes)
{
    for (int i = 0; i < 64; i++) ck_assert_int_eq(memory[bytes + (size_t)i], -1);
}

/* What the product makes of C's old elements, in scratch of exactly the size that was asked for. */
static void *run_plan(const problem *p, const fv_gemm_plan *plan, const void *b, const void *packed)
{
    fv_scratch need = {0};
    fv_gemm_layout(plan, &need);
    signed char *scratch = fresh(need.used);
    fv_gemm_operands o = p->o;
    o.b = b;
    o.packed_b = packed;
    o.c = copy_of_c(p);
    fv_gemm_run(plan, &o, need.used ? scratch : NULL);
    check_margin(scratch, need.used);
    free(scratch);
    return o.c;
}

static int packed_runs;

/* The same with B packed before, if it can be: the very bits of C, and B itself is not read. */
static void check_packed(const problem *p, fv_gemm_plan plan, const void *c)
{
    const size_t bytes = fv_gemm_packed_bytes(&plan);
    if (bytes == 0) return;
    signed char *packed = fresh(bytes);
    fv_gemm_pack(&plan, p->o.b, packed);
    check_margin(packed, bytes);
    plan.packed_b = true;
    void *found = run_plan(p, &plan, NULL, packed);
    ck_assert_mem_eq(found, c, (size_t)p->c_elements * fv_dtype_size(p->g.dtype));
    packed_runs++;
    free(found);
    free(packed);
}

/* Returns C. */
static void *run(const problem *p, fv_machine machine, fv_gemm_engine engine)
{
    fv_gemm_plan plan;
    plan.g = p->g;
    fv_gemm_make_plan(&plan, machine, engine);
    ck_assert_int_le(plan.threads, machine.threads);
    void *c = run_plan(p, &plan, p->o.b, NULL);
    check_packed(p, plan, c);
    return c;
}

static void *run_reference(const problem *p)
{
    fv_gemm_operands o = p->o;
    o.c = copy_of_c(p);
    fv_gemm_reference(&p->g, &o);
    return o.c;
}

/* Rounding grows with the length of the sums; a missing or doubled product is far beyond it. Also
 * finds writes between the rows of C. */
static void compare(const problem *p, const void *found, const void *wanted, const char *where)
{
    double unit = p->g.dtype == FV_FLOAT64 ? 1e-15 : 3e-7;
    for (int64_t i = 0; i < p->c_elements; i++) {
        double x = get(p->g.dtype, found, i), y = get(p->g.dtype, wanted, i);
        bool guard = i % p->g.c_rs >= p->g.n;
        if (guard ? x == y : fabs(x - y) <= unit * (double)(p->g.k + 16)) continue;
        note_failure("%s: m %lld n %lld k %lld strides %lld,%lld %lld,%lld: %s[%lld,%lld] is %g, "
                     "should be %g",
                     where, (long long)p->g.m, (long long)p->g.n, (long long)p->g.k,
                     (long long)p->g.a_rs, (long long)p->g.a_cs, (long long)p->g.b_rs,
                     (long long)p->g.b_cs, guard ? "gap behind C" : "C", (long long)(i / p->g.c_rs),
                     (long long)(i % p->g.c_rs), x, y);
        return;
    }
}

static fv_machine machine_of(int threads, fv_isa isa)
{
    return (fv_machine){.threads = threads, .isa = isa};
}

static const char *engine_name(fv_gemm_engine engine)
{
    return engine == FV_GEMM_BLIS ? "BLIS" : "own";
}

/* Every level with the own kernels, and BLIS, which chooses by itself. */
static void check(const problem *p)
{
    void *wanted = run_reference(p);
    for (fv_isa level = 0; level < fv_isa_count(); level++) {
        if (!fv_isa_available(level)) continue;
        void *found = run(p, machine_of(1, level), FV_GEMM_OWN);
        compare(p, found, wanted, fv_isa_name(level));
        free(found);
    }
    void *found = run(p, machine_of(1, fv_isa_best()), FV_GEMM_BLIS);
    compare(p, found, wanted, "BLIS");
    free(found);
    free(wanted);
}

/* --- values ----------------------------------------------------------------------------------- */

static const sizes odd_sizes[] = {
    {1, 1, 1},     {5, 3, 2},      {1, 40, 9},    {2, 33, 70},    {40, 1, 9},     {13, 17, 33},
    {7, 70, 5},    {37, 53, 129},  {12, 32, 256}, {25, 65, 257},  {61, 19, 600},  {3, 70, 1030},
    {70, 2, 1030}, {33, 47, 1030}, {250, 33, 40}, {20, 1030, 40}, {245, 519, 30}, {48, 64, 770},
};

START_TEST(every_size_and_order_gives_the_values_of_plain_loops)
{
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        for (size_t i = 0; i < sizeof odd_sizes / sizeof *odd_sizes; i++) {
            for (int orders = 0; orders < ORDERS * ORDERS; orders++) {
                problem p = make_problem(d, odd_sizes[i], (order)(orders / ORDERS),
                                         (order)(orders % ORDERS));
                p.g.bias = orders % 2 == 0;
                p.g.bias_stride = orders % 4 == 0 ? 1 : 3;
                p.g.accumulate = orders % 3 == 0;
                p.g.relu = orders % 5 == 0;
                check(&p);
                free_problem(&p);
            }
        }
    }
    ck_assert(no_failures());
}
END_TEST

START_TEST(every_combination_of_bias_accumulation_and_relu)
{
    static const int64_t depths[] = {0, 520, 2600};
    for (int bits = 0; bits < 16; bits++) {
        for (int i = 0; i < 3; i++) {
            problem p = make_problem(FV_FLOAT32, (sizes){14, 35, depths[i]}, PLAIN, PLAIN);
            p.g.bias = bits & 1;
            p.g.bias_stride = bits & 2 ? 3 : 1;
            p.g.accumulate = bits & 4;
            p.g.relu = bits & 8;
            check(&p);
            free_problem(&p);
        }
    }
    ck_assert(no_failures());
}
END_TEST

START_TEST(empty_products)
{
    static const sizes empty[] = {{0, 5, 7}, {5, 0, 7}, {5, 7, 0}, {0, 0, 7}, {5, 0, 0}, {0, 0, 0}};
    for (size_t i = 0; i < sizeof empty / sizeof *empty; i++) {
        for (int bits = 0; bits < 4; bits++) {
            problem p = make_problem(FV_FLOAT32, empty[i], PLAIN, bits & 2 ? TRANSPOSED : PLAIN);
            p.g.bias = bits & 1;
            p.g.bias_stride = 1;
            check(&p);
            free_problem(&p);
        }
    }
    ck_assert(no_failures());
}
END_TEST

/* --- batches ---------------------------------------------------------------------------------- */

/* Batches of [2,1,4] and [3,1], or of one operand only: b stays the same one in some dimensions,
 * so that some fold into rows. C is dense. */
static problem make_batched(fv_dtype dtype, sizes s, uint32_t a_moves, uint32_t b_moves)
{
    problem p = make_problem(dtype, s, PLAIN, PLAIN);
    static const int64_t batch[] = {2, 3, 4};
    int64_t a = s.m * s.k, b = s.k * s.n;
    free_problem(&p);
    p.g.c_rs = s.n;
    p.g.batch_ndim = 3;
    p.count = 24;
    p.c_elements = p.count * s.m * s.n;
    for (int d = 2; d >= 0; d--) {
        p.g.batch[d] = batch[d];
        p.g.a_batch[d] = a_moves >> d & 1 ? a : 0;
        p.g.b_batch[d] = b_moves >> d & 1 ? b : 0;
        if (a_moves >> d & 1) a *= batch[d];
        if (b_moves >> d & 1) b *= batch[d];
    }
    p.a = random_elements(dtype, a);
    p.b = random_elements(dtype, b);
    p.c = random_elements(dtype, p.c_elements);
    p.bias = random_elements(dtype, s.n);
    p.g.bias = true;
    p.g.bias_stride = 1;
    p.o = (fv_gemm_operands){.a = p.a, .b = p.b, .c = p.c, .bias = p.bias};
    return p;
}

static void same_bits(const problem *p, fv_isa level, fv_gemm_engine engine)
{
    size_t bytes = (size_t)p->c_elements * fv_dtype_size(p->g.dtype);
    void *wanted = run(p, machine_of(1, level), engine);
    static const int threads[] = {2, 3, 8, 16};
    for (int i = 0; i < 4; i++) {
        void *found = run(p, machine_of(threads[i], level), engine);
        if (memcmp(found, wanted, bytes) != 0)
            note_failure("%s at %s: m %lld n %lld k %lld, %lld products: other bits with %d "
                         "threads",
                         engine_name(engine), fv_isa_name(level), (long long)p->g.m,
                         (long long)p->g.n, (long long)p->g.k, (long long)p->count, threads[i]);
        free(found);
    }
    free(wanted);
}

START_TEST(batches_of_each_kind)
{
    static const sizes of[] = {{1, 1, 3}, {1, 5, 4}, {4, 1, 6}, {5, 6, 7}, {33, 34, 35}};
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        for (size_t i = 0; i < sizeof of / sizeof *of; i++) {
            for (uint32_t moves = 0; moves < 64; moves++) {
                problem p = make_batched(d, of[i], moves & 7, moves >> 3);
                check(&p);
                if (moves % 9 == 7) same_bits(&p, fv_isa_best(), FV_GEMM_OWN);
                free_problem(&p);
            }
        }
    }
    ck_assert(no_failures());
}
END_TEST

/* --- sums cut along k ------------------------------------------------------------------------- */

static int64_t parts_along_k(const problem *p, int threads)
{
    fv_gemm_plan plan;
    plan.g = p->g;
    fv_gemm_make_plan(&plan, machine_of(threads, fv_isa_best()), FV_GEMM_OWN);
    return plan.by_k;
}

/* Whole blocks and others, dots, few rows whose B is read in place, two products that follow each
 * other. */
START_TEST(long_sums_of_small_results_are_cut)
{
    static const sizes of[] = {{24, 40, 13000}, {35, 47, 3031}, {3, 2, 50001}, {16, 70, 3001}};
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        for (int i = 0; i < 32; i++) {
            const sizes s = of[i / 8];
            const int orders = i % 4, count = i % 8 < 4 ? 1 : 2;
            problem p = make_problem(d, (sizes){s.m * count, s.n, s.k}, PLAIN,
                                     orders & 1 ? TRANSPOSED : PLAIN);
            p.g.m = s.m;
            if (orders & 2) p.g.a_rs = 1, p.g.a_cs = s.m;
            p.g.batch_ndim = count - 1;
            p.g.batch[0] = count;
            p.g.a_batch[0] = s.m * s.k;
            p.g.b_batch[0] = s.k * s.n;
            p.g.bias = p.g.relu = orders > 1;
            p.g.bias_stride = 1;
            if (orders & 2) /* else A is read in place, and cutting along n may be as good */
                ck_assert_int_ge(parts_along_k(&p, 1), i < 8 ? 4 : 2);
            ck_assert_int_eq(parts_along_k(&p, 8), parts_along_k(&p, 1));
            check(&p);
            same_bits(&p, fv_isa_best(), FV_GEMM_OWN);
            free_problem(&p);
        }
    }
    ck_assert(no_failures());
}
END_TEST

/* --- threads ---------------------------------------------------------------------------------- */

/* Large enough to be cut: square, tall, wide, deep, few columns or rows along k, partial sums that
 * are shared out, parts of few rows. */
static const sizes shared_sizes[] = {
    {203, 307, 801}, {1201, 130, 270}, {130, 1201, 270}, {70, 90, 1030},   {2901, 2, 700},
    {2, 2901, 700},  {1100, 1100, 30}, {520, 1030, 265}, {80, 150, 4200},  {48, 32, 1000},
    {1555, 255, 40}, {255, 1555, 40},  {1555, 100, 150}, {100, 1555, 190}, {1555, 180, 700},
};

START_TEST(bits_do_not_depend_on_threads)
{
    for (fv_dtype d = FV_FLOAT32; d <= FV_FLOAT64; d = (fv_dtype)(d + 1)) {
        for (size_t i = 0; i < sizeof shared_sizes / sizeof *shared_sizes; i++) {
            for (int orders = d == FV_FLOAT64 ? 3 : 0; orders < 4; orders++) {
                problem p = make_problem(d, shared_sizes[i], orders & 1 ? TRANSPOSED : PLAIN,
                                         orders & 2 ? TRANSPOSED : PLAIN);
                p.g.bias = orders == 2;
                p.g.bias_stride = 1;
                for (fv_isa level = 0; level < fv_isa_count(); level++)
                    if (fv_isa_available(level)) same_bits(&p, level, FV_GEMM_OWN);
                same_bits(&p, fv_isa_best(), FV_GEMM_BLIS);
                free_problem(&p);
            }
        }
    }
    ck_assert(no_failures());
}
END_TEST

START_TEST(large_products_are_cut_and_right)
{
    for (size_t i = 0; i < sizeof shared_sizes / sizeof *shared_sizes; i++) {
        problem p = make_problem(FV_FLOAT32, shared_sizes[i], i % 3 == 2 ? TRANSPOSED : PLAIN,
                                 i % 2 ? TRANSPOSED : PLAIN);
        fv_gemm_plan plan;
        plan.g = p.g;
        fv_gemm_make_plan(&plan, machine_of(8, fv_isa_best()), FV_GEMM_OWN);
        ck_assert_int_ge(plan.by_m * plan.by_n * plan.by_k, 2);
        ck_assert_int_ge(plan.threads, 2);
        char text[64];
        fv_gemm_describe(&plan, text, sizeof text);
        ck_assert_ptr_nonnull(strstr(text, " parts"));
        void *wanted = run_reference(&p);
        for (int engine = FV_GEMM_OWN; engine <= FV_GEMM_BLIS; engine++) {
            void *found = run(&p, machine_of(3, fv_isa_best()), (fv_gemm_engine)engine);
            compare(&p, found, wanted, engine_name((fv_gemm_engine)engine));
            free(found);
        }
        free(wanted);
        free_problem(&p);
    }
    ck_assert(no_failures());
}
END_TEST

/* A layer of a perceptron, 128 samples: 0.5 ms of one core, of which 16 threads take a part each.
 */
START_TEST(there_is_a_part_for_each_thread)
{
    problem p = make_problem(FV_FLOAT32, (sizes){128, 512, 784}, PLAIN, TRANSPOSED);
    for (int threads = 2; threads <= 16; threads *= 2) {
        fv_gemm_plan plan;
        plan.g = p.g;
        fv_gemm_make_plan(&plan, machine_of(threads, fv_isa_best()), FV_GEMM_OWN);
        ck_assert_int_ge(plan.by_m * plan.by_n, threads);
        ck_assert_int_eq(plan.threads, threads);
    }
    free_problem(&p);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("gemm");
    TCase *values = add_case(suite, "values");
    tcase_add_test(values, every_size_and_order_gives_the_values_of_plain_loops);
    tcase_add_test(values, every_combination_of_bias_accumulation_and_relu);
    tcase_add_test(values, empty_products);
    tcase_add_test(values, batches_of_each_kind);
    tcase_add_test(values, long_sums_of_small_results_are_cut);
    TCase *threads = add_case(suite, "threads");
    tcase_add_test(threads, bits_do_not_depend_on_threads);
    tcase_add_test(threads, large_products_are_cut_and_right);
    tcase_add_test(threads, there_is_a_part_for_each_thread);
    return suite;
}
