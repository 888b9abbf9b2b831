/* The group of this process or thread, and what users do with it. */
#include "nn/parallel/distributed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/parallel/group_impl.h"

static fv_group *process_group;              /* of the ranks that are processes */
static _Thread_local fv_group *thread_group; /* of those that are threads */

fv_group *fv_group_current(void)
{
    return thread_group ? thread_group : process_group;
}

void fv_group_set_thread(fv_group *g)
{
    thread_group = g;
}

/* --- beginning and end ------------------------------------------------------------------------ */

bool fv_is_mpi_available(void)
{
#ifdef FV_HAVE_MPI
    return true;
#else
    return false;
#endif
}

/* Has something that starts MPI programs started this one? */
static bool was_launched(void)
{
    return getenv("OMPI_COMM_WORLD_SIZE") || getenv("PMI_RANK") || getenv("PMIX_RANK");
}

const fv_init_process_group_args fv_init_process_group_defaults = {FV_INIT_PROCESS_GROUP_DEFAULTS};

static fv_status check_timeout(const char *function, double timeout)
{
    if (timeout > 0 && isfinite(timeout)) return FV_OK;
    return fv_fail(FV_ERR_OPTION, "%s: timeout is %g, must be above 0", function, timeout);
}

fv_status fv_init_process_group_ex(const fv_init_process_group_args *a)
{
    if (!fv_args_ok("init_process_group", a, sizeof *a)) return FV_ERR_OPTION;
    if (check_timeout("init_process_group", a->timeout) != FV_OK) return FV_ERR_OPTION;
    if (fv_group_current())
        return fv_fail(FV_ERR_STATE, "init_process_group: there is a group already");
    if (!was_launched()) return FV_OK;
#ifdef FV_HAVE_MPI
    fv_transport *t = fv_mpi_transport();
    if (!t) return fv_fail(FV_ERR_MEMORY, "init_process_group: out of memory");
    process_group = fv_group_open(t, a->timeout);
    return process_group ? FV_OK : fv_error_status();
#else
    return fv_fail(FV_ERR_OPTION,
                   "init_process_group: this process was started by mpirun or srun, but Fovea was "
                   "built without MPI, so it would train alone; build with FOVEA_MPI=ON (Debian: "
                   "libopenmpi-dev)");
#endif
}

fv_status fv_destroy_process_group(void)
{
    fv_group *g = fv_group_current();
    if (!g) return FV_OK;
    if (thread_group)
        thread_group = NULL;
    else
        process_group = NULL;
    return fv_group_close(g);
}

int fv_get_rank(void)
{
    const fv_group *g = fv_group_current();
    return g ? fv_group_rank(g) : 0;
}

int fv_get_world_size(void)
{
    const fv_group *g = fv_group_current();
    return g ? fv_group_size(g) : 1;
}

bool fv_is_writer(void)
{
    fv_group *g = fv_group_current();
    return !g || fv_group_writer(g) == fv_group_rank(g);
}

/* --- together --------------------------------------------------------------------------------- */

/* Submits the job and waits. */
static fv_status do_now(fv_group *g, fv_job *job, const char *function)
{
    fv_group_submit(g, job);
    return fv_group_wait(g, job, function);
}

/* One number, summed. */
static fv_status sum_number(fv_group *g, const char *function, int64_t *number)
{
    fv_job *job = fv_job_new(g, FV_JOB_SUM, FV_INT64, 1, FV_STREAM_CALLS);
    if (!job) return FV_ERR_MEMORY;
    memcpy(job->data, number, sizeof *number);
    fv_status status = do_now(g, job, function);
    if (status == FV_OK) memcpy(number, job->data, sizeof *number);
    fv_group_drop(g, job);
    return status;
}

fv_status fv_barrier(void)
{
    int64_t none = 0;
    fv_group *g = fv_group_current();
    return g ? sum_number(g, "barrier", &none) : FV_OK;
}

bool fv_any_rank(bool here)
{
    int64_t ranks = here;
    fv_group *g = fv_group_current();
    return (g && sum_number(g, "any_rank", &ranks) != FV_OK) || ranks > 0;
}

static fv_status check_tensor(const char *function, const fv_tensor *t)
{
    if (!t) return fv_fail(FV_ERR_OPTION, "%s: the tensor is NULL", function);
    if (fv_failed_in(function, t)) /* the failed tensor itself adds no error */
        return fv_error_status() == FV_OK ? FV_ERR_STATE : fv_error_status();
    return fv_need_elements(function, t);
}

static fv_status in_place(fv_group *g, fv_job *job, const char *function, fv_tensor *t)
{
    if (!job) return FV_ERR_MEMORY;
    fv_status status = fv_copy_out(t, t->dtype, job->data);
    if (status == FV_OK) status = do_now(g, job, function);
    if (status == FV_OK) status = fv_copy_in(t, t->dtype, job->data);
    fv_group_drop(g, job);
    return status;
}

fv_status fv_all_reduce_(fv_tensor *t)
{
    fv_status status = check_tensor("all_reduce_", t);
    if (status != FV_OK) return status;
    if (t->dtype != FV_FLOAT32 && t->dtype != FV_FLOAT64 && t->dtype != FV_BFLOAT16 &&
        t->dtype != FV_INT64)
        return fv_fail(
            FV_ERR_DTYPE,
            "all_reduce_: %s cannot be summed over ranks; float32, float64, bfloat16 and "
            "int64 can",
            fv_dtype_name(t->dtype));
    fv_group *g = fv_group_current();
    if (!g) return FV_OK;
    return in_place(g, fv_job_new(g, FV_JOB_SUM, t->dtype, t->numel, FV_STREAM_CALLS),
                    "all_reduce_", t);
}

fv_status fv_broadcast_(fv_tensor *t, int src)
{
    fv_status status = check_tensor("broadcast_", t);
    if (status != FV_OK) return status;
    const int size = fv_get_world_size();
    if (src < 0 || src >= size)
        return fv_fail(FV_ERR_INDEX, "broadcast_: there is no rank %d among %d", src, size);
    fv_group *g = fv_group_current();
    if (!g) return FV_OK;
    const int64_t bytes = t->numel * (int64_t)fv_dtype_size(t->dtype);
    fv_job *job = fv_job_new(g, FV_JOB_BROADCAST, t->dtype, bytes, FV_STREAM_CALLS);
    if (job) job->root = src;
    return in_place(g, job, "broadcast_", t);
}
