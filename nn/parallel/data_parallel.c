/* Averaged gradients: hooks on the parameters, buckets on their way, the end of a pass. */
#include "nn/parallel/data_parallel.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "autograd/autograd.h"
#include "autograd/op.h"
#include "nn/parallel/data_parallel_impl.h"

/* --- buffers ---------------------------------------------------------------------------------- */

static size_t bytes_of(const fv_tensor *t)
{
    return (size_t)t->numel * fv_dtype_size(t->dtype);
}

/* Copies of all buffers in a row, at out. */
static fv_status pack_buffers(const fv_data_parallel *p, unsigned char *out)
{
    fv_status status = FV_OK;
    for (int64_t i = 0; i < p->buffer_count && status == FV_OK; i++) {
        status = fv_copy_out(p->buffers[i], p->buffers[i]->dtype, out);
        out += bytes_of(p->buffers[i]);
    }
    return status;
}

/* A buffer that is the same already is left alone: somebody may have saved it for a gradient. */
static fv_status unpack_buffers(const fv_data_parallel *p, const unsigned char *mine)
{
    const unsigned char *theirs = p->buffer_job->data;
    fv_status status = FV_OK;
    for (int64_t i = 0; i < p->buffer_count && status == FV_OK; i++) {
        fv_tensor *t = p->buffers[i];
        if (memcmp(mine, theirs, bytes_of(t)) != 0) {
            status = fv_copy_in(t, t->dtype, theirs);
            fv_bump_version(t);
        }
        mine += bytes_of(t);
        theirs += bytes_of(t);
    }
    return status;
}

/* The buffers of rank `from` to all. */
static fv_status send_buffers(fv_data_parallel *p, int from)
{
    fv_job *job = p->buffer_job;
    unsigned char *mine = malloc((size_t)job->count);
    if (!mine) return fv_fail(FV_ERR_MEMORY, "backward: no memory for buffers");
    fv_status status = pack_buffers(p, mine);
    memcpy(job->data, mine, (size_t)job->count);
    job->root = from;
    fv_group_submit(p->group, job);
    if (status == FV_OK) status = fv_group_wait(p->group, job, "backward");
    if (status == FV_OK && from != fv_group_rank(p->group)) status = unpack_buffers(p, mine);
    free(mine);
    return status;
}

/* --- a pass ----------------------------------------------------------------------------------- */

/* Averages, and the buffers of the lowest rank that runs a backward. True when one does. */
static bool finish(fv_data_parallel *p)
{
    int from = -1;
    fv_status status = fv_buckets_finish(p, &from);
    if (status == FV_OK && p->buffer_job && from >= 0) status = send_buffers(p, from);
    if (status != FV_OK) fv_group_fail(p->group, "the gradients could not be averaged");
    return status == FV_OK && from >= 0;
}

static void end_pass(fv_status status, void *context)
{
    fv_data_parallel *p = context;
    p->running = false;
    if (status == FV_OK && !p->broken) {
        finish(p);
        return;
    }
    fv_group_fail(p->group, "an error in backward");
    fv_buckets_abandon(p);
}

static void begin_pass(fv_data_parallel *p)
{
    p->broken = fv_queue_callback(end_pass, p) != FV_OK;
    p->running = !p->broken;
    if (p->running) fv_buckets_begin(p, true);
}

static void on_gradient(fv_tensor *leaf, void *context)
{
    fv_slot *slot = context;
    fv_data_parallel *p = slot->parallel;
    if (!p->sync || leaf->shapes_only) return;
    if (!p->running) begin_pass(p);
    if (!p->running) return;
    if (slot->bucket < p->launched) {
        p->broken = true;
        fv_fail(FV_ERR_AUTOGRAD,
                "backward: the parameter %s of a network that is trained on many "
                "ranks has its gradient twice in one pass",
                fv_text(leaf));
        return;
    }
    fv_bucket_fill(p, slot);
}

bool fv_join(fv_data_parallel *parallel)
{
    fv_data_parallel *p = parallel;
    if (!p) {
        fv_fail(FV_ERR_OPTION, "join: there is no network");
        return false;
    }
    if (!p->group || fv_error_status() != FV_OK) return false;
    for (int64_t i = 0; i < p->slot_count; i++) fv_set_grad(p->slots[i].param, NULL);
    fv_buckets_begin(p, false);
    return finish(p);
}

/* --- life time -------------------------------------------------------------------------------- */

const fv_distributed_data_parallel_args fv_distributed_data_parallel_defaults = {
    FV_DISTRIBUTED_DATA_PARALLEL_DEFAULTS};

static bool no_memory(void)
{
    fv_fail(FV_ERR_MEMORY, "distributed_data_parallel: out of memory");
    return false;
}

/* The parameters that want a gradient, last first, with hooks. */
static bool make_slots(fv_data_parallel *p, fv_module *module)
{
    const fv_tensor_list params = fv_parameters(module);
    p->slots = calloc((size_t)params.count + 1, sizeof *p->slots);
    if (!p->slots) return no_memory();
    for (int64_t i = params.count; i-- > 0;) {
        fv_tensor *t = params.items[i];
        if (!t->requires_grad) continue;
        fv_slot *slot = &p->slots[p->slot_count++];
        *slot = (fv_slot){.parallel = p, .param = fv_retain(t)};
        slot->hook = fv_register_post_accumulate_grad_hook(t, on_gradient, slot);
        if (!slot->hook) return false;
    }
    return true;
}

static bool keep_buffers(fv_data_parallel *p, fv_module *module)
{
    const fv_named_list buffers = fv_named_buffers(module);
    int64_t bytes = 0;
    if (buffers.count == 0) return true;
    p->buffers = calloc((size_t)buffers.count, sizeof *p->buffers);
    if (!p->buffers) return no_memory();
    for (int64_t i = 0; i < buffers.count; i++) {
        p->buffers[p->buffer_count++] = fv_retain(buffers.items[i].tensor);
        bytes += (int64_t)bytes_of(buffers.items[i].tensor);
    }
    p->buffer_job =
        fv_job_new(p->group, FV_JOB_BROADCAST, FV_UINT8, bytes, fv_group_new_stream(p->group));
    return p->buffer_job != NULL;
}

static fv_status check(const fv_distributed_data_parallel_args *a)
{
    static const char name[] = "distributed_data_parallel";
    if (!a->module) return fv_fail(FV_ERR_OPTION, "%s: the module is NULL", name);
    if (!(a->bucket_cap_mb > 0))
        return fv_fail(FV_ERR_OPTION, "%s: bucket_cap_mb is %g, must be above 0", name,
                       a->bucket_cap_mb);
    const fv_tensor_list params = fv_parameters(a->module);
    bool any = false;
    for (int64_t i = 0; i < params.count; i++) {
        any |= params.items[i]->requires_grad;
        if (fv_need_elements(name, params.items[i]) != FV_OK) return fv_error_status();
    }
    return any ? FV_OK
               : fv_fail(FV_ERR_OPTION, "%s: no parameter of the module wants a gradient", name);
}

static bool set_up(fv_data_parallel *p, const fv_distributed_data_parallel_args *a)
{
    if (!p->group) return true;
    if (fv_agree_on_network(p->group, a->module) != FV_OK) return false;
    return make_slots(p, a->module) && fv_buckets_make(p, a->bucket_cap_mb, a->bfloat16) &&
           (!a->broadcast_buffers || keep_buffers(p, a->module));
}

fv_data_parallel *fv_distributed_data_parallel_ex(const fv_distributed_data_parallel_args *a)
{
    if (!fv_args_ok("distributed_data_parallel", a, sizeof *a) || check(a) != FV_OK) return NULL;
    fv_data_parallel *p = calloc(1, sizeof *p);
    if (!p) {
        no_memory();
        return NULL;
    }
    fv_group *g = fv_group_current();
    *p = (fv_data_parallel){.group = g ? fv_group_retain(g) : NULL, .sync = true};
    if (set_up(p, a)) return p;
    fv_data_parallel_free(p);
    return NULL;
}

void fv_data_parallel_free(fv_data_parallel *parallel)
{
    fv_data_parallel *p = parallel;
    if (!p) return;
    for (int64_t i = 0; i < p->slot_count; i++) {
        fv_remove_hook(p->slots[i].param, p->slots[i].hook);
        fv_release(p->slots[i].param);
    }
    for (int64_t k = 0; k < p->bucket_count; k++) fv_group_drop(p->group, p->buckets[k].job);
    for (int64_t i = 0; i < p->buffer_count; i++) fv_release(p->buffers[i]);
    if (p->buffer_job) fv_group_drop(p->group, p->buffer_job);
    if (p->group) fv_group_release(p->group);
    free(p->slots);
    free(p->buckets);
    free(p->buffers);
    free(p);
}

/* --- no_sync ---------------------------------------------------------------------------------- */

bool fv_set_grad_sync(fv_data_parallel *parallel, bool on)
{
    if (!parallel) {
        fv_fail(FV_ERR_OPTION, "set_grad_sync: there is no network");
        return false;
    }
    const bool before = parallel->sync;
    parallel->sync = on;
    return before;
}

fv_sync_mode fv_sync_mode_open(fv_data_parallel *parallel, bool on)
{
    return (fv_sync_mode){parallel, fv_set_grad_sync(parallel, on)};
}

void fv_sync_mode_close(fv_sync_mode *mode)
{
    if (mode && mode->parallel) fv_set_grad_sync(mode->parallel, mode->before);
    if (mode) mode->parallel = NULL;
}

fv_data_parallel_times fv_data_parallel_get_times(const fv_data_parallel *parallel)
{
    return parallel ? parallel->times : (fv_data_parallel_times){0};
}
