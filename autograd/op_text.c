/* Inputs and options of ops in words, from their descriptions. */
#include <inttypes.h>
#include <stdio.h>

#include "autograd/op.h"
#include "tensor/numerals.h"

const char *fv_input_name(const fv_op *op, int input)
{
    if (!op && fv_fail_null("input_name", "op")) return "input";
    static _Thread_local char texts[2][64]; /* a message may name two */
    static _Thread_local unsigned turn;
    bool any = op->inputs == FV_ANY;
    int described = any ? 0 : input;
    const char *name = described < FV_MAX_SAVED_INPUTS ? op->input[described].name : NULL;
    if (name && !any) return name;
    char *text = texts[turn++ % 2];
    snprintf(text, sizeof texts[0], "%s %d", name ? name : "input", input);
    return text;
}

static const char *word_of(int64_t value)
{
    switch (value) {
    case FV_SAME: return "same";
    case FV_VALID: return "valid";
    case FV_FULL: return "full";
    case FV_ALL: return "all";
    case FV_UNSET: return "unset";
    default: return NULL;
    }
}

static int int_text(int64_t value, char *text, size_t size)
{
    const char *word = word_of(value);
    return word ? snprintf(text, size, "%s", word) : snprintf(text, size, "%" PRId64, value);
}

static int dims_text(fv_dims dims, char *text, size_t size)
{
    fv_shape shape = {.ndim = fv_dims_unpack(dims, shape.dim)};
    if (word_of(dims) || shape.ndim == 1) return int_text(dims, text, size);
    return snprintf(text, size, "%s", shape.ndim ? fv_shape_text(&shape) : "invalid");
}

static const char *enum_text(const fv_option *field, int64_t value)
{
    int64_t known = 0;
    while (field->values && field->values[known]) known++;
    bool within = value >= field->first && value < field->first + known;
    return within ? field->values[value - field->first] : "invalid";
}

static int value_text(const fv_option *field, const void *at, char *text, size_t size)
{
    switch (field->kind) {
    case FV_OPTION_INT:
    case FV_OPTION_DIM: return int_text(*(const int64_t *)at, text, size);
    case FV_OPTION_DIMS: return dims_text(*(const fv_dims *)at, text, size);
    case FV_OPTION_DOUBLE: return fv_format(text, size, "%g", *(const double *)at);
    case FV_OPTION_BOOL: return snprintf(text, size, "%s", *(const bool *)at ? "true" : "false");
    case FV_OPTION_SHAPE: return snprintf(text, size, "%s", fv_shape_text(at));
    case FV_OPTION_DTYPE: return snprintf(text, size, "%s", fv_dtype_name(*(const fv_dtype *)at));
    case FV_OPTION_ENUM: return snprintf(text, size, "%s", enum_text(field, *(const int64_t *)at));
    }
    return 0;
}

int fv_options_text(const fv_op *op, const void *options, char *text, size_t size)
{
    if (!op && fv_fail_null("options_text", "op")) return 0;
    int used = 0;
    if (!text || !options) size = 0;
    if (size) text[0] = '\0';
    for (const fv_option *f = options ? op->option_fields : NULL; f && f->name; f++) {
        char value[128];
        value_text(f, (const char *)options + f->offset, value, sizeof value);
        size_t room = (size_t)used < size ? size - (size_t)used : 0;
        used +=
            snprintf(room ? text + used : NULL, room, "%s%s=%s", used ? ", " : "", f->name, value);
    }
    return used;
}
