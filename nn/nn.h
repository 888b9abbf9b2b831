/* Neural networks: modules, layers, containers, initialisation, saving and loading. */
#ifndef FOVEA_NN_NN_H
#define FOVEA_NN_NN_H

#include "container.h"
#include "init.h"
#include "layers.h"
#include "module.h"
#include "parallel/data_parallel.h"
#include "parallel/distributed.h"
#include "state.h"

#endif
