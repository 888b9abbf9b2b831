/* The instruction-set levels: every row of the table, and names that mean nothing. */
#include <stdlib.h>
#include <string.h>

#include "support.h"
#include "tensor/kernels/isa.h"
#include "tensor/kernels/product/gemm_tile.h"
#include "tensor/machine.h"

static char warning[512];
static fv_isa at_first; /* the level that FOVEA_ISA=nonsense gave */

static void keep_warning(const char *message, void *context)
{
    (void)context;
    strncpy(warning, message, sizeof warning - 1);
}

/* Does the warning name exactly the levels of this machine? */
static bool lists_the_levels(const char *after)
{
    const char *list = strstr(warning, after);
    for (fv_isa level = 0; list && level < fv_isa_count(); level++) {
        char name[64];
        snprintf(name, sizeof name, " %s", fv_isa_name(level));
        const char *found = strstr(list, name);
        bool whole = found && strchr(", ", found[strlen(name)]); /* or the end */
        if (whole != fv_isa_available(level)) return false;
    }
    return list != NULL;
}

START_TEST(an_unknown_name_in_the_environment_is_warned_about)
{
    ck_assert_int_eq(at_first, fv_isa_best());
    ck_assert_ptr_nonnull(strstr(warning, "FOVEA_ISA=nonsense means nothing"));
    ck_assert(lists_the_levels("takes"));
}
END_TEST

START_TEST(every_level_can_be_forced_by_number_and_by_name)
{
    fv_set_log(keep_warning, NULL);
    ck_assert_int_ge(fv_isa_count(), 1);
    ck_assert(fv_isa_available(0));
    for (fv_isa level = 0; level < fv_isa_count(); level++) {
        const char *name = fv_isa_name(level);
        for (fv_isa other = 0; other < level; other++) ck_assert_str_ne(name, fv_isa_name(other));
        fv_isa wanted = fv_isa_available(level) ? level : fv_isa_best();
        ck_assert_int_eq(fv_set_isa(level), wanted);
        ck_assert_int_eq(fv_isa_level(), wanted);
        ck_assert_int_eq(fv_machine_now().isa, wanted);
        fv_set_isa(0);
        warning[0] = 0;
        ck_assert(fv_set_isa_named(name) == fv_isa_available(level));
        ck_assert_int_eq(fv_isa_level(), fv_isa_available(level) ? level : 0);
        ck_assert(fv_isa_available(level) == !warning[0]);
    }
    fv_set_isa(fv_isa_best());
}
END_TEST

START_TEST(the_best_level_is_the_last_one_that_the_processor_has)
{
    fv_isa best = fv_isa_best();
    ck_assert(fv_isa_available(best));
    for (fv_isa level = best + 1; level < fv_isa_count(); level++)
        ck_assert(!fv_isa_available(level));
}
END_TEST

START_TEST(what_is_no_level_is_told)
{
    fv_set_log(keep_warning, NULL);
    fv_isa before = fv_isa_level();
    ck_assert(!fv_isa_available(-1));
    ck_assert(!fv_isa_available(fv_isa_count()));
    ck_assert_str_eq(fv_isa_name(-1), "unknown");
    ck_assert_str_eq(fv_isa_name(fv_isa_count()), "unknown");
    fv_set_isa(0);
    warning[0] = 0;
    ck_assert(!fv_set_isa_named("sse9"));
    ck_assert_ptr_nonnull(strstr(warning, "'sse9' is unknown"));
    ck_assert(lists_the_levels("has:"));
    ck_assert_int_eq(fv_isa_level(), 0);
    ck_assert_int_eq(fv_set_isa(fv_isa_count()), fv_isa_best());
    ck_assert_int_eq(fv_set_isa(-1), fv_isa_best());
    fv_set_isa(before);
}
END_TEST

/* A row with its sizes, as the kernels were compiled, against what C reads from the table. */
#define SIZES_OF(a, b, name, vbytes, registers, mr, nr, kc, ...) {#name, vbytes, mr, nr, kc},

START_TEST(kernels_have_the_sizes_of_their_row)
{
    static const struct {
        const char *name;
        int vbytes, mr, nr, kc;
    } rows[] = {FV_ISA_LEVELS(SIZES_OF, , )};
    ck_assert_int_eq((int)(sizeof rows / sizeof *rows), fv_isa_count());
    for (fv_isa level = 0; level < fv_isa_count(); level++) {
        const fv_tile_kernels *k = FV_ISA_PICK(fv_tile_kernels_, level);
        ck_assert_str_eq(fv_isa_name(level), rows[level].name);
        ck_assert_int_eq(k->mr, rows[level].mr);
        ck_assert_int_eq(k->kc, rows[level].kc);
        ck_assert_int_eq(k->nr[0] * 4, rows[level].nr * rows[level].vbytes);
        ck_assert_int_eq(k->nr[1] * 8, rows[level].nr * rows[level].vbytes);
    }
}
END_TEST

Suite *fovea_suite(void)
{
    fv_set_log(keep_warning, NULL);
    setenv("FOVEA_ISA", "nonsense", 1);
    at_first = fv_isa_level();
    Suite *suite = suite_create("isa");
    TCase *levels = add_case(suite, "levels");
    tcase_add_test(levels, an_unknown_name_in_the_environment_is_warned_about);
    tcase_add_test(levels, every_level_can_be_forced_by_number_and_by_name);
    tcase_add_test(levels, the_best_level_is_the_last_one_that_the_processor_has);
    tcase_add_test(levels, what_is_no_level_is_told);
    tcase_add_test(levels, kernels_have_the_sizes_of_their_row);
    return suite;
}
