/* Copies between two orders of memory, plane by plane and block by block. */
#include "transpose.h"

#include "tensor/ranges.h"
#include "transpose_impl.h"

/* The planes of a copy: rows run along dst's dimension of stride 1, columns along src's. */
typedef struct planes {
    int64_t rows, columns;
    int64_t ds, ss; /* stride of columns in dst, of rows in src */
    int ndim;       /* the other dimensions, which count the planes */
    int64_t shape[FV_MAX_DIMS], dst[FV_MAX_DIMS], src[FV_MAX_DIMS];
    int64_t count;
    int64_t down, across; /* blocks of a plane */
    fv_transpose_fn transpose;
    size_t size; /* bytes of an element */
    char *to;
    const char *from;
} planes;

enum { BLOCK = 128, MIN_PLANE = 8 };

/* Dimensions that follow each other in both memories become one. */
static int merge_dims(const fv_tensor *dst, const fv_tensor *src, planes *p)
{
    int n = 0;
    for (int i = 0; i < dst->ndim; i++) {
        if (dst->shape[i] == 1) continue;
        int64_t length = dst->shape[i], d = dst->strides[i], s = src->strides[i];
        if (n > 0 && p->dst[n - 1] == length * d && p->src[n - 1] == length * s) {
            length *= p->shape[--n];
        }
        p->shape[n] = length;
        p->dst[n] = d;
        p->src[n++] = s;
    }
    return n;
}

/* Finds the two dimensions of the planes; false when the layouts are others. */
static bool find_planes(const fv_tensor *dst, const fv_tensor *src, planes *p)
{
    int n = merge_dims(dst, src, p), row = -1, column = -1;
    for (int i = 0; i < n; i++) {
        if (p->dst[i] == 1) row = i;
        if (p->src[i] == 1) column = i;
    }
    if (row < 0 || column < 0 || row == column) return false;
    p->rows = p->shape[row];
    p->columns = p->shape[column];
    p->ds = p->dst[column];
    p->ss = p->src[row];
    p->count = 1;
    p->ndim = 0;
    for (int i = 0; i < n; i++) {
        if (i == row || i == column) continue;
        p->count *= p->shape[i];
        p->shape[p->ndim] = p->shape[i];
        p->dst[p->ndim] = p->dst[i];
        p->src[p->ndim++] = p->src[i];
    }
    return p->rows * p->columns >= MIN_PLANE;
}

static void copy_block(const planes *p, int64_t block)
{
    int64_t r = block % p->down * BLOCK, c = block / p->down % p->across * BLOCK;
    int64_t plane = block / p->down / p->across;
    int64_t to = c * p->ds + r, from = r * p->ss + c;
    for (int i = p->ndim - 1; i >= 0; i--) {
        to += plane % p->shape[i] * p->dst[i];
        from += plane % p->shape[i] * p->src[i];
        plane /= p->shape[i];
    }
    int64_t rows = p->rows - r < BLOCK ? p->rows - r : BLOCK;
    int64_t columns = p->columns - c < BLOCK ? p->columns - c : BLOCK;
    p->transpose(p->to + (size_t)to * p->size, p->ds, p->from + (size_t)from * p->size, p->ss, rows,
                 columns);
}

static void copy_blocks(const void *job, int64_t first, int64_t last)
{
    for (int64_t i = first; i < last; i++) copy_block(job, i);
}

fv_transpose_fn fv_transpose_plane(fv_isa isa, size_t size)
{
    const fv_transpose_kernels *kernels = FV_ISA_PICK(fv_transpose_kernels_, isa);
    return size == 4 ? kernels->word32 : size == 8 ? kernels->word64 : NULL;
}

bool fv_transpose_copy(fv_machine m, fv_tensor *dst, const fv_tensor *src)
{
    size_t size = fv_dtype_size(src->dtype);
    planes p;
    if (dst->dtype != src->dtype || (size != 4 && size != 8) || src->numel == 0) return false;
    if (!find_planes(dst, src, &p)) return false;
    p.transpose = fv_transpose_plane(m.isa, size);
    p.size = size;
    p.to = dst->data;
    p.from = src->data;
    p.across = (p.columns + BLOCK - 1) / BLOCK;
    p.down = (p.rows + BLOCK - 1) / BLOCK;
    fv_parallel_ranges(m, (double)src->numel * (double)size * 0.1, p.count * p.across * p.down,
                       copy_blocks, &p);
    return true;
}
