/* Shared helpers: the frame of the test programs, memory marks and comparisons. */
#define _GNU_SOURCE /* program_invocation_name */
#include "support.h"
#include "tensor/parallel.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char context[256];
static const op_case *context_case, *last_shown; /* whose command was shown last */
static unsigned hang_seconds;
static int noted, noted_here; /* since no_failures, and in this context */

/* --- the frame -------------------------------------------------------------------------------- */

static void reset_state(void)
{
    fv_clear_error();
    fv_set_log(fv_default_log, NULL);
    fv_set_grad_enabled(true);
    fv_inject_alloc_failure(-1);
    force_threads(0);
    limit_blocks(0);
    fv_use_reference(false);
    fv_set_intercept(NULL, NULL);
    context[0] = '\0';
}

TCase *add_case(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);
    tcase_set_timeout(tcase, 0);
    tcase_add_checked_fixture(tcase, reset_state, reset_state);
    suite_add_tcase(suite, tcase);
    return tcase;
}

/* The command that runs only the case of the context. */
static void show_command(void)
{
    if (!context_case || context_case == last_shown) return;
    last_shown = context_case;
    printf("  alone: FOVEA_TEST_OP=%s FOVEA_TEST_CASE='%s' %s\n", context_case->op,
           context_case->name, program_invocation_name);
}

static void close_context(void)
{
    if (noted_here > 1 && noted < 200) printf("  and %d more\n", noted_here - 1);
    noted_here = 0;
}

void note_failure(const char *format, ...)
{
    va_list args;
    noted++;
    if (noted_here++ > 0 || noted > 2000) return;
    printf("FAILED %s%s", context, context[0] ? ": " : "");
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    show_command();
    if (noted == 2000) printf("FAILED: further failures are not shown\n");
    fflush(stdout);
}

bool no_failures(void)
{
    bool none = noted == 0;
    close_context();
    noted = 0;
    context[0] = '\0';
    context_case = last_shown = NULL;
    return none;
}

static void tell_context(void)
{
    static const char begin[] = "\nfatal, while at: ";
    ssize_t written = write(STDERR_FILENO, begin, sizeof begin - 1);
    written += write(STDERR_FILENO, context, strlen(context));
    written += write(STDERR_FILENO, "\n", 1);
    (void)written;
}

#if !defined(__SANITIZE_ADDRESS__) && defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

static void die_of_signal(int number)
{
    tell_context();
    signal(number, SIG_DFL);
    raise(number);
}

static void watch_the_clock(void)
{
    if (hang_seconds == 0) return;
    signal(SIGALRM, die_of_signal); /* Check has put its own handler in the meantime */
    alarm(hang_seconds);
}

void set_context(const char *format, ...)
{
    va_list args;
    close_context();
    context_case = NULL;
    va_start(args, format);
    vsnprintf(context, sizeof context, format, args);
    va_end(args);
    watch_the_clock();
}

void set_case_context(const op_case *c, const char *format, ...)
{
    va_list args;
    close_context();
    context_case = c;
    int length = snprintf(context, sizeof context, "%s/%s", c->op, c->name);
    if (length < 0 || (size_t)length + 2 >= sizeof context) length = 0;
    memcpy(context + length, ": ", 3);
    va_start(args, format);
    vsnprintf(context + length + 2, sizeof context - (size_t)length - 2, format, args);
    va_end(args);
    watch_the_clock();
}

#ifdef __SANITIZE_ADDRESS__
extern void __sanitizer_set_death_callback(void (*callback)(void));
#endif

void watch_crashes(unsigned seconds)
{
    hang_seconds = seconds;
#ifdef __SANITIZE_ADDRESS__
    __sanitizer_set_death_callback(tell_context);
#else
    signal(SIGSEGV, die_of_signal);
    signal(SIGFPE, die_of_signal);
    signal(SIGBUS, die_of_signal);
    signal(SIGILL, die_of_signal);
    signal(SIGABRT, die_of_signal);
#endif
}

void expect_error(fv_status status, const char *part)
{
    ck_assert_msg(fv_error_status() == status, "status %d, not %d; the error is \"%s\"",
                  (int)fv_error_status(), (int)status, fv_error());
    ck_assert_msg(strstr(fv_error(), part) != NULL, "\"%s\" does not contain \"%s\"", fv_error(),
                  part);
    fv_clear_error();
    ck_assert_str_eq(fv_error(), "");
}

/* --- memory ----------------------------------------------------------------------------------- */

memory_mark mark_memory(void)
{
    return (memory_mark){fv_memory_stats()};
}

bool same_memory(memory_mark mark, char *difference, size_t size)
{
    fv_memory_info now = fv_memory_stats();
    if (now.live_tensors == mark.info.live_tensors && now.live_nodes == mark.info.live_nodes &&
        now.live_bytes == mark.info.live_bytes)
        return true;
    snprintf(difference, size, "%+lld tensors, %+lld nodes, %+lld bytes",
             (long long)(now.live_tensors - mark.info.live_tensors),
             (long long)(now.live_nodes - mark.info.live_nodes),
             (long long)(now.live_bytes - mark.info.live_bytes));
    return false;
}

/* --- comparing -------------------------------------------------------------------------------- */

static double *copy_as_doubles(const fv_tensor *t)
{
    double *values = malloc(((size_t)t->numel + 1) * sizeof(double));
    if (values && fv_copy_out(t, FV_FLOAT64, values) == FV_OK) return values;
    free(values);
    return NULL;
}

static double root_mean_square(const double *values, int64_t count)
{
    double sum = 0;
    int64_t finite = 0;
    for (int64_t k = 0; k < count; k++) {
        if (!isfinite(values[k])) continue;
        sum += values[k] * values[k];
        finite++;
    }
    return finite ? sqrt(sum / (double)finite) : 0.0;
}

static bool values_close(double a, double b, double tolerance, double scale)
{
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    if (isinf(a) || isinf(b)) return isinf(a) && isinf(b) && signbit(a) == signbit(b);
    return fabs(a - b) <= tolerance * fmax(fabs(b), scale);
}

/* "[1,0,2]" of element k. */
static void coordinates_text(const fv_shape *shape, int64_t k, char *text, size_t size)
{
    int64_t inner = fv_shape_numel(shape);
    size_t used = (size_t)snprintf(text, size, "[");
    for (int d = 0; d < shape->ndim && used < size; d++) {
        inner /= shape->dim[d];
        used += (size_t)snprintf(text + used, size - used, "%s%lld", d ? "," : "",
                                 (long long)(k / inner % shape->dim[d]));
    }
    if (used < size) snprintf(text + used, size - used, "]");
}

/* Differences of infinities and NaN are beyond all others. */
static double distance(double a, double b)
{
    double difference = fabs(a - b);
    return isnan(difference) ? (double)INFINITY : difference;
}

/* The elements a of a tensor of that shape against b, whose scale counts as no less than least. */
static bool doubles_close(const double *a, const double *b, const fv_shape *shape, double tolerance,
                          double least, char *message, size_t size)
{
    int64_t count = fv_shape_numel(shape), wrong = 0, worst = 0;
    double scale = fmax(root_mean_square(b, count), least);
    char where[128];
    for (int64_t k = 0; k < count; k++) {
        if (values_close(a[k], b[k], tolerance, scale)) continue;
        if (wrong++ == 0 || distance(a[k], b[k]) > distance(a[worst], b[worst])) worst = k;
    }
    if (wrong == 0) return true;
    coordinates_text(shape, worst, where, sizeof where);
    snprintf(message, size, "%s: %lld of %lld elements differ, worst at %s: %.12g, should be %.12g",
             fv_shape_text(shape), (long long)wrong, (long long)count, where, a[worst], b[worst]);
    return false;
}

static bool same_kind(const fv_tensor *a, const fv_tensor *b, char *message, size_t size)
{
    if (fv_failed(a) || fv_failed(b)) {
        snprintf(message, size, "a failed tensor (%s)", fv_error());
        return false;
    }
    fv_shape shape_a = fv_shape_of(a), shape_b = fv_shape_of(b);
    if (!fv_shape_equal(&shape_a, &shape_b) || a->dtype != b->dtype) {
        snprintf(message, size, "%s %s, should be %s %s", fv_dtype_name(a->dtype),
                 fv_shape_text(&shape_a), fv_dtype_name(b->dtype), fv_shape_text(&shape_b));
        return false;
    }
    return true;
}

/* Rewrites the values so that equality is what the rule asks for. */
static void apply_rule(double *a, double *b, int64_t count, infinity_rule rule)
{
    for (int64_t k = 0; k < count && rule != INFINITIES_AGREE; k++) {
        if (!isfinite(a[k])) a[k] = (double)NAN;
        if (!isfinite(b[k]) || (rule == INFINITIES_SPREAD && isnan(a[k]))) b[k] = (double)NAN;
    }
}

/* Sums that are 0 but for rounding have no scale of their own. */
#define LEAST_SCALE 0.01

bool tensors_close_by(const fv_tensor *a, const fv_tensor *b, double tolerance, infinity_rule rule,
                      char *message, size_t size)
{
    if (!same_kind(a, b, message, size)) return false;
    double *values_a = copy_as_doubles(a), *values_b = copy_as_doubles(b);
    bool close = false;
    if (values_a && values_b) {
        apply_rule(values_a, values_b, a->numel, rule);
        fv_shape shape = fv_shape_of(a);
        close = doubles_close(values_a, values_b, &shape, tolerance, LEAST_SCALE, message, size);
    } else {
        snprintf(message, size, "cannot be read: %s", fv_error());
    }
    free(values_a);
    free(values_b);
    return close;
}

bool tensors_close(const fv_tensor *a, const fv_tensor *b, double tolerance, char *message,
                   size_t size)
{
    return tensors_close_by(a, b, tolerance, INFINITIES_AGREE, message, size);
}

bool tensors_same(const fv_tensor *a, const fv_tensor *b)
{
    char ignored[256];
    if (!same_kind(a, b, ignored, sizeof ignored)) return false;
    size_t bytes = (size_t)a->numel * fv_dtype_size(a->dtype);
    void *bits_a = calloc(1, bytes + 1), *bits_b = calloc(1, bytes + 1);
    bool same = bits_a && bits_b && fv_copy_out(a, a->dtype, bits_a) == FV_OK &&
                fv_copy_out(b, b->dtype, bits_b) == FV_OK && memcmp(bits_a, bits_b, bytes) == 0;
    free(bits_a);
    free(bits_b);
    return same;
}

void assert_values(const fv_tensor *t, const double *values, int64_t count, double tolerance)
{
    char message[256];
    ck_assert_msg(!fv_failed(t), "a failed tensor: %s", fv_error());
    ck_assert_msg(t->numel == count, "%lld elements, should be %lld", (long long)t->numel,
                  (long long)count);
    double *found = copy_as_doubles(t);
    ck_assert_ptr_nonnull(found);
    fv_shape shape = fv_shape_of(t);
    bool close = doubles_close(found, values, &shape, tolerance, 0, message, sizeof message);
    free(found);
    ck_assert_msg(close, "%s", message);
}

/* --- functions that the linker puts between --------------------------------------------------- */

#ifdef FOVEA_LINKER_WRAPS
int __real_fv_threads_for(fv_machine machine, double nanoseconds);
int __wrap_fv_threads_for(fv_machine machine, double nanoseconds);
int64_t __real_fv_chunks_for(double nanoseconds, int64_t units);
int64_t __wrap_fv_chunks_for(double nanoseconds, int64_t units);
void *__real_fv_block_alloc(size_t bytes, size_t *capacity);
void *__wrap_fv_block_alloc(size_t bytes, size_t *capacity);
static int forced_threads;
static size_t largest_block;

int __wrap_fv_threads_for(fv_machine machine, double nanoseconds)
{
    if (forced_threads == 0) return __real_fv_threads_for(machine, nanoseconds);
    return forced_threads;
}

/* The same number for any forced number of threads: chunks come from shapes alone. */
int64_t __wrap_fv_chunks_for(double nanoseconds, int64_t units)
{
    enum { CHUNKS = 5 };
    if (forced_threads == 0) return __real_fv_chunks_for(nanoseconds, units);
    return units < 1 ? 1 : units < CHUNKS ? units : CHUNKS;
}

void *__wrap_fv_block_alloc(size_t bytes, size_t *capacity)
{
    if (largest_block && bytes > largest_block) return NULL;
    return __real_fv_block_alloc(bytes, capacity);
}

bool force_threads(int threads)
{
    forced_threads = threads;
    return true;
}

bool limit_blocks(size_t bytes)
{
    largest_block = bytes;
    return true;
}
#else
bool force_threads(int threads)
{
    return threads == 0;
}

bool limit_blocks(size_t bytes)
{
    return bytes == 0;
}
#endif
