/* Shared helpers of the tests.
 *
 * Every tests/test_*.c defines fovea_suite(); support_main.c runs it in this process (no fork: GNU
 * OpenMP does not survive one) and then demands that fv_shutdown leaves nothing behind.
 *
 * Tests over the registry report through note_failure, go on with the next case and assert
 * no_failures() at their end, so that one run names every op that is wrong. FOVEA_TEST_OP=conv2d
 * in the environment limits them to the ops whose name contains that word. */
#ifndef FOVEA_TESTS_SUPPORT_H
#define FOVEA_TESTS_SUPPORT_H

#include <check.h>

#include "fovea.h"

/* --- the frame -------------------------------------------------------------------------------- */

/* Defined by each test program. */
Suite *fovea_suite(void);

/* A test case of a suite whose tests start and end with no standing error and default modes. */
TCase *add_case(Suite *suite, const char *name);

/* Records a failure of the running test and prints it, with the context if one is set. */
void note_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* True when none was noted since the last call. */
bool no_failures(void);
/* What a crash or a hang is blamed on: "op/case: what". */
void set_context(const char *format, ...) __attribute__((format(printf, 1, 2)));
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

/* The next op that FOVEA_TEST_OP lets through; start with NULL. */
const fv_op_entry *next_op(const fv_op_entry *entry);

bool fill_is_floating(fv_case_fill fill);
/* Does the case have a floating input, so that it runs in both floating types? */
bool case_is_floating(const fv_case *c);
/* The type of an input when the floating ones are `floating`. */
fv_dtype case_dtype(const fv_case *c, int input, fv_dtype floating);

/* Values for an input: a function of op, case and input number alone, exact in float32. The caller
 * frees them. */
double *case_values(const fv_op *op, const fv_case *c, int input);
double *fill_values(fv_case_fill fill, int64_t limit, int64_t count, uint64_t seed);
/* Makes the values constant along the dimension that a broadcast layout repeats. */
void repeat_values(double *values, const fv_shape *shape, layout order);

/* A tensor of those values (row-major) in a memory order, owned by the innermost scope. */
fv_tensor *tensor_in_layout(const double *values, const fv_shape *shape, fv_dtype dtype,
                            layout order);

/* All inputs of a case. Inputs whose bit is set in `which` come in `order`, if it fits (buffers
 * only in orders without overlap); values follow the broadcast even when the order is not in
 * `which`, so that calls with different masks agree. With `grads` the differentiable ones require
 * a gradient. */
void case_inputs(const fv_op *op, const fv_case *c, fv_dtype floating, layout order, uint32_t which,
                 bool grads, fv_tensor **in);

/* fv_apply_all on a case, with the random generator at a fixed state. */
fv_status case_apply(const fv_op *op, const fv_case *c, fv_tensor *const *in, fv_tensor **out);

/* Does the contract of the op say that its values depend on the memory order of its inputs? It is
 * so for the ops that give random numbers to elements as they lie in memory. */
bool follows_memory_order(const fv_op *op);

/* A copy of the op that runs the reference kernel; it must outlive what it made. */
fv_op reference_twin(const fv_op *op);

/* The tolerance of a case in a floating type. */
double case_tolerance(const fv_case *c, fv_dtype floating);

/* The output gradient of the golden values: element k of output j. */
double fixed_gradient(int64_t k, int j);
fv_tensor *fixed_gradient_like(const fv_tensor *output, int j);

/* --- comparing -------------------------------------------------------------------------------- */

/* Same shape, same type, |a - b| <= tolerance * max(|b|, root mean square of b); NaN equals NaN.
 * When not, message says where. */
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
