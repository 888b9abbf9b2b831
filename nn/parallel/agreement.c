/* Before training: do all ranks have the network of rank 0? Then they get its values. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/parallel/data_parallel_impl.h"
#include "nn/parallel/distributed.h"
#include "tensor/system.h"
#include "tensor/text.h"

/* A line for each tensor: what must agree. */
static void describe(FILE *out, const char *kind, fv_named_list list)
{
    for (int64_t i = 0; i < list.count; i++) {
        const fv_tensor *t = list.items[i].tensor;
        const fv_shape shape = fv_shape_of(t);
        fprintf(out, "%s %s is %s of %s%s, in memory", kind, list.items[i].name,
                fv_shape_text(&shape), fv_dtype_name(t->dtype),
                t->requires_grad ? " with a gradient" : "");
        for (int d = 0; d < t->ndim; d++) fprintf(out, " %lld", (long long)t->strides[d]);
        fputc('\n', out);
    }
}

/* NULL with an error when memory is out. */
static char *description(fv_module *m)
{
    fv_text_stream stream;
    char *text = NULL;
    if (fv_text_stream_begin(&stream)) {
        describe(stream.out, "parameter", fv_named_parameters(m));
        describe(stream.out, "buffer", fv_named_buffers(m));
        text = fv_text_stream_end(&stream);
    }
    if (!text) fv_fail(FV_ERR_MEMORY, "distributed_data_parallel: out of memory");
    return text;
}

/* Bytes of rank 0 to all, in place. */
static fv_status send_bytes(fv_group *g, void *data, int64_t bytes)
{
    fv_job *job = fv_job_new(g, FV_JOB_BROADCAST, FV_UINT8, bytes, FV_STREAM_CALLS);
    if (!job) return FV_ERR_MEMORY;
    memcpy(job->data, data, (size_t)bytes);
    fv_group_submit(g, job);
    fv_status status = fv_group_wait(g, job, "distributed_data_parallel");
    if (status == FV_OK) memcpy(data, job->data, (size_t)bytes);
    fv_group_drop(g, job);
    return status;
}

/* Says the first line in which two descriptions differ. */
static fv_status tell_difference(fv_group *g, const char *mine, const char *theirs)
{
    while (*mine && *theirs) {
        const size_t a = strcspn(mine, "\n"), b = strcspn(theirs, "\n");
        if (a != b || strncmp(mine, theirs, a) != 0) break;
        mine += a + 1;
        theirs += b + 1;
    }
    const int a = (int)strcspn(mine, "\n"), b = (int)strcspn(theirs, "\n");
    return fv_fail(
        FV_ERR_PEER,
        "distributed_data_parallel: another network than that of rank 0: on rank %d %.*s; "
        "on rank 0 %.*s",
        fv_group_rank(g), a ? a : 15, a ? mine : "there is no more", b ? b : 15,
        b ? theirs : "there is no more");
}

/* How many ranks it is true on; -1 after an error. */
static int64_t count_ranks(bool here)
{
    FV_SCOPE;
    int64_t ranks = here;
    fv_tensor *count = fv_tensor_alloc(FV_INT64, &(fv_shape){0}, NULL);
    if (!count || fv_copy_in(count, FV_INT64, &ranks) != FV_OK || fv_all_reduce_(count) != FV_OK)
        ranks = -1;
    else
        ranks = fv_item_int64(count);
    fv_release(count);
    return ranks;
}

static fv_status compare(fv_group *g, const char *mine)
{
    int64_t bytes = (int64_t)strlen(mine) + 1;
    fv_status status = send_bytes(g, &bytes, (int64_t)sizeof bytes);
    char *theirs = status == FV_OK ? calloc(1, (size_t)bytes) : NULL;
    if (!theirs)
        return status == FV_OK ? fv_fail(FV_ERR_MEMORY, "distributed_data_parallel: out of memory")
                               : status;
    if (fv_group_rank(g) == 0) memcpy(theirs, mine, (size_t)bytes);
    status = send_bytes(g, theirs, bytes);
    const bool differs = status == FV_OK && strcmp(mine, theirs) != 0;
    if (differs) tell_difference(g, mine, theirs);
    free(theirs);
    if (status != FV_OK) return status;
    const int64_t others = count_ranks(differs);
    if (others > 0 && !differs)
        return fv_fail(FV_ERR_PEER,
                       "distributed_data_parallel: %lld of %d ranks have another network than rank "
                       "0; their messages say which",
                       (long long)others, fv_group_size(g));
    return others == 0 ? FV_OK : fv_error_status();
}

static fv_status send_all(fv_named_list list)
{
    fv_status status = FV_OK;
    for (int64_t i = 0; i < list.count && status == FV_OK; i++) {
        status = fv_broadcast_(list.items[i].tensor, 0);
        fv_bump_version(list.items[i].tensor);
    }
    return status;
}

fv_status fv_agree_on_network(fv_group *g, fv_module *module)
{
    char *mine = description(module);
    if (!mine) {
        fv_group_fail(g, "a rank has no memory to begin with");
        return FV_ERR_MEMORY;
    }
    fv_status status = compare(g, mine);
    free(mine);
    if (status == FV_OK) status = send_all(fv_named_parameters(module));
    if (status == FV_OK) status = send_all(fv_named_buffers(module));
    return status;
}
