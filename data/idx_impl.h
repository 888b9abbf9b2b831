/* Inside data/: IDX files, the format of MNIST and of the sets made in its likeness. */
#ifndef FOVEA_DATA_IDX_IMPL_H
#define FOVEA_DATA_IDX_IMPL_H

#include "data/reader_impl.h"
#include "data/vision_impl.h"

/* What the labels of a set may be. */
typedef struct fv_label_range {
    int64_t first;   /* becomes 0 */
    int64_t classes; /* 0: any byte from first on */
} fv_label_range;

/* Reads the first limit images (0: all) and their labels from two files. set is for messages. */
fv_status fv_idx_read(const char *set, const char *images_path, const char *labels_path,
                      int64_t limit, fv_label_range range, fv_images *out);

#endif
