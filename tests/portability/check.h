/* As much of the Check framework as the tests use, for systems that have no package of it. The
 * first assertion that fails ends the program. */
#ifndef FOVEA_TESTS_PORTABILITY_CHECK_H
#define FOVEA_TESTS_PORTABILITY_CHECK_H

#include <math.h>
#include <stdint.h>
#include <string.h>

typedef struct TTest {
    const char *name;
    void (*run)(int);
} TTest;
typedef void (*SFun)(void);
typedef struct TCase TCase;
typedef struct Suite Suite;
typedef struct SRunner SRunner;
enum fork_status { CK_FORK, CK_NOFORK };
enum print_output { CK_ENV, CK_NORMAL };

Suite *suite_create(const char *name);
void suite_add_tcase(Suite *suite, TCase *tcase);
TCase *tcase_create(const char *name);
void tcase_set_timeout(TCase *tcase, double seconds);
void tcase_add_checked_fixture(TCase *tcase, SFun setup, SFun teardown);
void tcase_add_test(TCase *tcase, const TTest *test);

/* CK_RUN_CASE=name runs one case alone. */
SRunner *srunner_create(Suite *suite);
void srunner_set_fork_status(SRunner *runner, enum fork_status status);
void srunner_run_all(SRunner *runner, enum print_output output);
int srunner_ntests_failed(SRunner *runner);
int srunner_ntests_run(SRunner *runner);
void srunner_free(SRunner *runner);

void check_failed(const char *file, int line, const char *format, ...)
    __attribute__((noreturn, format(printf, 3, 4)));

#define START_TEST(name)                                                                           \
    static void name##_run(int _i);                                                                \
    static const TTest name##_test = {#name, name##_run}, *const name = &name##_test;              \
    static void name##_run(int _i __attribute__((unused)))
#define END_TEST

#define ck_assert_msg(what, ...)                                                                   \
    ((what) ? (void)0 : check_failed(__FILE__, __LINE__, "" __VA_ARGS__))
#define ck_assert(what)   ck_assert_msg(what, "%s", #what)
#define ck_abort_msg(...) check_failed(__FILE__, __LINE__, __VA_ARGS__)

#define CHECK_AS(type, form, a, op, b)                                                             \
    do {                                                                                           \
        type check_a = (a);                                                                        \
        type check_b = (b);                                                                        \
        ck_assert_msg(check_a op check_b, "%s " #op " %s: " form ", " form, #a, #b, check_a,       \
                      check_b);                                                                    \
    } while (0)
#define CHECK_INT(a, op, b)    CHECK_AS(intmax_t, "%jd", a, op, b)
#define CHECK_UINT(a, op, b)   CHECK_AS(uintmax_t, "%ju", a, op, b)
#define CHECK_DOUBLE(a, op, b) CHECK_AS(double, "%.17g", a, op, b)
#define CHECK_PTR(a, op, b)    CHECK_AS(const void *, "%p", a, op, b)
#define CHECK_STR(a, op, b)                                                                        \
    do {                                                                                           \
        const char *check_a = (a), *check_b = (b);                                                 \
        ck_assert_msg(strcmp(check_a, check_b) op 0, "%s " #op " %s: \"%s\", \"%s\"", #a, #b,      \
                      check_a, check_b);                                                           \
    } while (0)

#define ck_assert_int_eq(a, b)                   CHECK_INT(a, ==, b)
#define ck_assert_int_ne(a, b)                   CHECK_INT(a, !=, b)
#define ck_assert_int_lt(a, b)                   CHECK_INT(a, <, b)
#define ck_assert_int_le(a, b)                   CHECK_INT(a, <=, b)
#define ck_assert_int_gt(a, b)                   CHECK_INT(a, >, b)
#define ck_assert_int_ge(a, b)                   CHECK_INT(a, >=, b)
#define ck_assert_uint_eq(a, b)                  CHECK_UINT(a, ==, b)
#define ck_assert_uint_ne(a, b)                  CHECK_UINT(a, !=, b)
#define ck_assert_uint_lt(a, b)                  CHECK_UINT(a, <, b)
#define ck_assert_uint_le(a, b)                  CHECK_UINT(a, <=, b)
#define ck_assert_uint_gt(a, b)                  CHECK_UINT(a, >, b)
#define ck_assert_uint_ge(a, b)                  CHECK_UINT(a, >=, b)
#define ck_assert_double_eq(a, b)                CHECK_DOUBLE(a, ==, b)
#define ck_assert_double_lt(a, b)                CHECK_DOUBLE(a, <, b)
#define ck_assert_double_le(a, b)                CHECK_DOUBLE(a, <=, b)
#define ck_assert_double_gt(a, b)                CHECK_DOUBLE(a, >, b)
#define ck_assert_double_ge(a, b)                CHECK_DOUBLE(a, >=, b)
#define ck_assert_double_eq_tol(a, b, tolerance) CHECK_DOUBLE(fabs((a) - (b)), <=, tolerance)
#define ck_assert_ptr_eq(a, b)                   CHECK_PTR(a, ==, b)
#define ck_assert_ptr_ne(a, b)                   CHECK_PTR(a, !=, b)
#define ck_assert_ptr_null(a)                    CHECK_PTR(a, ==, NULL)
#define ck_assert_ptr_nonnull(a)                 CHECK_PTR(a, !=, NULL)
#define ck_assert_str_eq(a, b)                   CHECK_STR(a, ==, b)
#define ck_assert_str_ne(a, b)                   CHECK_STR(a, !=, b)
#define ck_assert_mem_eq(a, b, n)                ck_assert_msg(memcmp(a, b, n) == 0, "%s == %s", #a, #b)

#endif
