/* Shared helpers of the tests.
 *
 * Every tests/test_*.c defines fovea_suite(); support_main.c runs it in this process (no fork: GNU
 * OpenMP does not survive one) and then demands that fv_shutdown leaves nothing behind.
 *
 * Tests over the cases (tests/case.h) report through note_failure, go on with the next case and
 * assert no_failures() at their end, so that one run names every op that is wrong. The environment
 * limits them: FOVEA_TEST_OP=conv2d to the cases of that op (or, if there is none of that name, of
 * the ops whose name contains it), FOVEA_TEST_CASE='3x3, padding 1' to those of that name. */
#ifndef FOVEA_TESTS_SUPPORT_H
#define FOVEA_TESTS_SUPPORT_H

#include <check.h>

#include "fovea.h"
#include "tests/case.h"

/* --- the frame -------------------------------------------------------------------------------- */

/* Defined by each test program. */
Suite *fovea_suite(void);

/* A test case of a suite whose tests start and end with no standing error and default modes. */
TCase *add_case(Suite *suite, const char *name);

/* Records a failure of the running test. The first one of a context is printed, the others are
 * counted: they mostly have the same cause. */
void note_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* True when none was noted since the last call. */
bool no_failures(void);
/* What failures, a crash or a hang are blamed on. */
void set_context(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* The same for a case: "op/case: what". Its failures show how to run it alone. */
void set_case_context(const op_case *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Turns a fatal signal or `seconds` without a new context into a message with the context. */
void watch_crashes(unsigned seconds);

/* Asserts that an error of that status stands whose message contains part, and clears it. */
void expect_error(fv_status status, const char *part);

/* --- memory ----------------------------------------------------------------------------------- */

/* Remembers the live tensors, nodes and bytes; same_memory is true when they are the same again. */
typedef struct memory_mark {
    fv_memory_info info;
} memory_mark;
memory_mark mark_memory(void);
bool same_memory(memory_mark mark, char *difference, size_t size);

/* --- the cases of ops ------------------------------------------------------------------------- */

typedef enum layout {
    LAYOUT_CONTIGUOUS = 0,
    LAYOUT_CHANNELS_LAST,
    LAYOUT_TRANSPOSED,      /* the dimensions in reverse order in memory */
    LAYOUT_STEPPED,         /* every second element of a larger tensor */
    LAYOUT_BROADCAST_FIRST, /* stride 0 in the first dimension longer than 1 */
    LAYOUT_BROADCAST_LAST,  /* the same in the last one */
    LAYOUT_COUNT,
} layout;
const char *layout_name(layout order);
bool layout_fits(layout order, const fv_shape *shape);

/* The next case that FOVEA_TEST_OP and FOVEA_TEST_CASE let through; start with NULL. */
const op_case *next_case(const op_case *c);
bool op_is_wanted(const char *op);
bool all_cases_are_wanted(void);

/* Is it the first case of its op? Does it stand in a folder of that family? */
bool case_is_first(const op_case *c);
bool case_is_of(const op_case *c, const char *family);

bool fill_is_floating(case_fill fill);
/* Does the case have a floating input, so that it runs in both floating types? */
bool case_is_floating(const op_case *c);
/* The type of an input when the floating ones are `floating`. */
fv_dtype case_dtype(const op_case *c, int input, fv_dtype floating);

/* Values for an input: a function of op, case and input number alone, exact in float32. The caller
 * frees them. */
double *case_values(const op_case *c, int input);
double *fill_values(case_fill fill, int64_t limit, int64_t count, uint64_t seed);
/* Makes the values constant along the dimension that a broadcast layout repeats. */
void repeat_values(double *values, const fv_shape *shape, layout order);

/* A tensor of those values (row-major) in a memory order, owned by the innermost scope. */
fv_tensor *tensor_in_layout(const double *values, const fv_shape *shape, fv_dtype dtype,
                            layout order);

/* All inputs of a case. Inputs whose bit is set in `which` come in `order`, if it fits (buffers
 * only in orders without overlap); values follow the broadcast even when the order is not in
 * `which`, so that calls with different masks agree. With `grads` the differentiable ones require
 * a gradient. */
void case_inputs(const op_case *c, fv_dtype floating, layout order, uint32_t which, bool grads,
                 fv_tensor **x);

/* Runs the call with the random generator at a fixed state and gradients on, all outputs that it
 * does not set being NULL, and returns their number; 0 after an error. The twin runs every op's
 * reference loops. */
int case_run(const op_case *c, fv_tensor *const *x, fv_tensor **y);
int case_run_twin(const op_case *c, fv_tensor *const *x, fv_tensor **y);

/* The ops that this thread runs between start and stop, in gradients too. */
enum { RECORDED_OPS = 64 };
typedef struct op_record {
    int observer, calls, count;
    const fv_op *op[RECORDED_OPS]; /* each once */
} op_record;
void start_recording(op_record *record);
void stop_recording(op_record *record);
bool was_recorded(const op_record *record, const char *op);

/* Do its values depend on the memory order of its inputs, as the contract of the op says? It is so
 * for the ops that give random numbers to elements as they lie in memory. */
bool follows_memory_order(const op_case *c);

/* The tolerance of a case in a floating type. */
double case_tolerance(const op_case *c, fv_dtype floating);

/* The output gradient of the golden values: element k of output j. */
double fixed_gradient(int64_t k, int j);
fv_tensor *fixed_gradient_like(const fv_tensor *output, int j);

/* --- comparing -------------------------------------------------------------------------------- */

/* Same shape, same type, |a - b| <= tolerance * max(|b|, root mean square of b, 0.01); NaN equals
 * NaN. When not, message says in how many elements and shows the worst. */
bool tensors_close(const fv_tensor *a, const fv_tensor *b, double tolerance, char *message,
                   size_t size);
/* The same with other rules for infinities and NaN. */
typedef enum infinity_rule {
    INFINITIES_AGREE,  /* the rule of tensors_close */
    INFINITIES_MIX,    /* an infinity or NaN in one asks for an infinity or NaN in the other */
    INFINITIES_SPREAD, /* the same, and a may have them where b has not */
} infinity_rule;
bool tensors_close_by(const fv_tensor *a, const fv_tensor *b, double tolerance, infinity_rule rule,
                      char *message, size_t size);
/* Same shape, type and bits. */
bool tensors_same(const fv_tensor *a, const fv_tensor *b);

/* Asserts equality with values in row-major order. */
void assert_values(const fv_tensor *t, const double *values, int64_t count, double tolerance);
#define ASSERT_VALUES(t, tolerance, ...)                                                           \
    assert_values((t), (const double[]){__VA_ARGS__},                                              \
                  (int64_t)(sizeof((const double[]){__VA_ARGS__}) / sizeof(double)), (tolerance))

/* A small tensor from numbers: TENSOR(FV_FLOAT64, FV_SHAPE(2, 2), 1, 2, 3, 4). */
#define TENSOR(dtype, shape, ...) tensor_of((dtype), (shape), (const double[]){__VA_ARGS__})
fv_tensor *tensor_of(fv_dtype dtype, fv_shape shape, const double *values);

/* --- functions that the linker puts between, where it can; else these return false ------------ */

/* Kernels cut their work and open this many threads however small it is; 0 restores the policy. */
bool force_threads(int threads);

/* Blocks of more bytes are refused as if memory were out; 0 takes the limit away. */
bool limit_blocks(size_t bytes);

#endif
