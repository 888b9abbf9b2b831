/* MNIST and the sets in its likeness: which IDX files they are, and where they may lie. */
#include <inttypes.h>
#include <string.h>

#include "data/idx_impl.h"

enum { FOLDERS = 4, SPELLINGS = 4 };

typedef struct mnist_set {
    const char *name;             /* for messages */
    const char *folders[FOLDERS]; /* in root, tried in turn; the last one is "", root itself */
    const char *train, *test;     /* how the files of either part begin */
    fv_label_range labels;
    const char *source; /* what tells how to get it, after the folder it goes to */
} mnist_set;

/* The four ways in which an IDX file is spelt; whether it is packed its content says. */
static void spell(char name[64], const char *part, const char *kind, int spelling)
{
    snprintf(name, 64, "%s-%s%cidx%d-ubyte%s", part, kind, spelling % 2 ? '.' : '-',
             strcmp(kind, "images") == 0 ? 3 : 1, spelling / 2 ? ".gz" : "");
}

/* Says every path that was tried and how to get the files. */
static fv_status missing(const mnist_set *set, const char *root, const char *part, const char *kind)
{
    char first[64], second[64], places[4 * FV_PATH_MAX] = "";
    spell(first, part, kind, 0);
    spell(second, part, kind, 1);
    size_t used = 0;
    for (int i = 0; set->folders[i] && used < sizeof places; i++)
        used += (size_t)snprintf(places + used, sizeof places - used, "%s%s%s%s",
                                 i == 0             ? ""
                                 : *set->folders[i] ? ", "
                                                    : " or ",
                                 root, *set->folders[i] ? "/" : "", set->folders[i]);
    return fv_missing_data(set->name, root, set->source, "no %s or %s, plain or .gz, in %s", first,
                           second, places);
}

/* Finds the images or labels of a part, by any spelling in any of the set's folders. */
static fv_status find_file(const mnist_set *set, const char *root, const char *part,
                           const char *kind, char path[FV_PATH_MAX])
{
    for (int i = 0; set->folders[i]; i++)
        for (int spelling = 0; spelling < SPELLINGS; spelling++) {
            char name[64];
            spell(name, part, kind, spelling);
            if (fv_path_join(path, root, set->folders[i], name) && fv_is_file(path)) return FV_OK;
        }
    return missing(set, root, part, kind);
}

static fv_dataset *mnist_dataset(const mnist_set *set, const fv_vision_args *a)
{
    fv_images images = {NULL, NULL};
    char images_path[FV_PATH_MAX], labels_path[FV_PATH_MAX];
    const char *root = fv_data_root(a->root), *part = a->train ? set->train : set->test;
    fv_status status = fv_vision_check(a, set->name);
    if (status == FV_OK) status = find_file(set, root, part, "images", images_path);
    if (status == FV_OK) status = find_file(set, root, part, "labels", labels_path);
    if (status == FV_OK)
        status = fv_idx_read(set->name, images_path, labels_path, a->limit, set->labels, &images);
    return fv_vision_finish(a, &images, status);
}

const fv_vision_args fv_mnist_defaults = {FV_MNIST_DEFAULTS};

fv_dataset *fv_mnist_ex(const fv_vision_args *a)
{
    if (!fv_args_ok("mnist", a, sizeof *a)) return NULL;
    static const mnist_set set = {.name = "mnist",
                                  .folders = {"mnist", "MNIST/raw", ""},
                                  .train = "train",
                                  .test = "t10k",
                                  .labels = {0, 10},
                                  .source = "mnist"};
    return mnist_dataset(&set, a);
}

const fv_vision_args fv_fashion_mnist_defaults = {FV_FASHION_MNIST_DEFAULTS};

fv_dataset *fv_fashion_mnist_ex(const fv_vision_args *a)
{
    if (!fv_args_ok("fashion_mnist", a, sizeof *a)) return NULL;
    static const mnist_set set = {.name = "fashion_mnist",
                                  .folders = {"fashion-mnist", "FashionMNIST/raw", ""},
                                  .train = "train",
                                  .test = "t10k",
                                  .labels = {0, 10},
                                  .source = "fashion-mnist (or Debian's package "
                                            "dataset-fashion-mnist, root /usr/share/datasets)"};
    return mnist_dataset(&set, a);
}

const fv_vision_args fv_kmnist_defaults = {FV_KMNIST_DEFAULTS};

fv_dataset *fv_kmnist_ex(const fv_vision_args *a)
{
    if (!fv_args_ok("kmnist", a, sizeof *a)) return NULL;
    static const mnist_set set = {.name = "kmnist",
                                  .folders = {"kmnist", "KMNIST/raw", ""},
                                  .train = "train",
                                  .test = "t10k",
                                  .labels = {0, 10},
                                  .source = "kmnist"};
    return mnist_dataset(&set, a);
}

/* --- EMNIST: one archive, six ways to cut it -------------------------------------------------- */

typedef struct emnist_split {
    const char *name, *train, *test;
    fv_label_range labels;
} emnist_split;

static const emnist_split splits[] = {
    {"byclass", "emnist-byclass-train", "emnist-byclass-test", {0, 62}},
    {"bymerge", "emnist-bymerge-train", "emnist-bymerge-test", {0, 47}},
    {"balanced", "emnist-balanced-train", "emnist-balanced-test", {0, 47}},
    {"letters", "emnist-letters-train", "emnist-letters-test", {1, 26}},
    {"digits", "emnist-digits-train", "emnist-digits-test", {0, 10}},
    {"mnist", "emnist-mnist-train", "emnist-mnist-test", {0, 10}},
};

const fv_vision_args fv_emnist_defaults = {FV_EMNIST_DEFAULTS};

fv_dataset *fv_emnist_ex(const fv_vision_args *a)
{
    if (!fv_args_ok("emnist", a, sizeof *a)) return NULL;
    fv_vision_args rest = *a;
    rest.split = NULL; /* taken here; on the others it would be refused */
    for (size_t i = 0; a->split && i < sizeof splits / sizeof *splits; i++) {
        if (strcmp(a->split, splits[i].name) != 0) continue;
        const mnist_set set = {.name = "emnist",
                               .folders = {"emnist", "EMNIST/raw", "gzip", ""},
                               .train = splits[i].train,
                               .test = splits[i].test,
                               .labels = splits[i].labels,
                               .source = "emnist"};
        return mnist_dataset(&set, &rest);
    }
    fv_fail(FV_ERR_OPTION,
            "emnist: split is %s, need byclass, bymerge, balanced, letters, digits or mnist",
            a->split ? a->split : "NULL");
    return NULL;
}
