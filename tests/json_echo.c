/* Reads JSON texts with the library's parser and writes them again with its writer, for
 * test_json.sh. A text on stdin is its length in four bytes, little endian, and the bytes; the
 * answer is "-" and a rule, or "+" and the text as written again, in one line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/formats/json_impl.h"

static void echo_value(fv_json *j, fv_json_text *out);

static void echo_container(fv_json *j, fv_json_text *out, bool object)
{
    int64_t count = 0;
    fv_json_open(j, object ? '{' : '[');
    fv_json_put(out, object ? "{" : "[");
    while (fv_json_next(j, object ? '}' : ']', &count)) {
        if (count > 1) fv_json_put(out, ",");
        const char *key = object ? fv_json_key(j) : NULL;
        if (key) {
            fv_json_put_string(out, key);
            fv_json_put(out, ":");
        }
        echo_value(j, out);
    }
    fv_json_put(out, object ? "}" : "]");
}

/* As it stands. */
static void echo_number(fv_json *j, fv_json_text *out)
{
    fv_json probe = *j;
    int64_t value;
    if (fv_json_integer(&probe, &value)) {
        *j = probe;
        fv_json_put_integer(out, value);
        return;
    }
    const char *start = j->at;
    char text[512];
    fv_json_skip(j);
    snprintf(text, sizeof text, "%.*s", (int)(j->at - start), start);
    fv_json_put(out, text);
}

static void echo_value(fv_json *j, fv_json_text *out)
{
    char first = fv_json_peek(j);
    const char *text = NULL;
    if (first == '{' || first == '[') {
        echo_container(j, out, first == '{');
    } else if (first == '"') {
        text = fv_json_string(j);
        if (text) fv_json_put_string(out, text);
    } else if (first == '-' || (first >= '0' && first <= '9')) {
        echo_number(j, out);
    } else {
        fv_json_skip(j);
        fv_json_put(out, first == 't' ? "true" : first == 'f' ? "false" : "null");
    }
}

/* Once by echo_value, once by fv_json_skip: both must accept, or neither. */
static void answer(const char *text, size_t length)
{
    char *copy = malloc(length ? length : 1), *again = malloc(length ? length : 1);
    if (!copy || !again) exit(2);
    memcpy(copy, text, length);
    memcpy(again, text, length);
    fv_json j = fv_json_over(copy, length), s = fv_json_over(again, length);
    fv_json_text out = {NULL, 0, 0, false};
    echo_value(&j, &out);
    bool good = fv_json_end(&j);
    fv_json_skip(&s);
    if (fv_json_end(&s) != good || out.failed)
        printf("! %s | %s\n", j.error ? j.error : "taken", s.error ? s.error : "skipped");
    else if (good)
        printf("+%s\n", out.text ? out.text : "");
    else
        printf("-%s\n", j.error);
    free(out.text);
    free(copy);
    free(again);
}

int main(void)
{
    unsigned char head[4];
    while (fread(head, 1, 4, stdin) == 4) {
        size_t length = head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16;
        char *text = malloc(length ? length : 1);
        if (!text || fread(text, 1, length, stdin) != length) return 2;
        answer(text, length);
        free(text);
    }
    return 0;
}
