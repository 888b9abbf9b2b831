/* Data sets made of others: a choice of samples, sets in a row, parts dealt out at random. */
#include "data/compose.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "data/dataset_impl.h"
#include "data/shuffle_impl.h"

/* n numbers, or NULL with an error. */
static int64_t *numbers_alloc(const char *function, int64_t n, size_t *token)
{
    int64_t *numbers = NULL;
    if ((uint64_t)n < SIZE_MAX / sizeof *numbers)
        numbers = fv_block_alloc((size_t)(n + 1) * sizeof *numbers, token);
    if (!numbers) fv_fail(FV_ERR_MEMORY, "%s: out of memory for %" PRId64 " samples", function, n);
    return numbers;
}

/* --- a choice of samples ---------------------------------------------------------------------- */

typedef struct subset {
    fv_dataset head;
    fv_dataset *base;
    int64_t *index;
    size_t index_token;
} subset;

static fv_status subset_batch(fv_dataset *d, const fv_batch_request *r, fv_tensor **x,
                              fv_tensor **y)
{
    const subset *set = (const subset *)d;
    size_t token;
    int64_t *index = numbers_alloc("subset", r->n, &token);
    if (!index) return FV_ERR_MEMORY;
    for (int64_t i = 0; i < r->n; i++) index[i] = set->index[r->index[i]];
    const fv_batch_request inner = {index, r->number, r->n, r->augment};
    fv_status status = set->base->class_->batch(set->base, &inner, x, y);
    fv_block_free(index, token);
    return status;
}

static void subset_release(fv_dataset *d)
{
    subset *set = (subset *)d;
    if (set->index) fv_block_free(set->index, set->index_token);
    fv_dataset_free(set->base);
}

static const fv_dataset_class subset_class = {subset_batch, subset_release, sizeof(subset)};

fv_dataset *fv_subset(fv_dataset *dataset, const int64_t *indices, int64_t count)
{
    if (!dataset || count < 0 || (count > 0 && !indices)) {
        fv_fail(FV_ERR_OPTION, "subset: %s",
                !dataset    ? "no data set"
                : count < 0 ? "a negative count"
                            : "no indices");
        return NULL;
    }
    for (int64_t i = 0; i < count; i++) {
        if (indices[i] >= 0 && indices[i] < dataset->size) continue;
        fv_fail(FV_ERR_INDEX, "subset: index %" PRId64 " is %" PRId64 ", the set has %" PRId64, i,
                indices[i], dataset->size);
        return NULL;
    }
    subset *set = (subset *)fv_dataset_alloc(&subset_class, count);
    if (!set) return NULL;
    set->base = fv_dataset_retain(dataset);
    set->index = numbers_alloc("subset", count, &set->index_token);
    if (!set->index) {
        fv_dataset_free(&set->head);
        return NULL;
    }
    if (count > 0) memcpy(set->index, indices, (size_t)count * sizeof *indices);
    return &set->head;
}

/* --- sets in a row ---------------------------------------------------------------------------- */

typedef struct part {
    fv_dataset *set;
    int64_t first, end; /* numbers of its samples */
} part;

typedef struct concat {
    fv_dataset head;
    part *parts;
    int64_t count;
    size_t token;
} concat;

/* The samples of one part in a batch. */
typedef struct share {
    int64_t *index, *number, *row; /* in the part; of the request; in the batch */
    int64_t n;
} share;

static void find_share(share *s, const part *p, const fv_batch_request *r)
{
    s->n = 0;
    for (int64_t i = 0; i < r->n; i++) {
        if (r->index[i] < p->first || r->index[i] >= p->end) continue;
        s->index[s->n] = r->index[i] - p->first;
        s->number[s->n] = r->number[i];
        s->row[s->n++] = i;
    }
}

/* The rows of from to where the share has them. */
static fv_status spread(const share *s, const fv_batch_request *r, const fv_tensor *from,
                        const char *name, fv_tensor **batch)
{
    fv_status status = FV_OK;
    for (int64_t i = 0; i < s->n && status == FV_OK; i++) {
        fv_tensor *sample = fv_batch_row(from, i);
        if (!sample) return FV_ERR_MEMORY;
        status = fv_batch_put(batch, r->n, s->row[i], sample, name, r->index[s->row[i]]);
        fv_release(sample);
    }
    return status;
}

/* One part's share of a batch, or the whole of it if nobody else has one. */
static fv_status add_share(const share *s, const part *p, const fv_batch_request *r, fv_tensor **x,
                           fv_tensor **y)
{
    const fv_batch_request inner = {s->index, s->number, s->n, r->augment};
    if (s->n == r->n) return p->set->class_->batch(p->set, &inner, x, y);
    fv_tensor *px = NULL, *py = NULL;
    const bool first = !*x;
    fv_status status = p->set->class_->batch(p->set, &inner, &px, &py);
    if (status == FV_OK && !first && !py != !*y)
        status = fv_targets_differ(r->index[s->row[0]], py != NULL);
    if (status == FV_OK) status = spread(s, r, px, "x", x);
    if (status == FV_OK && py) status = spread(s, r, py, "y", y);
    fv_release(px);
    fv_release(py);
    return status;
}

static fv_status concat_batch(fv_dataset *d, const fv_batch_request *r, fv_tensor **x,
                              fv_tensor **y)
{
    const concat *set = (const concat *)d;
    size_t token;
    int64_t *numbers =
        r->n < INT64_MAX / 4 ? numbers_alloc("concat_dataset", 3 * r->n, &token) : NULL;
    if (!numbers) return fv_fail(FV_ERR_MEMORY, "concat_dataset: out of memory");
    share s = {numbers, numbers + r->n, numbers + 2 * r->n, 0};
    fv_status status = FV_OK;
    for (int64_t k = 0; k < set->count && status == FV_OK; k++) {
        find_share(&s, &set->parts[k], r);
        if (s.n > 0) status = add_share(&s, &set->parts[k], r, x, y);
    }
    fv_block_free(numbers, token);
    if (status == FV_OK) return FV_OK;
    fv_release(*x);
    fv_release(*y);
    *x = *y = NULL;
    return status;
}

static void concat_release(fv_dataset *d)
{
    concat *set = (concat *)d;
    for (int64_t k = 0; k < set->count; k++) fv_dataset_free(set->parts[k].set);
    if (set->parts) fv_block_free(set->parts, set->token);
}

static const fv_dataset_class concat_class = {concat_batch, concat_release, sizeof(concat)};

/* The samples of all sets, or -1 with an error. */
static int64_t total_size(fv_datasets sets)
{
    int64_t total = 0;
    if (sets.count < 1 || !sets.items) {
        fv_fail(FV_ERR_OPTION, "concat_dataset: no data set");
        return -1;
    }
    for (int64_t k = 0; k < sets.count; k++) {
        if (!sets.items[k]) {
            fv_fail(FV_ERR_OPTION, "concat_dataset: data set %" PRId64 " is NULL", k);
            return -1;
        }
        if (__builtin_add_overflow(total, sets.items[k]->size, &total)) {
            fv_fail(FV_ERR_OPTION, "concat_dataset: more samples than can be counted");
            return -1;
        }
    }
    return total;
}

fv_dataset *fv_concat_dataset_from(fv_datasets sets)
{
    int64_t total = total_size(sets), end = 0;
    if (total < 0) return NULL;
    concat *set = (concat *)fv_dataset_alloc(&concat_class, total);
    if (!set) return NULL;
    set->parts = fv_block_alloc((size_t)sets.count * sizeof *set->parts, &set->token);
    if (!set->parts) {
        fv_fail(FV_ERR_MEMORY, "concat_dataset: out of memory");
        fv_dataset_free(&set->head);
        return NULL;
    }
    for (; set->count < sets.count; set->count++) {
        fv_dataset *next = fv_dataset_retain(sets.items[set->count]);
        set->parts[set->count] = (part){next, end, end + next->size};
        end += next->size;
    }
    return &set->head;
}

/* --- parts dealt out at random ---------------------------------------------------------------- */

/* How many parts there are: .out without gaps. */
static fv_status count_parts(const fv_random_split_args *a, int *parts)
{
    *parts = 0;
    for (int k = 0; k < FV_MAX_SPLITS; k++) {
        if (a->out[k] && k > *parts)
            return fv_fail(FV_ERR_OPTION, "random_split: out %d is NULL, out %d is not", *parts, k);
        for (int j = 0; a->out[k] && j < k; j++)
            if (a->out[j] == a->out[k])
                return fv_fail(FV_ERR_OPTION, "random_split: out %d and out %d are one", j, k);
        if (a->out[k]) *parts = k + 1;
    }
    for (int k = *parts; k < FV_MAX_SPLITS; k++)
        if (a->lengths[k] != 0 || a->fractions[k] != 0)
            return fv_fail(FV_ERR_OPTION, "random_split: a length for part %d, but %d in .out", k,
                           *parts);
    return *parts > 0 ? FV_OK : fv_fail(FV_ERR_OPTION, "random_split: no .out for the parts");
}

static fv_status lengths_of_fractions(const fv_random_split_args *a, int parts, int64_t *lengths)
{
    double sum = 0;
    int64_t left = a->dataset->size;
    for (int k = 0; k < parts; k++) {
        if (!(a->fractions[k] >= 0 && a->fractions[k] <= 1))
            return fv_fail(FV_ERR_OPTION, "random_split: fraction %d is %g, need 0 to 1", k,
                           a->fractions[k]);
        sum += a->fractions[k];
        lengths[k] = (int64_t)floor((double)a->dataset->size * a->fractions[k]);
        left -= lengths[k];
    }
    if (!(fabs(sum - 1) < 1e-9))
        return fv_fail(FV_ERR_OPTION, "random_split: fractions sum to %.10g, need 1", sum);
    for (int k = 0; left != 0; k = (k + 1) % parts) { /* below 0: fractions a little above 1 */
        int64_t step = left > 0 ? 1 : lengths[k] > 0 ? -1 : 0;
        lengths[k] += step;
        left -= step;
    }
    return FV_OK;
}

static fv_status settle_lengths(const fv_random_split_args *a, int parts, int64_t *lengths)
{
    bool by_fractions = false, by_lengths = false;
    int64_t sum = 0;
    for (int k = 0; k < parts; k++) {
        by_fractions = by_fractions || a->fractions[k] != 0;
        by_lengths = by_lengths || a->lengths[k] != 0;
    }
    if (by_fractions && by_lengths)
        return fv_fail(FV_ERR_OPTION, "random_split: lengths and fractions; give one of them");
    if (by_fractions) return lengths_of_fractions(a, parts, lengths);
    for (int k = 0; k < parts; k++) {
        lengths[k] = a->lengths[k];
        if (lengths[k] < 0)
            return fv_fail(FV_ERR_OPTION, "random_split: length %d is %" PRId64, k, lengths[k]);
        if (__builtin_add_overflow(sum, lengths[k], &sum)) sum = -1;
        if (sum < 0) break;
    }
    if (sum == a->dataset->size) return FV_OK;
    return fv_fail(FV_ERR_OPTION, "random_split: lengths sum to %" PRId64 ", the set has %" PRId64,
                   sum, a->dataset->size);
}

/* Makes all parts of the order, or none. */
static fv_status deal_out(const fv_random_split_args *a, int parts, const int64_t *lengths,
                          const int64_t *order)
{
    for (int k = 0; k < parts; order += lengths[k++]) {
        *a->out[k] = fv_subset(a->dataset, order, lengths[k]);
        if (!*a->out[k]) {
            while (k-- > 0) {
                fv_dataset_free(*a->out[k]);
                *a->out[k] = NULL;
            }
            return fv_error_status();
        }
    }
    for (int k = 0; k < parts; k++)
        if (lengths[k] == 0) fv_warn("random_split: part %d has no sample", k);
    return FV_OK;
}

const fv_random_split_args fv_random_split_defaults = {FV_RANDOM_SPLIT_DEFAULTS};

fv_status fv_random_split_ex(const fv_random_split_args *a)
{
    if (!fv_args_ok("random_split", a, sizeof *a)) return fv_error_status();
    int parts;
    int64_t lengths[FV_MAX_SPLITS];
    size_t token;
    for (int k = 0; k < FV_MAX_SPLITS; k++)
        if (a->out[k]) *a->out[k] = NULL;
    if (!a->dataset) return fv_fail(FV_ERR_OPTION, "random_split: no data set");
    fv_status status = count_parts(a, &parts);
    if (status == FV_OK) status = settle_lengths(a, parts, lengths);
    if (status != FV_OK) return status;
    int64_t *order = numbers_alloc("random_split", a->dataset->size, &token);
    if (!order) return FV_ERR_MEMORY;
    fv_shuffled(fv_stream(fv_settle_seed(a->seed), FV_STREAM_SPLIT, 0), order, a->dataset->size);
    status = deal_out(a, parts, lengths, order);
    fv_block_free(order, token);
    return status;
}
