/* Views and writes in place: random programs against what PyTorch made of them
 * (golden/views.programs, see golden/make_views.py), and the order in memory that a view may copy
 * for. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/views_impl.h"
#include "support.h"

/* --- programs --------------------------------------------------------------------------------- */

enum { REGISTERS = 64, LEAVES = 2, NUMBERS = 64, LINE = 2000 };

typedef struct instruction {
    char name[24];
    bool refused, quiet;
    int to, a, b, count;
    int64_t n[NUMBERS];
} instruction;

typedef struct machine {
    fv_tensor *t[REGISTERS], *leaf[LEAVES], *loss;
    int leaves, shown[2];
    fv_tensor *first[LEAVES], *second[LEAVES];
    fv_status status;
} machine;

/* The numbers in text, which may begin with other words. */
static int read_numbers(const char *text, int64_t *n)
{
    int count = 0, used;
    long long value;
    for (; count < NUMBERS && sscanf(text, "%lld%n", &value, &used) == 1; text += used)
        n[count++] = value;
    return count;
}

static bool read_instruction(const char *line, instruction *i)
{
    int used = 0;
    *i = (instruction){.refused = line[0] == '!'};
    if (i->refused) line += 2;
    i->quiet = strncmp(line, "quiet ", 6) == 0;
    if (i->quiet) line += 6;
    if (sscanf(line, "%23s %d %d %d%n", i->name, &i->to, &i->a, &i->b, &used) != 4) return false;
    i->count = read_numbers(line + used, i->n);
    return i->to >= 0 && i->to < REGISTERS && i->a < REGISTERS && i->b < REGISTERS;
}

static fv_shape shape_of(const instruction *i)
{
    fv_shape shape = {.ndim = i->count};
    for (int k = 0; k < i->count; k++) shape.dim[k] = i->n[k];
    return shape;
}

static fv_tensor *pattern(fv_shape shape, int64_t factor, int64_t start, int64_t modulus,
                          double zero)
{
    double values[NUMBERS];
    for (int64_t k = 0; k < fv_shape_numel(&shape); k++)
        values[k] = ((double)((k * factor + start) % modulus) - zero) / 4;
    return tensor_of(FV_FLOAT64, shape, values);
}

static fv_tensor *make_view(const char *name, fv_tensor *a, const instruction *i)
{
    const int64_t *n = i->n;
    if (!strcmp(name, "select")) return fv_select(a, n[0], n[1]);
    if (!strcmp(name, "slice")) return fv_slice(a, n[0], n[1], n[2], n[3]);
    if (!strcmp(name, "transpose")) return fv_transpose(a, n[0], n[1]);
    if (!strcmp(name, "unsqueeze")) return fv_unsqueeze(a, n[0]);
    if (!strcmp(name, "view")) return fv_view(a, .shape = shape_of(i));
    if (!strcmp(name, "expand")) return fv_expand(a, .shape = shape_of(i));
    return strcmp(name, "detach") ? NULL : fv_detach(a);
}

static fv_tensor *write_to(const char *name, fv_tensor *a, fv_tensor *b, double number)
{
    if (!strcmp(name, "mul_")) return fv_mul_(a, b);
    if (!strcmp(name, "add_")) return fv_add_(a, b);
    if (!strcmp(name, "copy_")) return fv_copy_(a, b);
    if (!strcmp(name, "mul_number_")) return fv_mul_(a, number);
    if (!strcmp(name, "fill_")) return fv_fill_(a, number);
    if (!strcmp(name, "sin_")) return fv_sin_(a);
    if (!strcmp(name, "tanh_")) return fv_tanh_(a);
    return strcmp(name, "relu_") ? NULL : fv_relu_(a);
}

static fv_tensor *result_of(const instruction *i, fv_tensor *a, fv_tensor *b)
{
    const char *name = i->name;
    if (!strcmp(name, "constant") || !strcmp(name, "leaf"))
        return pattern(shape_of(i), 7, i->to * 5 + 3, 13, 6);
    if (!strcmp(name, "mul")) return fv_mul(a, b);
    if (!strcmp(name, "add")) return fv_add(a, b);
    if (!strcmp(name, "tanh")) return fv_tanh(a);
    if (!strcmp(name, "sin")) return fv_sin(a);
    if (!strcmp(name, "mul_number")) return fv_mul(a, (double)i->n[0] / 4);
    fv_tensor *view = make_view(name, a, i);
    return view ? view : write_to(name, a, b, (double)i->n[0] / 4);
}

static void run(machine *m, const char *line)
{
    instruction i;
    if (!read_instruction(line, &i)) {
        note_failure("cannot read \"%s\"", line);
        return;
    }
    bool mode = fv_set_grad_enabled(!i.quiet);
    fv_tensor *y = result_of(&i, i.a < 0 ? NULL : m->t[i.a], i.b < 0 ? NULL : m->t[i.b]);
    fv_set_grad_enabled(mode);
    if (i.refused && !fv_failed(y)) note_failure("not refused: %s", line);
    if (!i.refused && fv_failed(y)) note_failure("refused: %s (%s)", line, fv_error());
    fv_clear_error();
    if (!i.refused) m->t[i.to] = y;
    if (!strcmp(i.name, "leaf")) m->leaf[m->leaves++] = fv_requires_grad(y, true);
}

/* Gradients of the loss, and of the sum of their squares. */
static void differentiate(machine *m)
{
    fv_tensor *total = fv_scalar(0, FV_FLOAT64);
    const fv_tensor_list leaves = {m->leaf, m->leaves}, loss = {&m->loss, 1};
    m->status = fv_grad(loss, leaves, m->first, .create_graph = true, .allow_unused = true);
    for (int k = 0; k < m->leaves && m->status == FV_OK; k++)
        if (m->first[k] && m->first[k]->requires_grad)
            total = fv_add(total, fv_sum(fv_mul(m->first[k], m->first[k])));
    if (m->status != FV_OK || !total->requires_grad) return;
    const fv_tensor_list sum = {&total, 1};
    m->status = fv_grad(sum, leaves, m->second, .allow_unused = true);
}

static void run_loss(machine *m, const char *line)
{
    int64_t used[NUMBERS];
    int count = read_numbers(line + strlen("loss"), used);
    for (int k = 0; k < count; k++) {
        fv_tensor *t = m->t[used[k]];
        fv_tensor *part = fv_sum(fv_mul(t, pattern(fv_shape_of(t), 5, 2, 7, 3)));
        m->loss = k ? fv_add(m->loss, part) : part;
    }
    differentiate(m);
}

/* text has the elements of t in order; all of them 0 is as good as "none". */
static void compare(const fv_tensor *t, const char *text, const char *what)
{
    double values[NUMBERS] = {0};
    int64_t numel = t ? t->numel : 0, count = 0;
    int used;
    for (double v; sscanf(text, "%lf%n", &v, &used) == 1; text += used, count++) {
        double found = 0;
        if (t && !t->failed && count == 0) fv_copy_out(t, FV_FLOAT64, values);
        if (t && count < numel) found = values[count];
        if (!(fabs(found - v) <= 1e-7 * (1 + fabs(v))))
            note_failure("%s: element %d is %g, should be %g", what, (int)count, found, v);
    }
    if (count == 0 && t && !t->failed) { /* "none" */
        fv_copy_out(t, FV_FLOAT64, values);
        for (int64_t k = 0; k < numel; k++)
            if (values[k] != 0) note_failure("%s: there should be none", what);
    }
}

static void check_line(machine *m, const char *line)
{
    char word[24] = "";
    sscanf(line, "%23s", word);
    const char *rest = line + strlen(word);
    if (!strcmp(word, "loss"))
        run_loss(m, line);
    else if (!strcmp(word, "error"))
        m->status == FV_OK ? note_failure("the gradients are not refused") : fv_clear_error();
    else if (!strcmp(word, "value") && m->status != FV_OK)
        note_failure("no gradients: %s", fv_error());
    else if (!strcmp(word, "value"))
        compare(m->loss, rest, "loss");
    else if (!strcmp(word, "first"))
        compare(m->first[m->shown[0]++], rest, "first");
    else if (!strcmp(word, "second"))
        compare(m->second[m->shown[1]++], rest, "second");
    else
        run(m, line);
}

/* Runs the program whose lines follow in file; false at its end. */
static bool run_program(FILE *file, const char *title)
{
    char line[LINE], difference[128];
    bool more = false;
    set_context("%s", title);
    memory_mark mark = mark_memory();
    {
        FV_SCOPE;
        machine m = {.leaves = 0};
        while (fgets(line, sizeof line, file)) {
            line[strcspn(line, "\n")] = 0;
            more = strncmp(line, "program", 7) == 0;
            if (more) break;
            check_line(&m, line);
        }
        fv_clear_error();
    }
    if (!same_memory(mark, difference, sizeof difference)) note_failure("leaks %s", difference);
    return more;
}

START_TEST(random_programs_have_the_gradients_of_pytorch)
{
    char path[1024], title[32];
    const char *folder = getenv("FOVEA_TESTS_DIR"), *other = getenv("FOVEA_TEST_PROGRAMS");
    int programs = 0;
    fv_set_log(NULL, NULL);
    snprintf(path, sizeof path, "%s/golden/views.programs", folder ? folder : "tests");
    FILE *file = fopen(other ? other : path, "r");
    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(title, sizeof title, file));
    do snprintf(title, sizeof title, "program %d", programs++);
    while (run_program(file, title));
    fclose(file);
    printf("%d programs\n", programs);
    ck_assert_int_ge(programs, 100);
    ck_assert(no_failures());
}
END_TEST

/* --- writes to views -------------------------------------------------------------------------- */

static fv_tensor *leaf(fv_shape shape, int64_t start)
{
    return fv_requires_grad(pattern(shape, 7, start, 13, 6), true);
}

static fv_tensor *flattened(fv_tensor *y)
{
    return fv_flatten(y, 1);
}

static fv_tensor *viewed(fv_tensor *y)
{
    return fv_view(y, fv_size(y, 0), -1);
}

static fv_tensor *first_image(fv_tensor *y)
{
    return fv_select(y, 0, 0);
}

static fv_tensor *unbatched(fv_tensor *y)
{
    return y;
}

/* The gradient of the weight when relu follows the convolution and what part makes of its result.
 */
static fv_tensor *weight_gradient(fv_tensor *x, fv_tensor *w, fv_tensor *(*part)(fv_tensor *y),
                                  bool inplace)
{
    fv_tensor *y = part(fv_conv2d(x, w)), *g[1];
    fv_tensor *z = inplace ? fv_relu_(y) : fv_relu(y);
    fv_grad(FV_TENSORS(fv_sum(fv_mul(z, z))), FV_TENSORS(w), g);
    return g[0];
}

/* However x lies in memory, and where flatten gives a view and where a copy. */
START_TEST(relu_may_overwrite_what_a_convolution_gave)
{
    static fv_tensor *(*const parts[])(fv_tensor *) = {flattened, viewed, first_image, unbatched};
    char message[256];
    FV_SCOPE;
    fv_tensor *w = leaf(FV_SHAPE(3, 2, 2, 2), 3);
    for (int64_t length = 2; length <= 3; length++) {
        fv_tensor *x = pattern(FV_SHAPE(2, 2, length, length), 5, 1, 11, 5);
        fv_tensor *inputs[] = {x, fv_to_channels_last(x), fv_select(x, 0, 1)};
        for (int i = 0; i < 3; i++)
            for (int p = i == 2 ? 2 : 0; p < 4; p++) {
                if (i == 1 && parts[p] == viewed && length > 2) continue; /* refused, as there */
                fv_tensor *found = weight_gradient(inputs[i], w, parts[p], true);
                fv_tensor *wanted = weight_gradient(inputs[i], w, parts[p], false);
                ck_assert_msg(!fv_failed(found) && !fv_failed(wanted), "%s", fv_error());
                ck_assert_msg(tensors_close(found, wanted, 1e-9, message, sizeof message),
                              "input %d, part %d: %s", i, p, message);
            }
    }
}
END_TEST

/* A base in channels-last order, a view across its channels: the gradient arrives in another order
 * than the base has. */
START_TEST(parts_are_found_in_a_gradient_of_another_order)
{
    char message[256];
    FV_SCOPE;
    fv_tensor *x = leaf(FV_SHAPE(2, 3, 2, 2), 3), *g[2], *r = pattern(FV_SHAPE(2, 12), 5, 2, 7, 3);
    for (int k = 0; k < 2; k++) {
        fv_tensor *h = fv_mul(k ? fv_to_channels_last(x) : x, 2);
        fv_tensor *part = fv_slice(h, 1, 0, 3, 2), *stale = fv_select(h, 1, 2);
        fv_mul_(part, part);
        fv_tensor *sum = fv_add(fv_sum(fv_mul(fv_reshape(h, 2, 12), r)), fv_sum(stale));
        ck_assert_msg(fv_grad(FV_TENSORS(sum), FV_TENSORS(x), &g[k]) == FV_OK, "%s", fv_error());
    }
    ck_assert_msg(tensors_close(g[1], g[0], 1e-12, message, sizeof message), "%s", message);
}
END_TEST

START_TEST(an_expanded_view_is_summed_and_an_expanded_base_refused)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *x = leaf(FV_SHAPE(3), 3), *h = fv_mul(x, 1), *g[1];
    fv_tensor *wide = fv_expand(h, 4, 3);
    fv_mul_(h, 5);
    ck_assert_int_eq(fv_grad(FV_TENSORS(fv_sum(wide)), FV_TENSORS(x), g), FV_OK);
    ASSERT_VALUES(g[0], 0, 20, 20, 20);
    fv_tensor *row = fv_select(fv_detach(wide), 0, 0);
    ck_assert(fv_failed(fv_mul_(row, x)));
    expect_error(FV_ERR_AUTOGRAD, "expanded");
}
END_TEST

static fv_tensor *double_it(fv_tensor *grad, void *context)
{
    ++*(int *)context;
    return fv_mul(grad, 2);
}

START_TEST(stale_views_are_non_leaves_with_hooks)
{
    FV_SCOPE;
    int calls = 0;
    fv_tensor *base = fv_zeros(2, 2, .dtype = FV_FLOAT64), *w = leaf(FV_SHAPE(2), 3), *g[1];
    fv_tensor *row = fv_select(base, 0, 1), *old = fv_reshape(base, -1);
    ck_assert(fv_is_leaf(old) && !fv_grad_fn_name(old));
    fv_copy_(row, w);
    ck_assert_str_eq(fv_grad_fn_name(base), "as_strided_scatter");
    ck_assert_str_eq(fv_grad_fn_name(row), "copy");
    ck_assert(!fv_is_leaf(old));
    ck_assert_str_eq(fv_grad_fn_name(old), "as_strided");
    int handle = fv_register_hook(old, double_it, &calls);
    ck_assert_int_ne(handle, 0);
    fv_retain_grad(old);
    ck_assert_int_eq(fv_grad(FV_TENSORS(old), FV_TENSORS(w), g, FV_TENSORS(fv_ones_like(old)),
                             .retain_graph = true),
                     FV_OK);
    ASSERT_VALUES(g[0], 0, 2, 2);
    fv_remove_hook(old, handle);
    ck_assert_int_eq(fv_backward(old, fv_ones_like(old)), FV_OK);
    ck_assert_int_eq(calls, 1);
    ASSERT_VALUES(fv_grad_of(old), 0, 1, 1, 1, 1);
}
END_TEST

START_TEST(views_of_shapes_alone_are_written_to)
{
    FV_SCOPE;
    fv_set_shapes_only(true);
    fv_tensor *x = fv_ones(4, 3, .requires_grad = true), *h = fv_mul(x, 2);
    fv_tensor *row = fv_select(h, 0, 2), *stale = fv_transpose(h, 0, 1);
    fv_fill_(row, 1);
    ck_assert_msg(fv_backward(fv_add(fv_sum(fv_mul(stale, stale)), fv_sum(row))) == FV_OK, "%s",
                  fv_error());
    fv_set_shapes_only(false);
    ck_assert(fv_is_shapes_only(fv_grad_of(x)));
}
END_TEST

/* --- order in memory -------------------------------------------------------------------------- */

/* Whether PyTorch views y (contiguous where the library chose the order) as [-1]. */
static bool viewable(fv_tensor *y)
{
    bool ok = !fv_failed(fv_view(y, -1));
    if (!ok) expect_error(FV_ERR_SHAPE, "fv_reshape");
    return ok;
}

START_TEST(view_copies_where_only_the_librarys_order_forbids_it)
{
    FV_SCOPE;
    fv_set_log(NULL, NULL);
    fv_tensor *x = pattern(FV_SHAPE(2, 3, 2, 2), 5, 1, 11, 5), *w = leaf(FV_SHAPE(4, 3, 1, 1), 3);
    fv_tensor *y = fv_conv2d(x, w), *users = fv_to_channels_last(x);
    ck_assert(!fv_is_contiguous(y));
    ck_assert(tensors_same(fv_view(y, 2, -1), fv_reshape(fv_contiguous(y), 2, -1)));
    ck_assert(viewable(fv_relu(y)) && viewable(fv_max_pool2d(y, 1)) && viewable(fv_add(y, y)));
    ck_assert(viewable(fv_batch_norm(y, .training = true)) && viewable(fv_clone(y)));
    ck_assert(viewable(fv_detach(y)) && viewable(fv_select(y, 0, 1)) &&
              viewable(fv_relu(fv_select(y, 0, 1))));
    ck_assert(viewable(fv_narrow(y, 0, 1, 1)) &&
              viewable(fv_narrow(fv_narrow(y, 0, 1, 1), 1, 1, 2)));
    ck_assert(viewable(fv_select(fv_select(y, 0, 0), 0, 1)) && viewable(fv_unsqueeze(y, 2)));
    ck_assert(viewable(fv_narrow(y, 3, 0, 1)));
    /* refused there */
    ck_assert(!viewable(fv_transpose(y, 0, 1)) && !viewable(fv_transpose(y, 2, 3)));
    ck_assert(!viewable(fv_narrow(y, 1, 1, 2)) && !viewable(fv_select(y, 1, 1)));
    ck_assert(!viewable(fv_relu(fv_transpose(y, 2, 3))));
    ck_assert(!viewable(users) && !viewable(fv_relu(users)) && !viewable(fv_conv2d(users, w)));
    ck_assert(!viewable(fv_detach(users)) && !viewable(fv_add(users, x)));
    ck_assert(!viewable(fv_permute(fv_contiguous(x), 0, 3, 1, 2)));
    ck_assert(!viewable(fv_relu(fv_permute(fv_contiguous(x), 0, 3, 1, 2))));
    ck_assert(!viewable(fv_to_channels_last(fv_contiguous(y))));
}
END_TEST

START_TEST(a_view_that_copies_has_a_gradient)
{
    char message[256];
    FV_SCOPE;
    fv_tensor *x = leaf(FV_SHAPE(2, 3, 2, 2), 3), *w = pattern(FV_SHAPE(4, 3, 1, 1), 5, 1, 11, 5);
    fv_tensor *r = pattern(FV_SHAPE(2, 16), 5, 2, 7, 3), *g[2];
    for (int k = 0; k < 2; k++) {
        fv_tensor *y = fv_conv2d(x, w);
        fv_tensor *z = k ? fv_view(y, 2, 16) : fv_reshape(y, 2, 16);
        ck_assert_int_eq(fv_grad(FV_TENSORS(fv_sum(fv_mul(z, r))), FV_TENSORS(x), &g[k]), FV_OK);
    }
    ck_assert_msg(tensors_close(g[1], g[0], 1e-12, message, sizeof message), "%s", message);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("views");
    TCase *programs = add_case(suite, "programs");
    tcase_add_test(programs, random_programs_have_the_gradients_of_pytorch);
    TCase *writes = add_case(suite, "writes");
    tcase_add_test(writes, relu_may_overwrite_what_a_convolution_gave);
    tcase_add_test(writes, parts_are_found_in_a_gradient_of_another_order);
    tcase_add_test(writes, an_expanded_view_is_summed_and_an_expanded_base_refused);
    tcase_add_test(writes, stale_views_are_non_leaves_with_hooks);
    tcase_add_test(writes, views_of_shapes_alone_are_written_to);
    TCase *order = add_case(suite, "order");
    tcase_add_test(order, view_copies_where_only_the_librarys_order_forbids_it);
    tcase_add_test(order, a_view_that_copies_has_a_gradient);
    return suite;
}
