/* Layers. Each takes PyTorch's arguments in PyTorch's order, with PyTorch's defaults, and returns
 * NULL after an error; what a layer computes is said at the op of the same name. */
#ifndef FOVEA_NN_LAYERS_H
#define FOVEA_NN_LAYERS_H

#include "nn/activation.h"
#include "nn/conv.h"
#include "nn/linear.h"
#include "nn/norm.h"
#include "nn/pool.h"

#endif
