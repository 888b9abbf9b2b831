/* Layers. Each takes PyTorch's arguments in PyTorch's order, with PyTorch's defaults, and returns
 * NULL after an error; what a layer computes is said at the op of the same name. */
#ifndef FOVEA_NN_LAYERS_H
#define FOVEA_NN_LAYERS_H

#include "linear.h"
#include "conv.h"
#include "fold.h"
#include "pool.h"
#include "resample.h"
#include "norm.h"
#include "activation.h"

#endif
