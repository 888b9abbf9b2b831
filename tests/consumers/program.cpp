// A user's program in C++.
#include "tensor/tensor.h"
#include <cstdio>
#include <fovea.h>
#include <string>

int main()
{
    double mean = 0;
    {
        FV_SCOPE;
        fv_create_args c = fv_create_defaults;
        c.shape = FV_SHAPE(1, 3, 8, 8);
        fv_conv_args a = fv_conv_defaults;
        a.input = fv_ones_ex(&c);
        c.shape = FV_SHAPE(4, 3, 3, 3);
        a.weight = fv_ones_ex(&c);
        fv_reduce_args r = fv_reduce_defaults;
        r.input = fv_conv2d_ex(&a);
        mean = fv_item(fv_mean_ex(&r));
    }
    fv_shutdown();
    std::printf("fovea %s: %g\n", fv_version_string(), mean);
    return mean == 27 && own_tensor == 1000 && std::string(FOVEA_VERSION) == fv_version_string() ? 0
                                                                                                 : 1;
}
