/* What a network does, op by op, without computing anything: every op's output shape and plan for
 * ResNet-18 on one image, and the memory that a training step will need.
 *
 *     network_plan [BATCH]
 *
 * In the mode of shapes only, tensors have no elements, so even a batch of 4,096 takes no time. */
#include <fovea.h>
#include <inttypes.h>
#include <stdio.h>

#include "models.h"
#include "options.h"

static void print_op(const fv_event *e, void *context)
{
    fv_shape shape = fv_shape_of(e->out[0]);
    (void)context;
    if (e->kind != FV_EVENT_FORWARD || e->within) return; /* what gradients run is left out */
    printf("%-32s %-18s %-18s %s\n", e->path, e->name, fv_shape_text(&shape), e->plan);
}

static fv_status step(fv_module *net, fv_optim *opt, int64_t batch)
{
    fv_status status = FV_OK;
    {
        FV_SCOPE;
        fv_tensor *x = fv_empty(batch, 3, 32, 32);
        fv_tensor *y = fv_empty(batch, .dtype = FV_INT64);
        status = fv_backward(fv_cross_entropy(fv_forward(net, x), y));
        if (status == FV_OK) status = fv_step(opt);
    }
    return status;
}

int main(int argc, char **argv)
{
    int64_t batch = 1;
    if (argc > 2 || (argc == 2 && !read_whole(argv[1], 1, 1000000, &batch))) {
        fprintf(stderr, "usage: network_plan [BATCH], a whole number from 1 to 1000000\n");
        return 2;
    }
    fv_set_shapes_only(true);
    fv_module *net = resnet18();
    if (!net) return 1; /* the message has gone to stderr */
    fv_eval(net);
    int observer = fv_observe(print_op, NULL);
    {
        FV_SCOPE;
        fv_forward(net, fv_empty(batch, 3, 32, 32));
    }
    fv_unobserve(observer);

    fv_train(net);
    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.1, .momentum = 0.9);
    fv_status status = batch > 1 ? step(net, opt, batch) : FV_OK;
    if (batch > 1 && status == FV_OK)
        printf("a training step at batch %" PRId64 " takes %.1f MiB at its peak\n", batch,
               (double)fv_memory_stats().booked_peak_bytes / (1 << 20));
    fv_free(opt);
    fv_free(net);
    fv_shutdown();
    return status == FV_OK ? 0 : 1;
}
