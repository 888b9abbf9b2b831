/* Threads that use the same weights, of which one packs what all of them read, while another takes
 * the memory for it away. */
#include <pthread.h>
#include <stdatomic.h>

#include "kept_weights.h"

enum { THREADS = 4, ROUNDS = 200 };

typedef struct reader {
    pthread_t id;
    fv_tensor *const *weights, *const *right; /* by user */
    int mistakes;
} reader;

static atomic_bool stop;

static void *read_weights(void *context)
{
    reader *r = context;
    fv_set_grad_enabled(false);
    for (int k = 0; k < ROUNDS; k++) {
        for (int i = 0; i < USERS; i++) {
            FV_SCOPE;
            r->mistakes += !same(users[i].use(r->weights[i]), r->right[i]);
        }
    }
    return NULL;
}

static void *change_limit(void *context)
{
    (void)context;
    for (int64_t n = 0; !atomic_load(&stop); n++) fv_set_kept_weights_limit(n % 4 * 8192);
    return NULL;
}

/* All begin at once with weights of which nothing is kept; with a changing limit, copies come and
 * go under the hands of those who read them. */
static void run_readers(bool changing)
{
    fv_tensor *w[USERS], *right[USERS];
    reader readers[THREADS];
    pthread_t changer;
    for (int i = 0; i < USERS; i++) {
        FV_SCOPE;
        FV_NO_GRAD; /* as the readers: where weights stay, another algorithm may be cheaper */
        w[i] = new_weight();
        right[i] = fv_retain(wanted(&users[i], w[i]));
    }
    atomic_store(&stop, false);
    if (changing) pthread_create(&changer, NULL, change_limit, NULL);
    for (int i = 0; i < THREADS; i++) {
        readers[i] = (reader){.weights = w, .right = right};
        pthread_create(&readers[i].id, NULL, read_weights, &readers[i]);
    }
    for (int i = 0; i < THREADS; i++) pthread_join(readers[i].id, NULL);
    atomic_store(&stop, true);
    if (changing) pthread_join(changer, NULL);
    for (int i = 0; i < THREADS; i++) ck_assert_int_eq(readers[i].mistakes, 0);
    if (!changing) ck_assert_int_gt(kept(), 0);
    fv_set_kept_weights_limit(1 << 30);
    for (int i = 0; i < USERS; i++) {
        fv_release(w[i]);
        fv_release(right[i]);
    }
    ck_assert_int_eq(kept(), 0);
}

START_TEST(threads_share_what_one_of_them_packed)
{
    for (int i = 0; i < 5; i++) run_readers(false);
}
END_TEST

START_TEST(what_is_read_is_not_freed)
{
    run_readers(true);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("kept weights and threads");
    TCase *threads = add_case(suite, "threads");
    tcase_add_test(threads, threads_share_what_one_of_them_packed);
    tcase_add_test(threads, what_is_read_is_not_freed);
    return suite;
}
