/* Sums and broadcasts as machines of messages that never wait.
 *
 * A sum is cut into as many parts as there are ranks. Every rank sends part p to rank p, which adds
 * the parts of all ranks in the order of the ranks and sends the result to every rank:
 *
 *   rank 0   a0 a1 a2         a0+b0+c0  .  .         a0+b0+c0 a1+b1+c1 a2+b2+c2
 *   rank 1   b0 b1 b2   ──►   .  a1+b1+c1  .   ──►   the same
 *   rank 2   c0 c1 c2         .  .  a2+b2+c2         the same
 *
 * Each element is added by one rank and copied to the others, so all have the same bits; each rank
 * sends and receives twice (n - 1) / n of the bytes, which is the least there is. A broadcast goes
 * down a binomial tree. */
#include <string.h>

#include "nn/parallel/group_impl.h"
#include "tensor/memory.h"
#include "tensor/scratch.h"

/* --- messages --------------------------------------------------------------------------------- */

/* Tags: 8 bits of the stream, 12 of the job's number in it, 1 of the phase; the upper half of all
 * is free for others. */
static int tag_of(const fv_job *job, int phase)
{
    return (int)((uint32_t)job->stream << 13 | (job->number & 4095u) << 1 | (uint32_t)phase);
}

static bool begin_piece(fv_transfer *x, fv_transport *t)
{
    x->piece = x->left < FV_MAX_MESSAGE ? x->left : FV_MAX_MESSAGE;
    return x->receives ? t->class_->receive(t, x->peer, x->tag, x->data, x->piece, &x->message)
                       : t->class_->send(t, x->peer, x->tag, x->data, x->piece, &x->message);
}

/* Messages without bytes are left out, on both sides. */
static bool begin(fv_job *job, fv_transport *t, bool receives, int peer, int phase, void *data,
                  size_t bytes)
{
    if (bytes == 0) return true;
    fv_transfer *x = &job->transfers[job->transfer_count++];
    *x = (fv_transfer){
        .data = data, .left = bytes, .peer = peer, .tag = tag_of(job, phase), .receives = receives};
    return begin_piece(x, t);
}

static fv_message_status step_transfer(fv_transfer *x, fv_transport *t, bool *moved)
{
    while (x->left) {
        fv_message_status status = t->class_->test(t, &x->message);
        if (status != FV_MESSAGE_DONE) return status;
        *moved = true;
        x->data += x->piece;
        x->left -= x->piece;
        if (x->left && !begin_piece(x, t)) return FV_MESSAGE_BROKEN;
    }
    return FV_MESSAGE_DONE;
}

/* All messages of the phase. */
static fv_message_status step_transfers(fv_job *job, fv_transport *t, bool *moved)
{
    fv_message_status all = FV_MESSAGE_DONE;
    for (int i = 0; i < job->transfer_count; i++) {
        fv_message_status status = step_transfer(&job->transfers[i], t, moved);
        if (status == FV_MESSAGE_BROKEN) return status;
        if (status == FV_MESSAGE_WAITS) all = status;
    }
    return all;
}

/* --- sums ------------------------------------------------------------------------------------- */

typedef struct part {
    unsigned char *data;
    int64_t count;
    size_t bytes;
} part;

static part part_of(const fv_job *job, int rank, int size)
{
    const size_t element = fv_dtype_size(job->dtype);
    const int64_t each = job->count / size, more = job->count % size;
    const int64_t first = rank * each + (rank < more ? rank : more);
    const int64_t count = each + (rank < more);
    return (part){(unsigned char *)job->data + (size_t)first * element, count,
                  (size_t)count * element};
}

static unsigned char *received_from(const fv_job *job, int peer, int rank, size_t bytes)
{
    return job->theirs + (size_t)(peer < rank ? peer : peer - 1) * bytes;
}

static bool scatter(fv_job *job, fv_transport *t)
{
    const part mine = part_of(job, t->rank, t->size);
    bool ok = true;
    for (int k = 1; k < t->size && ok; k++) { /* each rank begins with another one */
        const int from = (t->rank + t->size - k) % t->size, to = (t->rank + k) % t->size;
        const part theirs = part_of(job, to, t->size);
        ok = begin(job, t, true, from, 0, received_from(job, from, t->rank, mine.bytes),
                   mine.bytes) &&
             begin(job, t, false, to, 0, theirs.data, theirs.bytes);
    }
    return ok;
}

static bool add_and_gather(fv_job *job, fv_transport *t)
{
    const part mine = part_of(job, t->rank, t->size);
    for (int p = 0; p < t->size; p++)
        job->parts[p] = p == t->rank ? mine.data : received_from(job, p, t->rank, mine.bytes);
    fv_sum_parts(job->dtype, mine.data, job->parts, t->size, mine.count, job->scale);
    bool ok = true;
    for (int k = 1; k < t->size && ok; k++) {
        const int from = (t->rank + t->size - k) % t->size, to = (t->rank + k) % t->size;
        const part theirs = part_of(job, from, t->size);
        ok = begin(job, t, true, from, 1, theirs.data, theirs.bytes) &&
             begin(job, t, false, to, 1, mine.data, mine.bytes);
    }
    return ok;
}

/* --- broadcasts ------------------------------------------------------------------------------- */

/* Counted from the root, a rank's parent is the number without its lowest bit. */
static bool from_parent(fv_job *job, fv_transport *t)
{
    const int place = (t->rank - job->root + t->size) % t->size;
    const int parent = ((place & (place - 1)) + job->root) % t->size;
    return place == 0 || begin(job, t, true, parent, 0, job->data, (size_t)job->count);
}

static bool to_children(fv_job *job, fv_transport *t)
{
    const int place = (t->rank - job->root + t->size) % t->size;
    bool ok = true;
    for (int bit = 1; ok && place + bit < t->size && !(place & bit); bit *= 2)
        ok = begin(job, t, false, (place + bit + job->root) % t->size, 0, job->data,
                   (size_t)job->count);
    return ok;
}

/* --- jobs ------------------------------------------------------------------------------------- */

/* The messages that phase 0 and phase 1 begin with. */
static bool (*const begin_phase[2][2])(fv_job *job, fv_transport *t) = {
    [FV_JOB_SUM] = {scatter, add_and_gather},
    [FV_JOB_BROADCAST] = {from_parent, to_children},
};

fv_message_status fv_job_step(fv_job *job, fv_transport *t, bool *moved)
{
    fv_message_status status = FV_MESSAGE_DONE;
    while (status == FV_MESSAGE_DONE && job->phase < 4) { /* begin, messages, begin, messages */
        if (job->phase % 2 == 1) {
            status = step_transfers(job, t, moved);
        } else {
            job->transfer_count = 0;
            if (!begin_phase[job->kind][job->phase / 2](job, t)) return FV_MESSAGE_BROKEN;
        }
        if (status == FV_MESSAGE_DONE) job->phase++;
    }
    return status;
}

/* Lays out what a job owns behind it; only measures while it has no memory. */
static fv_job *lay_out(fv_scratch *s, fv_job_kind kind, fv_dtype dtype, int64_t count, int size)
{
    const size_t n = (size_t)size;
    const size_t element = kind == FV_JOB_SUM ? fv_dtype_size(dtype) : 1;
    const size_t each = ((size_t)count / n + 1) * element;
    fv_job *job = fv_take(s, sizeof *job);
    fv_transfer *transfers = fv_take(s, 2 * n * sizeof *transfers);
    const void **parts = fv_take(s, n * sizeof *parts);
    unsigned char *theirs = fv_take(s, kind == FV_JOB_SUM ? each * (n - 1) : 0);
    void *data = fv_take(s, (size_t)count * element);
    if (!job) return NULL;
    *job = (fv_job){.kind = kind,
                    .dtype = dtype,
                    .count = count,
                    .scale = 1.0,
                    .data = data,
                    .transfers = transfers,
                    .parts = parts,
                    .theirs = theirs};
    return job;
}

fv_job *fv_job_new(const fv_group *g, fv_job_kind kind, fv_dtype dtype, int64_t count, int stream)
{
    fv_scratch measure = {0};
    size_t token;
    lay_out(&measure, kind, dtype, count, fv_group_size(g));
    void *block = fv_block_alloc(measure.used, &token);
    if (!block) {
        fv_fail(FV_ERR_MEMORY, "distributed: no memory for %lld elements", (long long)count);
        return NULL;
    }
    fv_scratch memory = {.memory = block};
    fv_job *job = lay_out(&memory, kind, dtype, count, fv_group_size(g));
    job->stream = stream;
    job->block = block;
    job->token = token;
    return job;
}

void fv_job_free(fv_job *job)
{
    fv_block_free(job->block, job->token);
}
