/* JSON for the headers of files: a strict parser that is asked for what should come next, and a
 * writer into memory.
 *
 *     fv_json j = fv_json_over(text, length);
 *     int64_t n = 0;
 *     fv_json_open(&j, '{');
 *     while (fv_json_next(&j, '}', &n)) {
 *         const char *key = fv_json_key(&j);
 *         ...                                   one value: a string, an integer, or fv_json_skip
 *     }
 *     fv_json_end(&j);
 *     if (j.error) ...
 *
 * The first broken rule stays in `error`; every call after it does nothing and returns false or
 * NULL, so that one question at the end suffices. The parser allocates nothing: a string is decoded
 * where it stands, which is never longer, and lives as long as the text. More strict than RFC 8259
 * in one thing: a string contains no U+0000, since C could not hold it. Private to formats/. */
#ifndef FOVEA_TENSOR_FORMATS_JSON_IMPL_H
#define FOVEA_TENSOR_FORMATS_JSON_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* --- reading ---------------------------------------------------------------------------------- */

typedef struct fv_json {
    char *start, *at, *end;
    const char *error; /* the first rule that was broken, at `at`; NULL: none */
    int depth;         /* brackets that are open */
} fv_json;

/* At the beginning of a text, which is written to. */
fv_json fv_json_over(char *text, size_t length);

/* The first byte of what comes next, 0 at the end and after an error. */
char fv_json_peek(fv_json *j);

/* Passes the '{' or '[' that comes next; 64 may be open. */
bool fv_json_open(fv_json *j, char bracket);

/* Inside of brackets, with *count elements passed: true, with *count one more, when another comes
 * next; false when `close` did, which is passed, or after an error. */
bool fv_json_next(fv_json *j, char close, int64_t *count);

/* A string, and one with the colon behind it. */
const char *fv_json_string(fv_json *j);
const char *fv_json_key(fv_json *j);

/* A whole number that int64 holds, written as one ("2.0" and "2e0" are none). */
bool fv_json_integer(fv_json *j, int64_t *value);

/* Any value. */
bool fv_json_skip(fv_json *j);

/* True when only white space is left. */
bool fv_json_end(fv_json *j);

/* --- writing ---------------------------------------------------------------------------------- */

/* A text that grows. */
typedef struct fv_json_text {
    char *text;
    size_t length, room;
    bool failed; /* memory was out; what is put after it is lost */
} fv_json_text;

/* As it stands: brackets, commas, colons, literals. */
void fv_json_put(fv_json_text *out, const char *text);
/* In quotes, escaped; it is UTF-8. */
void fv_json_put_string(fv_json_text *out, const char *text);
void fv_json_put_integer(fv_json_text *out, int64_t value);

#endif
