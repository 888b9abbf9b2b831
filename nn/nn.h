/* Neural networks: modules, layers, containers, initialisation, saving and loading. */
#ifndef FOVEA_NN_NN_H
#define FOVEA_NN_NN_H

#include "module.h"
#include "container.h"
#include "layers.h"
#include "init.h"
#include "state.h"
#include "inspect/inspect.h"
#include "parallel/distributed.h"
#include "parallel/data_parallel.h"

#endif
