/* Optimizers, learning-rate schedulers and gradient clipping. */
#ifndef FOVEA_OPTIM_OPTIM_H
#define FOVEA_OPTIM_OPTIM_H

#include "clip.h"
#include "optimizer.h"
#include "scheduler.h"
#include "state.h"

#endif
