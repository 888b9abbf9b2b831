/* The caching allocator and scopes among several threads: blocks that change hands, threads that
 * end, a shutdown and forks while others live. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "process.h"
#include "support.h"

enum { MIB = 1 << 20 };

/* Runs body in a thread of its own, to its end. */
static void in_thread(void *(*body)(void *), void *context)
{
    pthread_t id;
    ck_assert_int_eq(pthread_create(&id, NULL, body, context), 0);
    pthread_join(id, NULL);
}

/* --- blocks that change hands ----------------------------------------------------------------- */

enum { SLOTS = 64, THREADS = 4, ROUNDS = 20000 };

/* Blocks that threads take from each other: the size in front, then a byte that fills the rest. */
static size_t *slots[SLOTS];

static void check_and_free(size_t *block)
{
    if (!block) return;
    unsigned char *bytes = (unsigned char *)(block + 2), fill = (unsigned char)block[0];
    for (size_t k = 0; k < block[0] - 2 * sizeof *block; k += 61)
        if (bytes[k] != fill) abort();
    fv_block_free(block, block[1]);
}

static void *exchange(void *number)
{
    uint64_t random = 88172645463325252u + (uint64_t)(uintptr_t)number;
    for (int k = 0; k < ROUNDS; k++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        size_t token, bytes = 64 + (random >> 33) % (k % 50 ? 2000 : 600000);
        size_t *block = fv_block_alloc(bytes, &token);
        if (!block) abort();
        memset(block, (unsigned char)bytes, bytes);
        block[0] = bytes;
        block[1] = token;
        check_and_free(__atomic_exchange_n(&slots[random >> 58], block, __ATOMIC_ACQ_REL));
        if (k % 5000 == 0) fv_empty_cache();
        if (k % 100 == 0 && fv_memory_stats().cached_bytes < 0) abort();
    }
    return NULL;
}

START_TEST(threads_may_free_each_others_blocks)
{
    memory_mark mark = mark_memory();
    char difference[128];
    pthread_t ids[THREADS];
    for (uintptr_t k = 0; k < THREADS; k++)
        ck_assert_int_eq(pthread_create(&ids[k], NULL, exchange, (void *)k), 0);
    for (int k = 0; k < THREADS; k++) pthread_join(ids[k], NULL);
    for (int k = 0; k < SLOTS; k++) check_and_free(slots[k]);
    memset(slots, 0, sizeof slots);
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

/* A ring that one thread fills with tensors and another empties. */
enum { RING = 256, TENSORS = FOVEA_SANITIZED ? 100000 : 1000000, WARM_UP = 20000 };
static fv_tensor *ring[RING];
static fv_memory_info warm;
static int64_t warm_resident;

static void *produce(void *unused)
{
    for (int k = 0; k < TENSORS; k++) {
        if (k == WARM_UP) {
            warm = fv_memory_stats();
            warm_resident = resident_bytes();
        }
        fv_tensor *t = NULL;
        {
            FV_SCOPE;
            t = fv_retain(fv_empty(1 + k % 300));
        }
        if (fv_failed(t)) abort();
        while (__atomic_load_n(&ring[k % RING], __ATOMIC_ACQUIRE)) sched_yield();
        __atomic_store_n(&ring[k % RING], t, __ATOMIC_RELEASE);
    }
    return unused;
}

static void *consume(void *unused)
{
    for (int k = 0; k < TENSORS; k++) {
        fv_tensor *t;
        while (!(t = __atomic_load_n(&ring[k % RING], __ATOMIC_ACQUIRE))) sched_yield();
        __atomic_store_n(&ring[k % RING], NULL, __ATOMIC_RELEASE);
        fv_release(t);
    }
    return unused;
}

START_TEST(tensors_of_one_thread_may_die_in_another_for_ever)
{
    pthread_t producer, consumer;
    memory_mark mark = mark_memory();
    char difference[128];
    ck_assert_int_eq(pthread_create(&producer, NULL, produce, NULL), 0);
    ck_assert_int_eq(pthread_create(&consumer, NULL, consume, NULL), 0);
    pthread_join(producer, NULL);
    pthread_join(consumer, NULL);
    ck_assert_int_le(fv_memory_stats().reserved_bytes, warm.reserved_bytes + 2 * MIB);
    if (warm_resident) ck_assert_int_lt(resident_bytes(), warm_resident + 3 * MIB);
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
}
END_TEST

/* --- threads that end ------------------------------------------------------------------------- */

enum { BLOCKS = 400, BLOCK_BYTES = 4000 };

/* Leaves free blocks to its end, and tells what the statistics said before it. */
static void *free_many(void *info)
{
    static __thread void *blocks[BLOCKS];
    static __thread size_t tokens[BLOCKS];
    for (int k = 0; k < BLOCKS; k++) {
        blocks[k] = fv_block_alloc(BLOCK_BYTES, &tokens[k]);
        if (!blocks[k]) abort();
    }
    for (int k = 0; k < BLOCKS; k++) fv_block_free(blocks[k], tokens[k]);
    *(fv_memory_info *)info = fv_memory_stats();
    return NULL;
}

START_TEST(a_thread_gives_its_blocks_back_when_it_ends)
{
    fv_memory_info first, last = {0};
    in_thread(free_many, &first);
    ck_assert_int_ge(first.cached_bytes, BLOCKS * BLOCK_BYTES);
    ck_assert_int_eq(fv_memory_stats().cached_bytes, first.cached_bytes);
    for (int k = 0; k < 200; k++) in_thread(free_many, &last);
    ck_assert_int_eq(last.cached_bytes, first.cached_bytes);
    ck_assert_int_eq(last.system_allocs, first.system_allocs);
    ck_assert_int_eq(fv_memory_stats().cached_bytes, first.cached_bytes);
}
END_TEST

/* A thread that keeps a free block until it is told to end. */
typedef struct keeper {
    pthread_t id;
    int told;
} keeper;

static void *keep_block(void *self)
{
    size_t token;
    void *block = fv_block_alloc(BLOCK_BYTES, &token);
    fv_block_free(block, token);
    while (!__atomic_load_n(&((keeper *)self)->told, __ATOMIC_ACQUIRE)) sched_yield();
    return NULL;
}

static void start(keeper *k)
{
    k->told = 0;
    ck_assert_int_eq(pthread_create(&k->id, NULL, keep_block, k), 0);
}

static void end(keeper *k)
{
    __atomic_store_n(&k->told, 1, __ATOMIC_RELEASE);
    pthread_join(k->id, NULL);
    ck_assert_int_gt(fv_memory_stats().cached_bytes, 0);
}

START_TEST(threads_end_in_any_order)
{
    enum { ALIVE = 5, TURNS = 200 };
    keeper keepers[ALIVE];
    uint64_t random = 1;
    for (int k = 0; k < ALIVE; k++) start(&keepers[k]);
    for (int k = 0; k < TURNS; k++) {
        random = random * 6364136223846793005u + 1442695040888963407u;
        keeper *one = &keepers[(random >> 33) % ALIVE];
        end(one);
        start(one);
    }
    for (int k = 0; k < ALIVE; k++) end(&keepers[k]);
}
END_TEST

static pthread_key_t late_key;
static int late_calls;

/* A destructor of the thread that runs after those of the library, and again after that. */
static void make_tensors_late(void *unused)
{
    for (int k = 0; k < 300; k++) fv_zeros(10);
    {
        FV_SCOPE;
        fv_add(fv_ones(3), fv_ones(3));
    }
    if (++late_calls % 2) pthread_setspecific(late_key, unused);
}

static void *end_with_tensors(void *unused)
{
    fv_zeros(10);
    pthread_setspecific(late_key, &late_key);
    return unused;
}

START_TEST(destructors_of_a_thread_may_make_tensors_once_more)
{
    enum { MANY = 2000 };
    char difference[128];
    memory_mark mark = mark_memory();
    {
        FV_SCOPE; /* the library's keys come first, and its lists have all that is wanted */
        for (int k = 0; k < MANY; k++) fv_zeros(10);
    }
    ck_assert_int_eq(pthread_key_create(&late_key, make_tensors_late), 0);
    fv_memory_info before = fv_memory_stats();
    for (int k = 0; k < 100; k++) in_thread(end_with_tensors, NULL);
    ck_assert_int_eq(late_calls, 2 * 100);
    ck_assert_msg(same_memory(mark, difference, sizeof difference), "%s", difference);
    ck_assert_int_eq(fv_memory_stats().cached_bytes, before.cached_bytes);
    ck_assert_int_eq(fv_memory_stats().reserved_bytes, before.reserved_bytes);
    pthread_key_delete(late_key);
}
END_TEST

/* --- shutdown and forks while other threads live ---------------------------------------------- */

static pthread_barrier_t barrier;

static void *live_through_shutdown(void *unused)
{
    fv_memory_info ignored;
    free_many(&ignored);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier); /* the main thread shuts the library down */
    free_many(&ignored);
    {
        FV_SCOPE;
        if (fv_item(fv_sum(fv_ones(100))) != 100) abort();
    }
    return unused;
}

START_TEST(a_shutdown_leaves_no_other_thread_with_old_blocks)
{
    pthread_t id;
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
    ck_assert_int_eq(pthread_create(&id, NULL, live_through_shutdown, NULL), 0);
    pthread_barrier_wait(&barrier);
    fv_shutdown();
    ck_assert_int_eq(fv_memory_stats().cached_bytes, 0);
    ck_assert_int_eq(fv_memory_stats().reserved_bytes, 0);
    pthread_barrier_wait(&barrier);
    pthread_join(id, NULL);
    ck_assert_int_ge(fv_memory_stats().cached_bytes, BLOCKS * BLOCK_BYTES);
    pthread_barrier_destroy(&barrier);
}
END_TEST

/* --- what lives, whoever made it -------------------------------------------------------------- */

enum { MADE = 5, NODES = 3 };
static fv_tensor *made[MADE];

/* Makes tensors that outlive it, and says that it made nodes. */
static void *make_and_wait(void *unused)
{
    const fv_shape shape = FV_SHAPE(3);
    for (int k = 0; k < MADE; k++) made[k] = fv_tensor_alloc(FV_FLOAT32, &shape, NULL);
    fv_count_nodes(NODES);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier); /* the main thread has looked */
    return unused;
}

static void assert_more_live(const fv_memory_info *before, int64_t tensors, int64_t nodes)
{
    fv_memory_info now = fv_memory_stats();
    ck_assert_int_eq(now.live_tensors, before->live_tensors + tensors);
    ck_assert_int_eq(now.live_nodes, before->live_nodes + nodes);
}

START_TEST(what_lives_is_counted_whoever_made_it)
{
    pthread_t id;
    int status = 0;
    fv_memory_info before = fv_memory_stats();
    fflush(NULL);
    ck_assert_int_eq(pthread_barrier_init(&barrier, NULL, 2), 0);
    ck_assert_int_eq(pthread_create(&id, NULL, make_and_wait, NULL), 0);
    pthread_barrier_wait(&barrier);
    assert_more_live(&before, MADE, NODES);
    pid_t child = fork();
    if (child == 0) _exit(fv_memory_stats().live_tensors == before.live_tensors + MADE ? 0 : 6);
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert_msg(status == 0, "a child ended with status 0x%x", (unsigned)status);
    pthread_barrier_wait(&barrier);
    pthread_join(id, NULL);
    assert_more_live(&before, MADE, NODES);
    for (int k = 0; k < MADE; k++) fv_release(made[k]);
    fv_count_nodes(-NODES);
    assert_more_live(&before, 0, 0);
    pthread_barrier_destroy(&barrier);
}
END_TEST

static int stop;

/* Holds the allocator's lock most of the time, and free blocks of its own. */
static void *be_busy(void *unused)
{
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        size_t tokens[2];
        void *small = fv_block_alloc(BLOCK_BYTES, &tokens[0]);
        void *large = fv_block_alloc(30000, &tokens[1]);
        fv_block_free(small, tokens[0]);
        fv_block_free(large, tokens[1]);
        if (fv_memory_stats().cached_bytes < 0) abort();
    }
    return unused;
}

static void use_memory_in_child(void)
{
    fv_memory_info info;
    alarm(20); /* a lock that was held at the fork would be for ever */
    signal(SIGALRM, SIG_DFL);
    free_many(&info);
    for (size_t bytes = 100; bytes < 10 * MIB; bytes *= 7) {
        size_t token;
        char *block = fv_block_alloc(bytes, &token);
        if (!block) _exit(2);
        memset(block, 1, bytes);
        fv_block_free(block, token);
    }
    {
        FV_SCOPE;
        if (fv_item(fv_sum(fv_ones(100))) != 100) _exit(3);
    }
#if !FOVEA_TSAN       /* which forbids it */
    pthread_t ids[4]; /* in the memory of those that were in the parent */
    fv_memory_info infos[4];
    for (int k = 0; k < 4; k++)
        if (pthread_create(&ids[k], NULL, free_many, &infos[k]) != 0) _exit(4);
    for (int k = 0; k < 4; k++) pthread_join(ids[k], NULL);
#endif
    fv_shutdown();
    info = fv_memory_stats();
    _exit(info.live_tensors == 0 && info.cached_bytes >= 0 ? 0 : 5);
}

/* Forks until a child fails; its status. Of the busy threads one is older and one younger. */
static void *fork_children(void *status)
{
    enum { FORKS = 100 };
    pthread_t younger;
    fv_memory_info ignored;
    free_many(&ignored);
    if (pthread_create(&younger, NULL, be_busy, NULL) != 0) abort();
    for (int k = 0; k < FORKS && *(int *)status == 0; k++) {
        pid_t child = fork();
        if (child == 0) use_memory_in_child();
        if (child < 0 || waitpid(child, status, 0) != child) abort();
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    pthread_join(younger, NULL);
    return NULL;
}

START_TEST(a_child_finds_the_allocator_whole_after_a_fork)
{
    pthread_t older;
    int status = 0;
    fflush(NULL);
    stop = 0;
    ck_assert_int_eq(pthread_create(&older, NULL, be_busy, NULL), 0);
    in_thread(fork_children, &status);
    pthread_join(older, NULL);
    ck_assert_msg(status == 0, "a child ended with status 0x%x", (unsigned)status);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("allocator_threads");
    TCase *hands = add_case(suite, "hands");
    tcase_add_test(hands, threads_may_free_each_others_blocks);
    tcase_add_test(hands, tensors_of_one_thread_may_die_in_another_for_ever);
    TCase *ends = add_case(suite, "ends");
    tcase_add_test(ends, a_thread_gives_its_blocks_back_when_it_ends);
    tcase_add_test(ends, threads_end_in_any_order);
    tcase_add_test(ends, destructors_of_a_thread_may_make_tensors_once_more);
    TCase *process = add_case(suite, "process");
    tcase_add_test(process, a_shutdown_leaves_no_other_thread_with_old_blocks);
    tcase_add_test(process, what_lives_is_counted_whoever_made_it);
    tcase_add_test(process, a_child_finds_the_allocator_whole_after_a_fork);
    return suite;
}
