/* Reading JSON. Each function looks at bytes below `end` only. */
#include <string.h>

#include "tensor/formats/json_impl.h"
#include "tensor/utf8_impl.h"

enum { DEEPEST = 64 };

static bool bad(fv_json *j, const char *rule)
{
    if (!j->error) j->error = rule;
    return false;
}

fv_json fv_json_over(char *text, size_t length)
{
    return (fv_json){.start = text, .at = text, .end = text + length};
}

char fv_json_peek(fv_json *j)
{
    if (j->error) return '\0';
    while (j->at < j->end && (*j->at == ' ' || *j->at == '\n' || *j->at == '\r' || *j->at == '\t'))
        j->at++;
    return j->at < j->end ? *j->at : '\0';
}

/* Passes that byte if it comes next. */
static bool pass(fv_json *j, char byte)
{
    if (fv_json_peek(j) != byte) return false;
    j->at++;
    return true;
}

bool fv_json_open(fv_json *j, char bracket)
{
    if (j->error || !pass(j, bracket)) return bad(j, bracket == '{' ? "{ expected" : "[ expected");
    return ++j->depth <= DEEPEST || bad(j, "too many brackets in each other");
}

bool fv_json_next(fv_json *j, char close, int64_t *count)
{
    if (j->error) return false;
    if (pass(j, close)) {
        j->depth--;
        return false;
    }
    if (*count > 0 && !pass(j, ',')) return bad(j, "a comma or closing bracket expected");
    (*count)++;
    return true;
}

/* --- strings ---------------------------------------------------------------------------------- */

/* Four hexadecimal digits; -1 for anything else. */
static int64_t hex_digits(fv_json *j)
{
    if (j->end - j->at < 4) return -1;
    int64_t value = 0;
    for (int i = 0; i < 4; i++) {
        char c = *j->at++;
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* The character of "\uXXXX", the u being passed; two of them for one beyond U+FFFF. 0 after an
 * error. */
static uint32_t unicode_escape(fv_json *j)
{
    int64_t code = hex_digits(j);
    if (code >= 0xD800 && code < 0xDC00 && j->end - j->at >= 6 && j->at[0] == '\\' &&
        j->at[1] == 'u') {
        j->at += 2;
        int64_t low = hex_digits(j);
        code =
            low >= 0xDC00 && low < 0xE000 ? 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00) : -1;
    }
    if (code > 0 && !(code >= 0xD800 && code < 0xE000)) return (uint32_t)code;
    bad(j, code == 0 ? "a string with U+0000" : "a broken \\u escape");
    return 0;
}

/* The character of an escape, the backslash being passed; 0 after an error. */
static uint32_t escape(fv_json *j)
{
    static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    char c = j->at < j->end ? *j->at++ : '\0';
    if (c == 'u') return unicode_escape(j);
    const char *letter = c ? strchr(letters, c) : NULL;
    if (letter) return (unsigned char)values[letter - letters];
    bad(j, "an unknown escape");
    return 0;
}

const char *fv_json_string(fv_json *j)
{
    if (j->error || !pass(j, '"')) {
        bad(j, "a string expected");
        return NULL;
    }
    char *text = j->at, *out = j->at;
    while (!j->error && j->at < j->end && *j->at != '"') {
        uint32_t code = 0;
        if (*j->at == '\\') {
            j->at++;
            code = escape(j);
        } else {
            int length = fv_utf8_decode(j->at, j->end, &code);
            if (length == 0)
                bad(j, "a string that is no UTF-8");
            else if (code < 0x20)
                bad(j, "a control character in a string");
            else
                j->at += length;
        }
        if (!j->error) out += fv_utf8_encode(code, out);
    }
    if (!j->error && j->at == j->end) bad(j, "a string without an end");
    if (j->error) return NULL;
    j->at++;
    *out = '\0';
    return text;
}

const char *fv_json_key(fv_json *j)
{
    const char *key = fv_json_string(j);
    if (key && !pass(j, ':')) bad(j, "a colon expected");
    return j->error ? NULL : key;
}

/* --- numbers and the rest --------------------------------------------------------------------- */

static bool is_digit(const fv_json *j)
{
    return j->at < j->end && *j->at >= '0' && *j->at <= '9';
}

static bool digits(fv_json *j)
{
    if (!is_digit(j)) return bad(j, "a digit expected");
    while (is_digit(j)) j->at++;
    return true;
}

/* Passes a minus and the digits before a point or exponent. */
static bool whole_part(fv_json *j)
{
    pass(j, '-');
    if (j->at < j->end && *j->at == '0') {
        j->at++;
        return !is_digit(j) || bad(j, "a number with a leading zero");
    }
    return digits(j);
}

static bool has_fraction(const fv_json *j)
{
    return j->at < j->end && (*j->at == '.' || *j->at == 'e' || *j->at == 'E');
}

bool fv_json_integer(fv_json *j, int64_t *value)
{
    fv_json_peek(j);
    const char *at = j->at;
    if (j->error || !whole_part(j)) return false;
    if (has_fraction(j)) return bad(j, "a whole number expected");
    int64_t v = 0;
    bool negative = *at == '-';
    for (at += negative; at < j->at; at++) { /* towards the sign, for INT64_MIN */
        int digit = negative ? '0' - *at : *at - '0';
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, digit, &v))
            return bad(j, "a number beyond 64 bits");
    }
    *value = v;
    return true;
}

static bool skip_number(fv_json *j)
{
    if (!whole_part(j)) return false;
    if (j->at < j->end && *j->at == '.') {
        j->at++;
        if (!digits(j)) return false;
    }
    if (has_fraction(j)) {
        if (*j->at == '.') return bad(j, "a second point in a number");
        j->at++;
        if (j->at < j->end && (*j->at == '+' || *j->at == '-')) j->at++;
        return digits(j);
    }
    return true;
}

static bool skip_word(fv_json *j)
{
    static const char *const words[] = {"true", "false", "null"};
    for (int i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(j->end - j->at) < length || memcmp(j->at, words[i], length) != 0) continue;
        j->at += length;
        return true;
    }
    return bad(j, "a value expected");
}

bool fv_json_skip(fv_json *j)
{
    char first = fv_json_peek(j);
    if (first == '"') return fv_json_string(j) != NULL;
    if (first == '-' || (first >= '0' && first <= '9')) return skip_number(j);
    if (first != '{' && first != '[') return j->error ? false : skip_word(j);
    int64_t count = 0;
    fv_json_open(j, first);
    while (fv_json_next(j, first == '{' ? '}' : ']', &count)) {
        if (first == '{') fv_json_key(j);
        fv_json_skip(j);
    }
    return !j->error;
}

bool fv_json_end(fv_json *j)
{
    fv_json_peek(j);
    return !j->error && (j->at == j->end || bad(j, "more behind its end"));
}
