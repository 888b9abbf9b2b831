/* Text from outside: UTF-8 and what is shown of it, in messages and printed modules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support.h"

static void expect_shown(const char *text, const char *shown)
{
    char out[256];
    ck_assert_str_eq(fv_printable(out, sizeof out, text), shown);
}

START_TEST(control_characters_and_broken_utf8_are_escaped)
{
    expect_shown("conv1.weight", "conv1.weight");
    expect_shown("größe 重み 🙂 \\ \"", "größe 重み 🙂 \\ \"");
    expect_shown("\x1b[2J\x07\n\t\r\x7f", "\\x1b[2J\\x07\\x0a\\x09\\x0d\\x7f");
    expect_shown("a\xff\xfe"
                 "b",
                 "a\\xff\\xfeb");
    expect_shown("\xc2\x9b"
                 "31m",
                 "\\xc2\\x9b31m"); /* a control character of 8 bits */
    expect_shown("\xe2\x80\xae"
                 "gpj",
                 "\\xe2\\x80\\xaegpj"); /* writing from right to left */
    expect_shown("\xef\xbb\xbf", "\\xef\\xbb\\xbf");
    expect_shown("\xc0\x80", "\\xc0\\x80"); /* overlong */
    expect_shown("\xe0\x9f\xbf", "\\xe0\\x9f\\xbf");
    expect_shown("\xf0\x8f\xbf\xbf", "\\xf0\\x8f\\xbf\\xbf");
    expect_shown("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* a surrogate */
    expect_shown("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
    expect_shown("\xf5\x80\x80\x80", "\\xf5\\x80\\x80\\x80");
    expect_shown("\xf4\x8f\xbf\xbd", "\xf4\x8f\xbf\xbd"); /* the last plane */
    expect_shown("a\xe4\xb8", "a\\xe4\\xb8");             /* ends too soon */
    expect_shown("", "");
    expect_shown(NULL, "");
}
END_TEST

START_TEST(characters_and_escapes_are_never_cut)
{
    static const char text[] = "aé\x1b重";
    static const char *const shown[] = {NULL,        "",          "a",         "a",
                                        "a\xc3\xa9", "a\xc3\xa9", "a\xc3\xa9", "a\xc3\xa9",
                                        "aé\\x1b",   "aé\\x1b",   "aé\\x1b",   "aé\\x1b重"};
    for (size_t room = 0; room < sizeof shown / sizeof shown[0]; room++) {
        char out[16] = "unchanged";
        fv_printable(out, room, text);
        ck_assert_str_eq(out, shown[room] ? shown[room] : "unchanged");
    }
}
END_TEST

START_TEST(a_message_is_one_line_without_control_characters)
{
    fv_set_log(NULL, NULL);
    fv_fail(FV_ERR_IO, "%s: cannot open", "net\n\x1b]0;owned\x07.st\xff");
    expect_error(FV_ERR_IO, "net\\x0a\\x1b]0;owned\\x07.st\\xff: cannot open");
    char name[2001]; /* the message is cut, but not within a letter */
    for (int shift = 0; shift < 2; shift++) {
        for (int i = 0; i < 2000; i++) name[i] = "\xc3\xa9"[(i + shift) % 2];
        name[2000] = '\0';
        fv_fail(FV_ERR_IO, "%s", name + shift);
        ck_assert_ptr_null(strstr(fv_error(), "\\x"));
        fv_clear_error();
    }
    char path[] = "/tmp/fovea_\x1b_XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    static const char header[] = "{\"\\u001b[31m\":{\"dtype\":\"\\u009b\"}}";
    const unsigned char length[8] = {sizeof header - 1};
    ck_assert_int_eq((int)write(fd, length, 8), 8);
    ck_assert_int_eq((int)write(fd, header, sizeof header - 1), sizeof header - 1);
    close(fd);
    fv_tensor_file *file = fv_tensor_file_open(path);
    unlink(path);
    ck_assert_ptr_null(file);
    expect_error(FV_ERR_FORMAT, "tensor \\x1b[31m: unknown dtype \\xc2\\x9b");
}
END_TEST

static char logged[1024];

static void remember(const char *message, void *context)
{
    (void)context;
    snprintf(logged, sizeof logged, "%s", message);
}

START_TEST(a_warning_and_a_refusal_are_too)
{
    fv_set_log(remember, NULL);
    fv_warn("%s", "a\rb\xe2\x80\xa8");
    ck_assert_str_eq(logged, "warning: a\\x0db\\xe2\\x80\\xa8");
    ck_assert_int_eq(fv_need_no_error("save", "x"), FV_OK);
    fv_fail(FV_ERR_SHAPE, "first\n");
    ck_assert_int_eq(fv_need_no_error("save", "a\nb"), FV_ERR_STATE);
    ck_assert_str_eq(logged, "save: a\\x0ab: refused, for an error stands: first\\x0a");
    ck_assert_int_eq(fv_need_no_error("save", NULL), FV_ERR_STATE);
    ck_assert_str_eq(logged, "save: NULL: refused, for an error stands: first\\x0a");
    expect_error(FV_ERR_SHAPE, "first\\x0a");
    fv_set_log(fv_default_log, NULL);
}
END_TEST

static void describe(const fv_module *self, char *text, size_t room)
{
    (void)self;
    snprintf(text, room, "bell \x07");
}

static fv_tensor *pass_on(fv_module *self, fv_tensor *x)
{
    (void)self;
    return x;
}

START_TEST(a_printed_module_is_safe)
{
    static const fv_module_type type = {.name = "Own", .forward = pass_on, .describe = describe};
    fv_module *m = fv_module_new(&type, NULL);
    ck_assert_int_eq(fv_module_add_child(m, "a\x1b[5m", fv_nn_relu()), FV_OK);
    char *text = fv_module_to_string(m);
    ck_assert_str_eq(text, "Own(\n  bell \\x07\n  (a\\x1b[5m): ReLU()\n)");
    free(text);
    fv_free(m);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("text");
    TCase *text = add_case(suite, "text");
    tcase_add_test(text, control_characters_and_broken_utf8_are_escaped);
    tcase_add_test(text, characters_and_escapes_are_never_cut);
    tcase_add_test(text, a_message_is_one_line_without_control_characters);
    tcase_add_test(text, a_warning_and_a_refusal_are_too);
    tcase_add_test(text, a_printed_module_is_safe);
    return suite;
}
