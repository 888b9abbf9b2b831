/* What came of the names of a load: the report, the message. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/load_impl.h"

bool fv_load_is_unexpected(const fv_load_plan *p, int64_t k)
{
    const char *name = fv_tensor_file_name(p->file, k);
    return !p->used[k] && strncmp(name, p->prefix, strlen(p->prefix)) == 0;
}

/* --- the report ------------------------------------------------------------------------------- */

/* The next name of one kind from *i on, which it moves behind it; NULL when there is none.
 * Unexpected ones are of the file, all others of the module. */
typedef struct name_kind {
    const fv_load_plan *plan;
    fv_name_fate fate;
    bool unexpected;
} name_kind;

static const char *next_name(const name_kind *n, int64_t *i)
{
    const fv_load_plan *p = n->plan;
    int64_t end = n->unexpected ? fv_tensor_file_count(p->file) : p->state.count;
    while (*i < end) {
        int64_t k = (*i)++;
        if (n->unexpected && fv_load_is_unexpected(p, k)) return fv_tensor_file_name(p->file, k);
        if (!n->unexpected && p->fate[k] == n->fate) return p->state.items[k].name;
    }
    return NULL;
}

static int64_t count_names(const name_kind *n, size_t *bytes)
{
    int64_t count = 0, i = 0;
    for (const char *name; (name = next_name(n, &i)) != NULL; count++) *bytes += strlen(name) + 1;
    return count;
}

/* One block: the pointers, then the names. */
static bool make_list(const name_kind *n, fv_name_list *list)
{
    size_t bytes = 0;
    int64_t count = count_names(n, &bytes), i = 0;
    const char **items = malloc((size_t)(count + 1) * sizeof *items + bytes);
    if (!items) return false;
    char *at = (char *)(items + count + 1);
    for (int64_t k = 0; k < count; k++) {
        const char *name = next_name(n, &i);
        size_t length = strlen(name) + 1;
        items[k] = memcpy(at, name, length);
        at += length;
    }
    items[count] = NULL;
    *list = (fv_name_list){items, count};
    return true;
}

void fv_load_report_free(fv_load_report *report)
{
    if (!report) return;
    free((void *)report->matched.items);
    free((void *)report->missing.items);
    free((void *)report->unexpected.items);
    free((void *)report->mismatched.items);
    *report = (fv_load_report){.matched = {NULL, 0}};
}

fv_status fv_load_fill_report(const fv_load_plan *p, fv_load_report *report)
{
    if (make_list(&(name_kind){p, FV_NAME_MATCHED, false}, &report->matched) &&
        make_list(&(name_kind){p, FV_NAME_MISSING, false}, &report->missing) &&
        make_list(&(name_kind){p, FV_NAME_MISMATCHED, false}, &report->mismatched) &&
        make_list(&(name_kind){p, FV_NAME_MISSING, true}, &report->unexpected))
        return FV_OK;
    fv_load_report_free(report);
    return fv_fail(FV_ERR_MEMORY, "load: out of memory");
}

/* --- the message ------------------------------------------------------------------------------ */

/* A text that grows to the end of its room and no further. */
typedef struct message {
    char text[700];
    size_t used;
} message;

__attribute__((format(printf, 2, 3))) static void add(message *m, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(m->text + m->used, sizeof m->text - m->used, format, args);
    va_end(args);
    if (length > 0) m->used += (size_t)length;
    if (m->used >= sizeof m->text) m->used = sizeof m->text - 1;
}

/* " (a, b, ...)", as many names as there is room for. */
static void add_names(message *m, const name_kind *n, size_t room)
{
    size_t end = m->used + room;
    int64_t i = 0;
    for (const char *name, *before = " ("; (name = next_name(n, &i)) != NULL; before = ", ") {
        if (m->used + strlen(name) > end) {
            add(m, "%s...", before);
            break;
        }
        add(m, "%s%s", before, name);
    }
    add(m, ")");
}

static void add_kind(message *m, const name_kind *n, const char *what)
{
    size_t bytes = 0;
    int64_t count = count_names(n, &bytes);
    add(m, ", %lld %s", (long long)count, what);
    if (count > 0) add_names(m, n, 200);
}

/* "0.weight is [3,4] in the file, [5,4] in the module" for the first that does not fit. */
static void add_shapes(message *m, const fv_load_plan *p)
{
    int64_t i = 0, wrong = 0;
    for (int64_t k = p->state.count - 1; k >= 0; k--)
        if (p->fate[k] == FV_NAME_MISMATCHED) i = k, wrong++;
    if (wrong == 0) return;
    fv_shape have = fv_tensor_file_shape(p->file, p->source[i]);
    fv_shape want = fv_shape_of(p->state.items[i].tensor);
    add(m, ", %lld of another shape (%.200s is %s in the file, %s in the module%s)",
        (long long)wrong, p->state.items[i].name, fv_shape_text(&have), fv_shape_text(&want),
        wrong > 1 ? ", ..." : "");
}

/* Does the file have every name of the module behind these `length` bytes of one of its own? */
static bool prefix_fits(const fv_load_plan *p, const char *own, size_t length)
{
    char full[512];
    for (int64_t i = 0; i < p->state.count; i++) {
        if (p->fate[i] == FV_NAME_ZERO) continue;
        int n = snprintf(full, sizeof full, "%.*s%s", (int)length, own, p->state.items[i].name);
        if (n < 0 || (size_t)n >= sizeof full || fv_tensor_file_find(p->file, full) < 0)
            return false;
    }
    return true;
}

/* DataParallel writes "module." before every name, torch.compile "_orig_mod.": says so if some
 * prefix makes all names match. */
static void add_hint(message *m, const fv_load_plan *p)
{
    if (p->state.count == 0) return;
    const char *first = p->state.items[0].name;
    size_t length = strlen(first);
    for (int64_t k = 0; k < fv_tensor_file_count(p->file); k++) {
        const char *own = fv_tensor_file_name(p->file, k);
        size_t before = strlen(own);
        if (before < length || strcmp(own + before - length, first) != 0) continue;
        before -= length;
        if (strlen(p->prefix) == before && strncmp(own, p->prefix, before) == 0) continue;
        if (!prefix_fits(p, own, before)) continue;
        add(m, "; with .prefix = \"%.*s\" all names match", (int)before, own);
        return;
    }
}

static void write_message(message *m, const fv_load_plan *p, int64_t matched)
{
    add(m, "%lld of %lld names match", (long long)matched, (long long)p->state.count);
    add_shapes(m, p);
    add_kind(m, &(name_kind){p, FV_NAME_MISSING, false}, "missing keys");
    add_kind(m, &(name_kind){p, FV_NAME_MISSING, true}, "unexpected keys");
    add_hint(m, p);
}

fv_status fv_load_judge(const fv_load_args *a, const fv_load_plan *p)
{
    size_t bytes = 0;
    int64_t counts[] = {
        [FV_NAME_MATCHED] = 0, [FV_NAME_MISSING] = 0, [FV_NAME_MISMATCHED] = 0, [FV_NAME_ZERO] = 0};
    for (int64_t i = 0; i < p->state.count; i++) counts[p->fate[i]]++;
    int64_t unexpected = count_names(&(name_kind){p, FV_NAME_MISSING, true}, &bytes);
    bool differs = counts[FV_NAME_MISSING] > 0 || unexpected > 0;
    bool nothing = counts[FV_NAME_MATCHED] == 0 && (p->state.count > 0 || unexpected > 0);
    bool refused = counts[FV_NAME_MISMATCHED] > 0 || nothing || (differs && a->strict);
    if (!refused && (!differs || a->report)) return FV_OK;
    message m = {.used = 0};
    write_message(&m, p, counts[FV_NAME_MATCHED]);
    if (refused)
        return fv_fail(counts[FV_NAME_MISMATCHED] > 0 ? FV_ERR_SHAPE : FV_ERR_STATE,
                       "load: %.300s: %s%s", a->path, nothing ? "nothing matches: " : "", m.text);
    fv_warn("load: %.300s: %s", a->path, m.text);
    return FV_OK;
}
