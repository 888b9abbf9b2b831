/* Optimizers, learning-rate schedulers and gradient clipping. */
#ifndef FOVEA_OPTIM_OPTIM_H
#define FOVEA_OPTIM_OPTIM_H

#include "optim/clip.h"
#include "optim/optimizer.h"
#include "optim/scheduler.h"

#endif
