/* Neural networks: modules, layers, containers, initialisation, saving and loading. */
#ifndef FOVEA_NN_NN_H
#define FOVEA_NN_NN_H

#include "nn/container.h"
#include "nn/init.h"
#include "nn/layers.h"
#include "nn/module.h"
#include "nn/state.h"

#endif
