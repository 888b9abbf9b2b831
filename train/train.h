/* What a whole run needs: checkpoints. */
#ifndef FOVEA_TRAIN_TRAIN_H
#define FOVEA_TRAIN_TRAIN_H

#include "checkpoint.h"

#endif
