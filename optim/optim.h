/* Optimizers, learning-rate schedulers and gradient clipping. */
#ifndef FOVEA_OPTIM_OPTIM_H
#define FOVEA_OPTIM_OPTIM_H

#include "optimizer.h"
#include "scheduler.h"
#include "clip.h"
#include "state.h"

#endif
