/* Choices: does convolution take the quickest of its algorithms?
 *
 *   choices [--threads N] [--isa NAME] [--only WORDS] [--budget MS] [--limit RATIO] [--raw]
 * [--list]
 *
 * For each layer of choices_layers.c and each pass that several algorithms suit, all of them are
 * timed. A line tells where the one that the cost model chose took more than RATIO times the best:
 * by how much, layer, pass, milliseconds and in parentheses the estimate of both. The end counts
 * them, and says for each algorithm how often it was chosen, how often it was the best, and how its
 * estimates compare with what was measured: where the median is far from that of the others, a
 * constant of its cost is wrong.
 *
 *   --only    layers whose text has one of these words, with commas between
 *   --raw     every figure instead, as lines of JSON
 *   --list    times nothing: what is chosen, or with --raw all that suit */
#include <fovea.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "choices_layers.h"
#include "choices_time.h"
#include "clock.h"

typedef struct options {
    const char *only;
    double budget, limit;
    bool raw, list;
    fv_machine machine;
} options;

/* What is kept of a contender for the summary. */
typedef struct result {
    const char *name;
    choices_pass pass;
    bool chosen, best;
    double of_measured; /* estimate / measured */
} result;

typedef struct summary {
    result *results;
    size_t count, room;
    int layers, passes, above;
    double log_ratios;
} summary;

/* --- keeping ---------------------------------------------------------------------------------- */

static bool keep(summary *s, const result *r)
{
    if (s->count == s->room) {
        const size_t room = s->room ? 2 * s->room : 1024;
        result *more = realloc(s->results, room * sizeof *more);
        if (!more) return false;
        s->results = more;
        s->room = room;
    }
    s->results[s->count++] = *r;
    return true;
}

static bool keep_contest(summary *s, const contest *c, double ratio, double limit)
{
    const int best = quickest_of(c);
    s->passes++;
    s->above += ratio > limit;
    s->log_ratios += log(ratio);
    for (int i = 0; i < c->count; i++) {
        const contender *one = &c->of[i];
        if (one->ms == 0) continue;
        const result r = {one->name, c->pass, i == c->chosen, i == best, one->estimate / one->ms};
        if (!keep(s, &r)) return false;
    }
    return true;
}

/* --- printing --------------------------------------------------------------------------------- */

static void print_raw(const char *layer, const contest *c)
{
    for (int i = 0; i < c->count; i++) {
        const contender *one = &c->of[i];
        char plan[160], ms[40] = "";
        fv_conv_describe(&one->plan, plan, sizeof plan);
        if (one->ms > 0) snprintf(ms, sizeof ms, "\"ms\": %.5f, ", one->ms);
        printf("{\"layer\": \"%s\", \"pass\": \"%s\", \"algorithm\": \"%s\", \"chosen\": %s, "
               "%s\"estimate_ms\": %.5f, \"plan\": \"%s\"}\n",
               layer, choices_pass_name(c->pass), one->name, i == c->chosen ? "true" : "false", ms,
               one->estimate, plan);
    }
}

static void print_contender(const contender *one)
{
    char plan[160];
    fv_conv_describe(&one->plan, plan, sizeof plan);
    if (one->ms > 0) printf("%.4f ", one->ms);
    printf("(%.4f) ms %s", one->estimate, plan);
}

static void print_choice(const char *layer, const contest *c)
{
    printf("%s, %s: ", layer, choices_pass_name(c->pass));
    print_contender(&c->of[c->chosen]);
    printf("\n");
}

static void print_wrong(double ratio, const char *layer, const contest *c)
{
    printf("%.2f  %s, %s: ", ratio, layer, choices_pass_name(c->pass));
    print_contender(&c->of[c->chosen]);
    printf("; best ");
    print_contender(&c->of[quickest_of(c)]);
    printf("\n");
}

/* Of an algorithm in a pass; `ratios` has room for all results. */
static void print_algorithm(const summary *s, choices_pass pass, const char *name, double *ratios)
{
    size_t count = 0;
    int chosen = 0, best = 0;
    for (size_t i = 0; i < s->count; i++) {
        const result *r = &s->results[i];
        if (r->pass != pass || strcmp(r->name, name) != 0) continue;
        chosen += r->chosen;
        best += r->best;
        ratios[count++] = r->of_measured;
    }
    if (count == 0) return;
    qsort(ratios, count, sizeof *ratios, compare_doubles);
    printf("# %-15s  %-10s %6zu %6d %6d %10.2f  (%.2f to %.2f)\n", choices_pass_name(pass), name,
           count, chosen, best, ratios[count / 2], ratios[count / 4], ratios[count * 3 / 4]);
}

static bool print_summary(const summary *s, const options *o)
{
    double *ratios = malloc(s->count * sizeof *ratios + 1);
    if (!ratios) return false;
    printf("# %s, %d thread%s: %d layers, %d passes compared, %d above %.2f, geomean of choice / "
           "best %.4f\n",
           fv_isa_name(o->machine.isa), o->machine.threads, o->machine.threads == 1 ? "" : "s",
           s->layers, s->passes, s->above, o->limit,
           s->passes ? exp(s->log_ratios / s->passes) : 1);
    printf("# %-15s  %-10s %6s %6s %6s  estimate / measured: median (quartiles)\n", "pass",
           "algorithm", "timed", "chosen", "best");
    for (choices_pass pass = 0; pass < CHOICES_PASSES; pass++) {
        const fv_conv_pass kernel = choices_kernel_pass(pass);
        for (int i = 0; fv_conv_algorithm_name(kernel, i); i++)
            print_algorithm(s, pass, fv_conv_algorithm_name(kernel, i), ratios);
    }
    free(ratios);
    return true;
}

/* --- running ---------------------------------------------------------------------------------- */

static bool compare(const choices_layer *layer, choices_pass pass, const layer_memory *m,
                    const options *o, summary *s)
{
    contest c;
    if (!plan_contest(&c, &layer->g, pass, o->machine)) {
        fprintf(stderr, "choices: the list of algorithms lacks that of %s\n", layer->text);
        return false;
    }
    if (!o->list && c.count < 2) return true;
    if (!o->list && !time_contest(&c, m, o->budget)) {
        fprintf(stderr, "choices: no memory for %s, %s\n", layer->text, choices_pass_name(pass));
        return true;
    }
    const double ratio = o->list ? 1 : c.of[c.chosen].ms / c.of[quickest_of(&c)].ms;
    if (o->raw)
        print_raw(layer->text, &c);
    else if (o->list)
        print_choice(layer->text, &c);
    else if (ratio > o->limit)
        print_wrong(ratio, layer->text, &c);
    fflush(stdout);
    return o->list || keep_contest(s, &c, ratio, o->limit);
}

static bool compare_layer(const choices_layer *layer, const options *o, summary *s)
{
    layer_memory m = {0};
    bool ok = true;
    if (!o->list && !take_layer(&m, &layer->g)) {
        fprintf(stderr, "choices: no memory for %s\n", layer->text);
        return true;
    }
    s->layers++;
    for (choices_pass pass = 0; pass < CHOICES_PASSES && ok; pass++)
        ok = compare(layer, pass, &m, o, s);
    free_layer(&m);
    return ok;
}

/* Has the text one of the words, which have commas between? */
static bool has_word(const char *text, const char *words)
{
    char word[64];
    while (*words) {
        const size_t length = strcspn(words, ",");
        snprintf(word, sizeof word, "%.*s", (int)length, words);
        if (length > 0 && strstr(text, word)) return true;
        words += length + (words[length] == ',');
    }
    return false;
}

static bool compare_all(const options *o)
{
    int count;
    const choices_layer *layers = choices_layers(&count);
    summary s = {0};
    bool ok = true;
    for (int i = 0; i < count && ok; i++)
        if (!o->only || has_word(layers[i].text, o->only)) ok = compare_layer(&layers[i], o, &s);
    if (s.layers == 0) fprintf(stderr, "choices: no layer has %s in its text\n", o->only);
    if (ok && !o->raw && !o->list) ok = print_summary(&s, o);
    free(s.results);
    return ok && s.layers > 0;
}

/* --- options ---------------------------------------------------------------------------------- */

static bool positive(const char *text, double *number)
{
    char *end;
    *number = strtod(text, &end);
    return end > text && *end == 0 && *number > 0;
}

static bool set_threads(const char *text)
{
    double n;
    if (!positive(text, &n) || n > 1024) return false;
    fv_set_num_threads((int)n);
    return fv_error_status() == FV_OK;
}

/* An option that has a value. */
static bool set_value(options *o, const char *name, const char *value)
{
    if (strcmp(name, "--threads") == 0) return set_threads(value);
    if (strcmp(name, "--isa") == 0) return fv_set_isa_named(value);
    if (strcmp(name, "--budget") == 0) return positive(value, &o->budget);
    if (strcmp(name, "--limit") == 0) return positive(value, &o->limit);
    if (strcmp(name, "--only") != 0) return false;
    o->only = value;
    return true;
}

static bool read_options(options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--raw") == 0)
            o->raw = true;
        else if (strcmp(argv[i], "--list") == 0)
            o->list = true;
        else if (i + 1 == argc || !set_value(o, argv[i], argv[i + 1]))
            return false;
        else
            i++;
    }
    o->machine = fv_machine_now();
    return true;
}

int main(int argc, char **argv)
{
    options o = {.budget = 12, .limit = 1.15};
    if (!read_options(&o, argc, argv)) {
        fprintf(stderr, "usage: choices [--threads N] [--isa NAME] [--only WORDS] [--budget MS] "
                        "[--limit RATIO] [--raw] [--list]\n");
        return 2;
    }
    const bool ok = compare_all(&o);
    fv_shutdown();
    return ok ? 0 : 1;
}
