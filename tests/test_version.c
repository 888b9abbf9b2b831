/* The version: one set of numbers for the preprocessor, the library and the build. */
#include "support.h"

#include <stdio.h>
#include <string.h>

#include "tensor/version.h"

START_TEST(agrees)
{
    char text[40];
    snprintf(text, sizeof text, "%d.%d.%d", FOVEA_VERSION_MAJOR, FOVEA_VERSION_MINOR,
             FOVEA_VERSION_PATCH);
    ck_assert_str_eq(text, FOVEA_VERSION);
    ck_assert_str_eq(text, fv_version_string());
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("version");
    tcase_add_test(add_case(suite, "version"), agrees);
    return suite;
}
