/* The table of an inspection, in torchinfo's manner. */
#include <inttypes.h>
#include <string.h>

#include "nn/inspect/inspect.h"
#include "tensor/numerals.h"
#include "tensor/text.h"

enum { COLUMNS = 5, CELL = 128, DEEPEST = 12 };

static const char *const titles[COLUMNS] = {"Layer (name): depth-number", "Output shape",
                                            "Parameters", "Multiply-adds", "Field/stride/padding"};

typedef struct row {
    char cell[COLUMNS][CELL];
} row;

/* The table as it is printed: twice, first for the widths. */
typedef struct table {
    const fv_inspection *seen;
    int64_t depth;
    FILE *file;                  /* NULL: widths are measured */
    int width[COLUMNS];          /* in characters */
    int64_t number[DEEPEST + 1]; /* of the modules so far, by depth */
} table;

/* --- numbers ---------------------------------------------------------------------------------- */

/* 11689512 as "11,689,512". */
static const char *grouped(int64_t value, char *text)
{
    char digits[24];
    const int count = snprintf(digits, sizeof digits, "%" PRId64, value);
    int used = 0;
    for (int i = 0; i < count; i++) {
        text[used++] = digits[i];
        if ((count - 1 - i) % 3 == 0 && i + 1 < count && digits[i] != '-') text[used++] = ',';
    }
    text[used] = '\0';
    return text;
}

/* --- rows ------------------------------------------------------------------------------------- */

static const fv_layer_info *info_of(const table *t, int64_t k)
{
    return fv_inspection_layer(t->seen, k);
}

/* Is layer k the parent of a module? Ops have rows beside modules alone: a layer such as Conv2d is
 * shown as one. */
static bool holds_modules(const table *t, int64_t k)
{
    const fv_layer_info *outer = info_of(t, k), *info;
    for (int64_t i = k + 1; (info = info_of(t, i)) && info->depth > outer->depth; i++)
        if (!info->is_op) return true;
    return k == 0 && !strcmp(outer->kind, "function");
}

static int64_t parent_of(const table *t, int64_t k)
{
    const int depth = info_of(t, k)->depth;
    while (k > 0 && info_of(t, k)->depth >= depth) k--;
    return k;
}

static bool is_shown(const table *t, int64_t k)
{
    const fv_layer_info *info = info_of(t, k);
    if (info->depth > t->depth) return false;
    return !info->is_op || holds_modules(t, parent_of(t, k));
}

/* Are there rows below? The numbers stand there then. */
static bool is_opened(const table *t, int64_t k)
{
    const fv_layer_info *outer = info_of(t, k), *info;
    for (int64_t i = k + 1; (info = info_of(t, i)) && info->depth > outer->depth; i++)
        if (is_shown(t, i)) return true;
    return false;
}

/* "│    └─Conv2d (conv1): 2-1" */
static void name_layer(table *t, const fv_layer_info *info, char *text)
{
    char shown[64], number[32] = "";
    const char *name = strrchr(info->path, '.');
    const int deep = info->depth < DEEPEST ? info->depth : DEEPEST;
    int used = 0;
    name = name ? name + 1 : info->path;
    for (int i = 1; i < deep; i++) used += snprintf(text + used, CELL - (size_t)used, "│    ");
    if (deep) used += snprintf(text + used, CELL - (size_t)used, "%s", deep > 1 ? "└─" : "├─");
    used += snprintf(text + used, CELL - (size_t)used, "%s",
                     fv_printable(shown, sizeof shown, info->kind));
    if (info->is_op || info->depth == 0) return;
    snprintf(number, sizeof number, ": %d-%" PRId64, info->depth, ++t->number[deep]);
    if (*name && used + 64 < CELL)
        used += snprintf(text + used, CELL - (size_t)used, " (%s)",
                         fv_printable(shown, sizeof shown - 32, name));
    snprintf(text + used, CELL - (size_t)used, "%s", number);
}

static void fill_row(table *t, int64_t k, row *r)
{
    const fv_layer_info *info = info_of(t, k);
    const bool opened = is_opened(t, k);
    name_layer(t, info, r->cell[0]);
    snprintf(r->cell[1], CELL, "%s", fv_shape_text(&info->output));
    snprintf(r->cell[2], CELL, "--");
    snprintf(r->cell[3], CELL, "--");
    if (!opened && info->parameters) grouped(info->parameters, r->cell[2]);
    if (!opened && info->repeated && info->parameters) snprintf(r->cell[2], CELL, "(recursive)");
    if (!opened && info->multiply_adds) grouped(info->multiply_adds, r->cell[3]);
    fv_field_text(&info->field, r->cell[4], CELL);
}

/* --- printing --------------------------------------------------------------------------------- */

static int characters(const char *text)
{
    int count = 0;
    for (; *text; text++) count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

/* Texts to the left, numbers to the right. */
static void print_row(table *t, const row *r)
{
    for (int c = 0; c < COLUMNS; c++) {
        const int used = characters(r->cell[c]), blank = t->width[c] - used;
        const bool right = c == 2 || c == 3, last = c == COLUMNS - 1;
        if (!t->file) {
            if (used > t->width[c]) t->width[c] = used;
            continue;
        }
        if (right) fprintf(t->file, "%*s", blank, "");
        fputs(r->cell[c], t->file);
        if (!right && !last) fprintf(t->file, "%*s", blank, "");
        fputs(last ? "\n" : "  ", t->file);
    }
}

static void print_line(const table *t)
{
    int width = 2 * (COLUMNS - 1);
    for (int c = 0; c < COLUMNS; c++) width += t->width[c];
    for (int i = 0; i < width && t->file; i++) fputc('=', t->file);
    if (t->file) fputc('\n', t->file);
}

static void print_rows(table *t)
{
    row r;
    memset(t->number, 0, sizeof t->number);
    for (int c = 0; c < COLUMNS; c++) snprintf(r.cell[c], CELL, "%s", titles[c]);
    print_line(t);
    print_row(t, &r);
    print_line(t);
    for (int64_t k = 0; k < fv_inspection_layers(t->seen); k++) {
        if (!is_shown(t, k)) continue;
        fill_row(t, k, &r);
        print_row(t, &r);
    }
    print_line(t);
}

static void print_megabytes(const table *t, const char *what, int64_t bytes)
{
    char text[40];
    fv_format(text, sizeof text, "%.2f", (double)bytes / 1e6);
    fprintf(t->file, "%s (MB): %s\n", what, text);
}

static void print_totals(const table *t)
{
    char text[40];
    const fv_layer_info *all = info_of(t, 0);
    const fv_inspection_memory m = fv_inspection_memory_of(t->seen);
    fprintf(t->file, "Parameters: %s\n", grouped(all->parameters, text));
    fprintf(t->file, "Trainable: %s\n", grouped(all->trainable, text));
    fprintf(t->file, "Not trainable: %s\n", grouped(all->parameters - all->trainable, text));
    fprintf(t->file, "Multiply-adds: %s\n", grouped(all->multiply_adds, text));
    fprintf(t->file, "Additions of a bias: %s\n", grouped(all->bias_adds, text));
    print_line(t);
    print_megabytes(t, "Input", m.input_bytes);
    print_megabytes(t, "Forward", m.forward_bytes);
    print_megabytes(t, "Parameters", m.parameter_bytes);
    print_megabytes(t, "Together", m.input_bytes + m.forward_bytes + m.parameter_bytes);
    print_line(t);
}

fv_status fv_inspection_print(const fv_inspection *seen, int64_t depth, FILE *file)
{
    if (!seen && fv_fail_null("inspection_print", "inspection")) return FV_ERR_OPTION;
    if (depth < 0) return fv_fail(FV_ERR_OPTION, "inspection_print: depth is %" PRId64, depth);
    table t = {.seen = seen, .depth = depth};
    print_rows(&t);
    t.file = file ? file : stdout;
    print_rows(&t);
    print_totals(&t);
    fflush(t.file);
    return ferror(t.file) ? fv_fail(FV_ERR_IO, "inspection_print: writing has failed") : FV_OK;
}

const fv_summary_args fv_summary_defaults = {FV_SUMMARY_DEFAULTS};

fv_status fv_summary_ex(const fv_summary_args *a)
{
    if (!fv_args_ok("summary", a, sizeof *a)) return FV_ERR_OPTION;
    fv_inspect_args inspect = {.size = sizeof inspect,
                               .module = a->module,
                               .n0 = a->n0,
                               .n1 = a->n1,
                               .n2 = a->n2,
                               .n3 = a->n3,
                               .n4 = a->n4,
                               .n5 = a->n5,
                               .n6 = a->n6,
                               .n7 = a->n7,
                               .end = a->end,
                               .shape = a->shape,
                               .dtype = a->dtype,
                               .training = a->training};
    fv_inspection *seen = fv_inspect_ex(&inspect);
    if (!seen) return fv_error_status() ? fv_error_status() : FV_ERR_STATE;
    const fv_status status = fv_inspection_print(seen, a->depth, a->file);
    fv_inspection_free(seen);
    return status;
}
