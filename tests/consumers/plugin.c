/* A plugin with the library in it: a host opens it, calls it and closes it. */
#include <fovea.h>

double plugin_run(void);

double plugin_run(void)
{
    double mean;
    fv_set_num_threads(2);
    {
        FV_SCOPE;
        fv_tensor *x = fv_ones(4, 16, 64, 64);
        mean = fv_item(fv_mean(fv_conv2d(x, fv_ones(16, 16, 3, 3))));
    }
    fv_shutdown();
    return mean;
}
