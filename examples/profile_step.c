/* Where the time of a training step goes: every op, forward and backward, with the module that it
 * belongs to.
 *
 *     profile_step [lenet | small | resnet20 | resnet18]
 *
 * An observer is told of each op when it has run; a gradient comes after the ops that it is made
 * of. */
#include <fovea.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "models.h"

enum { BATCH = 32 };

static double total; /* of what is no part of something else that is printed */

static void print_event(const fv_event *e, void *context)
{
    static const char *const kinds[] = {"forward", "backward", "span"};
    bool inner = e->within != 0; /* run by a gradient, which is told of itself */
    (void)context;
    if (!inner) total += e->nanoseconds;
    printf("%-9s %-30s %s%-20s %9.1f us  %s\n", inner ? "" : kinds[e->kind], e->path,
           inner ? "  " : "", e->name, e->nanoseconds / 1e3, e->plan);
}

static fv_module *network_named(const char *name)
{
    static const struct {
        const char *name;
        fv_module *(*make)(void);
    } networks[] = {
        {"lenet", lenet}, {"small", small_net}, {"resnet20", resnet20}, {"resnet18", resnet18}};
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        if (strcmp(networks[i].name, name) == 0) return networks[i].make();
    fprintf(stderr, "profile_step: no network '%s'; there are lenet, small, resnet20, resnet18\n",
            name);
    exit(2);
}

static fv_status step(fv_module *net, fv_optim *opt)
{
    fv_status status = FV_OK;
    {
        FV_SCOPE;
        fv_tensor *x = fv_randn(BATCH, 3, 32, 32);
        fv_tensor *y = fv_randint(BATCH, .high = 10);
        fv_zero_grad(opt);
        status = fv_backward(fv_cross_entropy(fv_forward(net, x), y));
        if (status == FV_OK) status = fv_step(opt);
    }
    return status;
}

int main(int argc, char **argv)
{
    if (argc > 2) {
        fprintf(stderr, "usage: profile_step [NETWORK]\n");
        return 2;
    }
    fv_manual_seed(0);
    fv_module *net = network_named(argc > 1 ? argv[1] : "lenet");
    if (!net) return 1;
    fv_optim *opt = fv_sgd(fv_parameters(net), .lr = 0.01, .momentum = 0.9);
    fv_status status = step(net, opt); /* the first one fills the caches */
    int observer = fv_observe(print_event, NULL);
    if (status == FV_OK) status = step(net, opt);
    fv_unobserve(observer);
    printf("in all %.1f us\n", total / 1e3);
    fv_free(opt);
    fv_free(net);
    fv_shutdown();
    return status == FV_OK ? 0 : 1;
}
