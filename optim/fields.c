/* Named numbers of structs, to a state and back. */
#include "optim/fields_impl.h"

#include <string.h>

#include "tensor/numerals.h"

static fv_status put_pair(fv_state *state, const char *prefix, const char *name,
                          const double *values)
{
    const fv_shape two = FV_SHAPE(2);
    fv_tensor *t = fv_tensor_alloc(FV_FLOAT64, &two, NULL);
    if (!t) return fv_fail(FV_ERR_MEMORY, "state: out of memory");
    memcpy(t->data, values, 2 * sizeof *values);
    fv_status status = fv_state_put_tensor(state, prefix, name, t);
    fv_release(t);
    return status;
}

static fv_status get_pair(const fv_state *state, const char *prefix, const char *name,
                          double *values)
{
    const fv_tensor *t = fv_state_tensor(state, prefix, name);
    if (!t || t->ndim != 1 || t->numel != 2)
        return fv_fail(FV_ERR_STATE, "state: %.200s%s is %s", prefix, name,
                       t ? "not two numbers" : "missing");
    return fv_copy_out(t, FV_FLOAT64, values);
}

static fv_status put_field(fv_state *state, const char *prefix, const fv_field *f, const void *at)
{
    switch (f->kind) {
    case FV_FIELD_INT: return fv_state_put_int(state, prefix, f->name, *(const int64_t *)at);
    case FV_FIELD_ENUM: return fv_state_put_int(state, prefix, f->name, *(const int *)at);
    case FV_FIELD_DOUBLE: return fv_state_put_double(state, prefix, f->name, *(const double *)at);
    case FV_FIELD_BOOL: return fv_state_put_bool(state, prefix, f->name, *(const bool *)at);
    case FV_FIELD_PAIR: return put_pair(state, prefix, f->name, at);
    }
    return FV_ERR_OPTION;
}

static fv_status get_field(const fv_state *state, const char *prefix, const fv_field *f, void *at)
{
    int64_t number = 0;
    fv_status status;
    switch (f->kind) {
    case FV_FIELD_INT: return fv_state_int(state, prefix, f->name, at);
    case FV_FIELD_ENUM:
        status = fv_state_int(state, prefix, f->name, &number);
        if (status == FV_OK) *(int *)at = (int)number;
        return status;
    case FV_FIELD_DOUBLE: return fv_state_double(state, prefix, f->name, at);
    case FV_FIELD_BOOL: return fv_state_bool(state, prefix, f->name, at);
    case FV_FIELD_PAIR: return get_pair(state, prefix, f->name, at);
    }
    return FV_ERR_OPTION;
}

fv_status fv_fields_put(fv_state *state, const char *prefix, const fv_field *fields,
                        const void *base)
{
    fv_status status = FV_OK;
    for (const fv_field *f = fields; f->name && status == FV_OK; f++)
        status = put_field(state, prefix, f, (const char *)base + f->offset);
    return status;
}

fv_status fv_fields_get(const fv_state *state, const char *prefix, const fv_field *fields,
                        void *base)
{
    fv_status status = FV_OK;
    for (const fv_field *f = fields; f->name && status == FV_OK; f++)
        status = get_field(state, prefix, f, (char *)base + f->offset);
    return status;
}

/* One field as it is held while it is compared. */
typedef union field_value {
    int64_t whole;
    int choice;
    double number;
    bool flag;
    double pair[2];
} field_value;

static size_t field_size(fv_field_kind kind)
{
    switch (kind) {
    case FV_FIELD_INT: return sizeof(int64_t);
    case FV_FIELD_ENUM: return sizeof(int);
    case FV_FIELD_DOUBLE: return sizeof(double);
    case FV_FIELD_BOOL: return sizeof(bool);
    case FV_FIELD_PAIR: return 2 * sizeof(double);
    }
    return 0;
}

static double shown_value(fv_field_kind kind, const void *at)
{
    switch (kind) {
    case FV_FIELD_INT: return (double)*(const int64_t *)at;
    case FV_FIELD_ENUM: return *(const int *)at;
    case FV_FIELD_BOOL: return *(const bool *)at;
    default: return *(const double *)at;
    }
}

static fv_status tell_difference(const char *who, const char *name, double found, double own)
{
    char texts[2][32]; /* with all digits only where the first do not tell them apart */
    fv_format(texts[0], sizeof texts[0], "%g", found);
    fv_format(texts[1], sizeof texts[1], "%g", own);
    if (strcmp(texts[0], texts[1]) == 0) {
        fv_format(texts[0], sizeof texts[0], "%.17g", found);
        fv_format(texts[1], sizeof texts[1], "%.17g", own);
    }
    return fv_fail(FV_ERR_STATE,
                   "%s: %s is %s in the state and %s here; make it with the same options to go on "
                   "with that state",
                   who, name, texts[0], texts[1]);
}

fv_status fv_fields_match(const fv_state *state, const char *prefix, const fv_field *fields,
                          const void *base, const char *who)
{
    for (const fv_field *f = fields; f->name; f++) {
        const char *at = (const char *)base + f->offset;
        field_value found = {0};
        fv_status status = get_field(state, prefix, f, &found);
        if (status != FV_OK) return status;
        if (memcmp(&found, at, field_size(f->kind)) != 0)
            return tell_difference(who, f->name, shown_value(f->kind, &found),
                                   shown_value(f->kind, at));
    }
    return FV_OK;
}

bool fv_fields_have(const fv_field *fields, const char *name)
{
    for (const fv_field *f = fields; f->name; f++)
        if (strcmp(f->name, name) == 0) return true;
    return false;
}
