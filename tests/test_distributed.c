/* Ranks that are threads of this process: sums and broadcasts, and what becomes of those who wait
 * when a rank leaves, fails or is silent. The same through MPI: parallel.sh. */
#include <pthread.h>
#include <string.h>

#include "nn/parallel/data_parallel_impl.h"
#include "ranks.h"

/* --- sums and broadcasts ---------------------------------------------------------------------- */

static fv_tensor *elements_of(int rank, fv_dtype dtype, int64_t count)
{
    fv_tensor *t = fv_empty(.shape = FV_SHAPE(count), .dtype = FV_FLOAT64);
    for (int64_t i = 0; i < count; i++) fv_data_float64(t)[i] = element(rank, i);
    return fv_to(t, dtype);
}

/* The ranks in their order, in float32 for bfloat16. */
static fv_tensor *sum_in_order(int ranks, fv_dtype dtype, int64_t count)
{
    const fv_dtype wide = dtype == FV_BFLOAT16 ? FV_FLOAT32 : dtype;
    fv_tensor *sum = fv_to(elements_of(0, dtype, count), wide);
    for (int r = 1; r < ranks; r++) sum = fv_add(sum, fv_to(elements_of(r, dtype, count), wide));
    return fv_to(sum, dtype);
}

static void sum_all(int rank, void *context)
{
    static const fv_dtype dtypes[] = {FV_FLOAT32, FV_FLOAT64, FV_BFLOAT16, FV_INT64};
    static const int64_t counts[] = {0, 1, 3, 7, 1024, 5003};
    (void)context;
    for (int d = 0; d < 4; d++)
        for (int c = 0; c < 6; c++) {
            FV_SCOPE;
            fv_tensor *t = elements_of(rank, dtypes[d], counts[c]);
            EXPECT(fv_all_reduce_(t) == FV_OK);
            EXPECT(tensors_same(t, sum_in_order(fv_get_world_size(), dtypes[d], counts[c])));
        }
}

START_TEST(sums_have_the_order_of_the_ranks)
{
    for (int n = 1; n <= MOST; n++) ck_assert_int_eq(fv_spawn(sum_all, n), FV_OK);
    ck_assert(no_failures());
}
END_TEST

static void broadcast_all(int rank, void *context)
{
    (void)context;
    for (int src = 0; src < fv_get_world_size(); src++)
        for (int64_t count = 0; count < 3; count++) {
            FV_SCOPE;
            fv_tensor *t =
                fv_transpose(fv_view(elements_of(rank, FV_FLOAT32, 6 * count), 2, -1), 0, 1);
            fv_tensor *u =
                fv_transpose(fv_view(elements_of(src, FV_FLOAT32, 6 * count), 2, -1), 0, 1);
            if (count == 0) t = u = fv_empty(0);
            EXPECT(fv_broadcast_(t, src) == FV_OK);
            EXPECT(tensors_same(t, u));
        }
    EXPECT(fv_broadcast_(fv_ones(2), fv_get_world_size()) == FV_ERR_INDEX);
    fv_clear_error();
}

START_TEST(broadcasts_reach_all)
{
    for (int n = 1; n <= MOST; n++) ck_assert_int_eq(fv_spawn(broadcast_all, n), FV_OK);
    ck_assert(no_failures());
}
END_TEST

static void meet(int rank, void *context)
{
    int *arrived = context;
    __atomic_add_fetch(arrived, 1, __ATOMIC_RELAXED);
    EXPECT(fv_barrier() == FV_OK);
    EXPECT(__atomic_load_n(arrived, __ATOMIC_RELAXED) == fv_get_world_size());
    EXPECT(fv_any_rank(rank == 1));
    EXPECT(!fv_any_rank(false));
    EXPECT(fv_is_writer() == (rank == 0));
    EXPECT(fv_get_rank() == rank);
    EXPECT(fv_init_process_group() == FV_ERR_STATE);
    fv_clear_error();
}

START_TEST(ranks_meet)
{
    int arrived = 0;
    ck_assert_int_eq(fv_spawn(meet, 4, &arrived), FV_OK);
    ck_assert(no_failures());
}
END_TEST

START_TEST(alone_everything_is_done_at_once)
{
    FV_SCOPE;
    fv_tensor *t = TENSOR(FV_FLOAT32, FV_SHAPE(2), 1, 2);
    ck_assert_int_eq(fv_init_process_group(), FV_OK);
    ck_assert_int_eq(fv_get_world_size(), 1);
    ck_assert_int_eq(fv_get_rank(), 0);
    ck_assert(fv_is_writer() && !fv_any_rank(false) && fv_any_rank(true));
    ck_assert_int_eq(fv_barrier(), FV_OK);
    ck_assert_int_eq(fv_all_reduce_(t), FV_OK);
    ck_assert_int_eq(fv_broadcast_(t, 0), FV_OK);
    ASSERT_VALUES(t, 0, 1, 2);
    (void)fv_is_mpi_available();
    ck_assert_int_eq(fv_destroy_process_group(), FV_OK);
}
END_TEST

START_TEST(what_cannot_be_is_told)
{
    FV_SCOPE;
    fv_all_reduce_(fv_ones(2, .dtype = FV_INT32));
    expect_error(FV_ERR_DTYPE, "int32 cannot be summed");
    fv_broadcast_(fv_ones(2), 1);
    expect_error(FV_ERR_INDEX, "no rank 1 among 1");
    fv_spawn(NULL, 2);
    expect_error(FV_ERR_OPTION, "function");
    fv_spawn(meet, 0);
    expect_error(FV_ERR_OPTION, "nprocs is 0");
    fv_spawn(meet, 2, NULL, .timeout = 0);
    expect_error(FV_ERR_OPTION, "timeout is 0");
    fv_init_process_group(.timeout = -1);
    expect_error(FV_ERR_OPTION, "timeout is -1");
}
END_TEST

/* --- ranks that go ---------------------------------------------------------------------------- */

static void leave_early(int rank, void *context)
{
    (void)context;
    if (rank == 1) return;
    EXPECT(fv_barrier() == FV_ERR_PEER);
    EXPECT(strstr(fv_error(), "rank 1 has left while this rank waits for it") ||
           strstr(fv_error(), "says that rank 1 is gone"));
    fv_clear_error();
    EXPECT(fv_barrier() == FV_ERR_PEER); /* at once */
    EXPECT(fv_any_rank(false));
    fv_clear_error();
    EXPECT(fv_is_writer() == (rank == 0));
}

START_TEST(a_rank_that_leaves_ends_what_waits_for_it)
{
    ck_assert_int_eq(fv_spawn(leave_early, 3), FV_ERR_PEER);
    expect_error(FV_ERR_PEER, "destroy_process_group");
    ck_assert(no_failures());
}
END_TEST

static fv_tensor *refuse(fv_tensor *grad, void *context)
{
    (void)grad;
    (void)context;
    fv_fail(FV_ERR_OPTION, "this rank will not");
    return NULL;
}

static void fail_in_backward(int rank, void *context)
{
    FV_SCOPE;
    (void)context;
    fv_module *net = fv_sequential(fv_nn_linear(2, 2), fv_nn_linear(2, 2));
    fv_data_parallel *parallel = fv_distributed_data_parallel(net, .bucket_cap_mb = 1e-6);
    fv_tensor *h = fv_relu(fv_child(net, "0", fv_ones(2, 2)));
    if (rank == 0) fv_register_hook(h, refuse, NULL); /* the first layer has no gradient then */
    fv_status status = fv_backward(fv_sum(fv_child(net, "1", h)));
    EXPECT(status == (rank == 0 ? FV_ERR_OPTION : FV_ERR_PEER));
    EXPECT(rank == 0 || strstr(fv_error(), "rank 0 has failed") ||
           strstr(fv_error(), "rank 0 is gone"));
    fv_clear_error();
    fv_barrier(); /* by now all know who writes */
    fv_clear_error();
    EXPECT(fv_is_writer() == (rank == 1));
    fv_free(parallel);
    fv_free(net);
}

START_TEST(an_error_in_backward_is_everybodys)
{
    ck_assert_int_eq(fv_spawn(fail_in_backward, 3), FV_ERR_PEER);
    fv_clear_error();
    ck_assert(no_failures());
}
END_TEST

/* A transport that a switch makes silent, as a process that is stopped. */
static bool muted; /* atomic access */

static bool (*heard_send)(fv_transport *t, int to, int tag, const void *data, size_t bytes,
                          fv_message *m);

static bool muted_send(fv_transport *t, int to, int tag, const void *data, size_t bytes,
                       fv_message *m)
{
    if (t->rank != 1 || !__atomic_load_n(&muted, __ATOMIC_RELAXED))
        return heard_send(t, to, tag, data, bytes, m);
    memset(m, 0, sizeof *m);
    return true;
}

typedef struct quiet_rank {
    fv_transport *transport;
    pthread_t thread;
    fv_status status;
    bool writes;
    char message[300];
} quiet_rank;

static void *wait_for_silent(void *context)
{
    quiet_rank *q = context;
    fv_group *g = fv_group_open(q->transport, 1.0);
    fv_group_set_thread(g);
    fv_barrier();
    if (fv_get_rank() == 1) {
        __atomic_store_n(&muted, true, __ATOMIC_RELAXED);
        fv_barrier();
    }
    q->status = fv_get_rank() == 1 ? FV_ERR_PEER : fv_barrier();
    strncpy(q->message, fv_error(), sizeof q->message - 1);
    fv_clear_error();
    q->writes = fv_is_writer();
    fv_destroy_process_group();
    fv_clear_error();
    return NULL;
}

START_TEST(a_silent_rank_becomes_an_error_everywhere)
{
    fv_transport *t[3];
    quiet_rank ranks[3] = {{0}};
    ck_assert(fv_thread_transports(3, t));
    fv_transport_class class_ = *t[0]->class_;
    heard_send = class_.send;
    class_.send = muted_send;
    for (int r = 0; r < 3; r++) {
        t[r]->class_ = &class_;
        ranks[r].transport = t[r];
        pthread_create(&ranks[r].thread, NULL, wait_for_silent, &ranks[r]);
    }
    for (int r = 0; r < 3; r++) pthread_join(ranks[r].thread, NULL);
    for (int r = 0; r < 3; r += 2) {
        ck_assert_int_eq(ranks[r].status, FV_ERR_PEER);
        ck_assert(strstr(ranks[r].message, "rank 1 has been silent for 1 s") ||
                  strstr(ranks[r].message, "says that rank 1 is gone"));
        ck_assert_int_eq(ranks[r].writes, r == 0);
    }
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("distributed");
    TCase *calls = add_case(suite, "calls");
    tcase_add_test(calls, sums_have_the_order_of_the_ranks);
    tcase_add_test(calls, broadcasts_reach_all);
    tcase_add_test(calls, ranks_meet);
    tcase_add_test(calls, alone_everything_is_done_at_once);
    tcase_add_test(calls, what_cannot_be_is_told);
    TCase *gone = add_case(suite, "gone");
    tcase_add_test(gone, a_rank_that_leaves_ends_what_waits_for_it);
    tcase_add_test(gone, an_error_in_backward_is_everybodys);
    tcase_add_test(gone, a_silent_rank_becomes_an_error_everywhere);
    return suite;
}
