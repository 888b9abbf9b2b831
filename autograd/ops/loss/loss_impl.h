/* What the losses share: the reduction. */
#ifndef FOVEA_AUTOGRAD_OPS_LOSS_LOSS_IMPL_H
#define FOVEA_AUTOGRAD_OPS_LOSS_LOSS_IMPL_H

#include "autograd/op.h"

/* The option `reduction` of a struct, an int64_t with a value of fv_reduction. */
extern const char *const fv_reduction_names[];
#define FV_REDUCTION_FIELD(struct_)                                                                \
    {                                                                                              \
        .name = "reduction", .offset = offsetof(struct_, reduction), .kind = FV_OPTION_ENUM,       \
        .values = fv_reduction_names, .first = FV_MEAN                                             \
    }

#endif
