/* Data: data sets, image files, and the loader that makes batches of them.
 *
 *     fv_dataset *train = fv_cifar10("datasets", .train = true, .random_flip = true);
 *     fv_loader *batches = fv_loader_new(train, .batch_size = 128, .shuffle = true);
 *     FV_EACH_BATCH (b, batches) { FV_SCOPE; ... b.x, b.y, b.n ... }
 *     fv_free(batches); fv_free(train); */
#ifndef FOVEA_DATA_DATA_H
#define FOVEA_DATA_DATA_H

#include "dataset.h"
#include "vision.h"
#include "images.h"
#include "compose.h"
#include "loader.h"
#include "metrics.h"
#include "image/image.h"
#include "image/grid.h"
#include "image/resize.h"
#include "image/plot.h"
#include "image/terminal.h"
#include "image/image_folder.h"

#endif
