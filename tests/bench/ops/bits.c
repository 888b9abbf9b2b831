/* Does a case have the same bits at any number of threads: its result, its gradients, the steps of
 * an optimizer? */
#include "bits.h"

#include <stdio.h>
#include <string.h>

#include "subject.h"

/* FNV-1a over the elements in their order in memory, a word at a time. */
static void add_bits(uint64_t *hash, fv_tensor *t)
{
    const char *data = t->data;
    const size_t bytes = (size_t)t->numel * fv_dtype_size(t->dtype);
    for (size_t i = 0; i < bytes; i += sizeof(uint32_t)) {
        uint32_t word = 0;
        memcpy(&word, data + i, bytes - i < sizeof word ? bytes - i : sizeof word);
        *hash = (*hash ^ word) * 0x100000001b3u;
    }
}

static void add_gradients(uint64_t *hash, subject *s, fv_tensor *y)
{
    fv_tensor *wanted[CASE_INPUTS], *grads[CASE_INPUTS];
    const int count = subject_wanted(s, -1, wanted);
    fv_grad(FV_TENSORS(y), ((fv_tensor_list){wanted, count}), grads,
            .grad_outputs = FV_TENSORS(s->g));
    for (int i = 0; i < count; i++) add_bits(hash, fv_contiguous(grads[i]));
}

/* Of all that a subject gives; it is made anew, as some write into their inputs. */
static uint64_t bits_of(const variant *v, int threads)
{
    FV_SCOPE;
    subject s = {0};
    uint64_t hash = 0xcbf29ce484222325u;
    fv_set_num_threads(threads);
    fv_manual_seed(3);
    if (subject_prepare(&s, v) == FV_OK) {
        for (int i = 0; v->optimizer && i < 3; i++) fv_step(s.optimizer);
        if (v->call) subject_ask(&s, -1);
        fv_tensor *y = v->optimizer ? s.x[0] : subject_call(&s);
        add_bits(&hash, fv_contiguous(fv_detach(y)));
        if (s.differentiable) add_gradients(&hash, &s, y);
    }
    subject_forget(&s);
    return hash;
}

bool same_bits(const variant *v)
{
    static const int threads[] = {2, 3, 8, 16};
    const uint64_t one = bits_of(v, 1);
    for (size_t i = 0; i < sizeof threads / sizeof *threads; i++) {
        if (bits_of(v, threads[i]) == one) continue;
        fprintf(stderr, "ops: %s %s, %s of %lld: other bits with %d threads\n", v->op, v->name,
                fv_dtype_name(v->dtype), (long long)v->n, threads[i]);
        return false;
    }
    return true;
}
