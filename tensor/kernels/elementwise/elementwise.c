/* The driver of the elementwise kernels.
 *
 * Dimensions are sorted by the output's strides and merged where all operands allow it, so that
 * dense operands of one memory order, whichever that is, become a single row. The rest goes tile by
 * tile of the innermost two dimensions: an operand that is dense within the tile is used in place,
 * any other (strided, broadcast, of another dtype) is first copied to a buffer, which is kept while
 * the following tiles read the same elements. The row loops thus only ever see dense rows. */
#include <string.h>

#include "tensor/kernels/elementwise/elementwise.h"
#include "tensor/kernels/elementwise/power.h"
#include "tensor/kernels/elementwise/trig.h"
#include "tensor/ranges.h"

enum {
    TILE = 1024, /* elements of a tile; also what dense memory is cut by */
    SQUARE = 64, /* columns of a tile for operands whose memory runs along its rows */
    SHORT = 16,  /* columns below which rows are rather copied than computed one by one */
    LONG = 128,  /* columns from which on a row's number is worth a call */
    OUT = 0,     /* operands are the output, then the inputs */
    OPERANDS = FV_ELEMENTWISE_INPUTS + 1
};

static const uint8_t classes[FV_ELEMENTWISE_COUNT] = {
#define FV_ROW(name, inputs, class, value) FV_CLASS_##class,
#include "tensor/kernels/elementwise/elementwise.inc"
};

fv_elementwise_class fv_elementwise_class_of(fv_elementwise op)
{
    return (fv_elementwise_class)classes[op];
}

/* The row of an op that has one outside of elementwise_isa.c, else NULL. */
static fv_elementwise_row own_row(fv_isa isa, fv_elementwise op, fv_dtype compute)
{
    const fv_power_rows *power = FV_ISA_PICK(fv_power_rows_, isa);
    if (compute != FV_FLOAT32 && compute != FV_FLOAT64) return NULL;
    const fv_trig_rows *rows = FV_ISA_PICK(fv_trig_rows_, isa);
    if (op == FV_ELEMENTWISE_sin) return compute == FV_FLOAT32 ? rows->sin_f32 : rows->sin_f64;
    if (op == FV_ELEMENTWISE_cos) return compute == FV_FLOAT32 ? rows->cos_f32 : rows->cos_f64;
    if (compute == FV_FLOAT64) return NULL;
    return op == FV_ELEMENTWISE_pow          ? power->by_tensor
           : op == FV_ELEMENTWISE_pow_scalar ? power->by_number
                                             : NULL;
}

static fv_elementwise_row row_for(fv_isa isa, fv_elementwise op, fv_dtype compute)
{
    fv_elementwise_row own = own_row(isa, op, compute);
    if (own) return own;
    switch (compute) {
    case FV_FLOAT32: return FV_ISA_PICK(fv_elementwise_float_rows_, isa)->f32[op];
    case FV_FLOAT64: return FV_ISA_PICK(fv_elementwise_float_rows_, isa)->f64[op];
    case FV_INT64: return fv_elementwise_integers.i64[op];
    case FV_INT32: return fv_elementwise_integers.i32[op];
    default: return fv_elementwise_integers.u8[op]; /* bool as well */
    }
}

/* What the row loop of an op in dtype compute writes. Bool is computed as uint8, where other
 * numbers than 0 and 1 appear unless the op tests something. */
static fv_dtype row_result(fv_elementwise op, fv_dtype compute)
{
    if (classes[op] == FV_CLASS_COMPARE || classes[op] == FV_CLASS_LOGICAL) return FV_BOOL;
    return compute == FV_BOOL ? FV_UINT8 : compute;
}

static double nanoseconds_per_element(fv_elementwise op, fv_dtype compute)
{
    if (classes[op] != FV_CLASS_FLOAT && classes[op] != FV_CLASS_REAL) return 0.25;
    return compute == FV_FLOAT32 ? 0.6 : 2.0;
}

typedef struct operand {
    char *data;
    fv_dtype dtype;  /* of memory */
    fv_dtype wanted; /* of the row loop */
    int64_t size;    /* bytes of an element in memory */
    int64_t stride[FV_MAX_DIMS];
} operand;

/* Dimension 0 is the innermost. */
typedef struct plan {
    fv_isa isa;
    fv_elementwise_row row;
    fv_elementwise_row number_row; /* takes input 1, one element a row, as p; or NULL */
    double p, q;
    int operands, ndim;
    int64_t shape[FV_MAX_DIMS];
    operand at[OPERANDS];
    int64_t columns, rows;           /* of a full tile, in dimensions 0 and 1 */
    int64_t column_tiles, row_tiles; /* that dimensions 0 and 1 are cut into */
    int64_t tiles;
} plan;

/* A buffer and the tile that it holds. */
typedef struct buffer {
    _Alignas(64) char bytes[TILE * 8];
    const char *source;
    int64_t columns, rows;
} buffer;

/* --- one row of dense memory ------------------------------------------------------------------ */

typedef struct flat {
    fv_elementwise_row row;
    double p, q;
    int64_t n;
    char *data[OPERANDS];
    int64_t size, out_size; /* bytes of an element */
} flat;

/* Ranges of TILE elements, so that only the last one has a rest for the end of a row loop. */
static void run_flat(const void *job, int64_t first, int64_t last)
{
    const flat *f = job;
    int64_t at = first * TILE, end = last * TILE < f->n ? last * TILE : f->n;
    f->row(f->data[OUT] + at * f->out_size, f->data[1] + at * f->size, f->data[2] + at * f->size,
           f->data[3] + at * f->size, end - at, f->p, f->q);
}

static bool same_layout(const fv_tensor *a, const fv_tensor *b)
{
    if (a->ndim != b->ndim) return false;
    for (int d = 0; d < a->ndim; d++)
        if (a->shape[d] != b->shape[d] || a->strides[d] != b->strides[d]) return false;
    return true;
}

/* All operands dense in one order and of the row loop's types: no plan is needed. */
static bool try_flat(fv_machine m, fv_elementwise op, fv_dtype compute, fv_tensor *out, int inputs,
                     fv_tensor *const *in, double p, double q)
{
    fv_dtype result = row_result(op, compute);
    if (out->dtype != result) return false;
    for (int k = 0; k < inputs; k++)
        if (in[k]->dtype != compute || !same_layout(in[k], out)) return false;
    if (!fv_is_dense(out)) return false;
    char *a = in[0]->data, *b = in[inputs > 1 ? 1 : 0]->data, *c = in[inputs > 2 ? 2 : 0]->data;
    fv_elementwise_row row = row_for(m.isa, op, compute);
    double nanoseconds = (double)out->numel * nanoseconds_per_element(op, compute);
    int threads = fv_threads_for(m, nanoseconds);
    if (threads <= 1) {
        row(out->data, a, b, c, out->numel, p, q);
        return true;
    }
    flat f = {.row = row, .p = p, .q = q, .n = out->numel, .data = {out->data, a, b, c}};
    f.size = (int64_t)fv_dtype_size(compute);
    f.out_size = (int64_t)fv_dtype_size(result);
    fv_parallel_cut(threads, nanoseconds, (f.n + TILE - 1) / TILE, run_flat, &f);
    return true;
}

/* --- the plan --------------------------------------------------------------------------------- */

static void set_operand(operand *o, const fv_tensor *t, fv_dtype wanted)
{
    o->data = t->data;
    o->dtype = t->dtype;
    o->wanted = wanted;
    o->size = (int64_t)fv_dtype_size(t->dtype);
}

static void swap_dims(plan *p, int a, int b)
{
    int64_t n = p->shape[a];
    p->shape[a] = p->shape[b], p->shape[b] = n;
    for (int k = 0; k < p->operands; k++) {
        int64_t s = p->at[k].stride[a];
        p->at[k].stride[a] = p->at[k].stride[b], p->at[k].stride[b] = s;
    }
}

/* Adds dimension d of out, whose inputs count dimensions from the right. */
static void add_dim(plan *p, const fv_tensor *out, fv_tensor *const *in, int d)
{
    if (out->shape[d] == 1) return;
    int k = p->ndim++;
    p->shape[k] = out->shape[d];
    p->at[OUT].stride[k] = out->strides[d];
    for (int i = 0; i < p->operands - 1; i++) {
        int e = d - out->ndim + in[i]->ndim;
        p->at[1 + i].stride[k] = e < 0 || in[i]->shape[e] == 1 ? 0 : in[i]->strides[e];
    }
    for (; k > 0 && p->at[OUT].stride[k - 1] > p->at[OUT].stride[k]; k--) swap_dims(p, k - 1, k);
}

static void merge_dims(plan *p)
{
    int kept = 0;
    for (int d = 1; d < p->ndim; d++) {
        bool merge = true;
        for (int k = 0; k < p->operands; k++)
            merge &= p->at[k].stride[d] == p->at[k].stride[kept] * p->shape[kept];
        if (merge) {
            p->shape[kept] *= p->shape[d];
            continue;
        }
        kept++;
        if (kept != d) {
            p->shape[kept] = p->shape[d];
            for (int k = 0; k < p->operands; k++) p->at[k].stride[kept] = p->at[k].stride[d];
        }
    }
    p->ndim = kept + 1;
}

/* At least two dimensions, for the tiles. */
static void pad_dims(plan *p)
{
    for (; p->ndim < 2; p->ndim++) {
        p->shape[p->ndim] = 1;
        for (int k = 0; k < p->operands; k++)
            p->at[k].stride[p->ndim] = p->ndim == 0 ? 1 : p->at[k].stride[0] * p->shape[0];
    }
}

/* Does an operand run through memory along dimension 1? */
static bool is_crossed(const plan *p)
{
    bool crossed = false;
    for (int k = 0; k < p->operands; k++)
        crossed |= p->at[k].stride[1] == 1 && p->at[k].stride[0] > 1;
    return crossed;
}

static void cut_tiles(plan *p)
{
    p->columns = p->shape[0] < TILE ? p->shape[0] : TILE;
    if (p->columns > SQUARE && p->shape[1] > 1 && is_crossed(p)) p->columns = SQUARE;
    p->rows = p->shape[1];
    if (p->rows * p->columns > TILE) p->rows = TILE / p->columns;
    p->column_tiles = p->row_tiles = 1; /* divisions are dear for small tensors */
    if (p->columns < p->shape[0]) p->column_tiles = (p->shape[0] - 1) / p->columns + 1;
    if (p->rows < p->shape[1]) p->row_tiles = (p->shape[1] - 1) / p->rows + 1;
    p->tiles = p->column_tiles * p->row_tiles;
    for (int d = 2; d < p->ndim; d++) p->tiles *= p->shape[d];
}

/* The op with a number that is the op of two tensors where the second one is; else COUNT. */
static fv_elementwise with_number(fv_elementwise op)
{
    switch ((int)op) {
    case FV_ELEMENTWISE_add: return FV_ELEMENTWISE_add_scalar;
    case FV_ELEMENTWISE_sub: return FV_ELEMENTWISE_sub_scalar;
    case FV_ELEMENTWISE_mul: return FV_ELEMENTWISE_mul_scalar;
    case FV_ELEMENTWISE_div: return FV_ELEMENTWISE_div_scalar;
    default: return FV_ELEMENTWISE_COUNT;
    }
}

/* A column beside rows: each of its elements is a number for the loop of a row. */
static void choose_number_row(plan *p, fv_elementwise op, fv_dtype compute)
{
    p->number_row = NULL;
    const fv_elementwise number = with_number(op);
    if (number == FV_ELEMENTWISE_COUNT || !fv_dtype_is_floating(compute) || p->columns < LONG)
        return;
    const bool commutes = op == FV_ELEMENTWISE_add || op == FV_ELEMENTWISE_mul;
    if (commutes && p->at[1].stride[0] == 0 && p->at[2].stride[0] != 0) {
        operand first = p->at[1];
        p->at[1] = p->at[2], p->at[2] = first;
    }
    if (p->at[2].stride[0] == 0 && p->at[2].dtype == compute)
        p->number_row = row_for(p->isa, number, compute);
}

/* --- tiles ------------------------------------------------------------------------------------ */

/* An operand within a tile: rows of dense elements of the wanted dtype. */
typedef struct tile_rows {
    char *data;
    int64_t step; /* bytes from row to row */
} tile_rows;

/* Rows that one loop call each is worth, unless they are one piece anyway; a repeated row rather
 * goes to the buffer once. */
static bool is_direct(const operand *o, int64_t columns, int64_t rows)
{
    if (o->dtype != o->wanted || (o->stride[0] != 1 && columns > 1)) return false;
    return rows == 1 || o->stride[1] == columns || (o->stride[1] != 0 && columns >= SHORT);
}

/* Tensors without owner around a tile in memory and its dense copy in a buffer. */
static void copy_tile(const operand *o, char *memory, char *dense, int64_t columns, int64_t rows,
                      bool to_buffer)
{
    fv_tensor strided = {.dtype = o->dtype,
                         .ndim = 2,
                         .numel = rows * columns,
                         .data = memory,
                         .shape = {rows, columns},
                         .strides = {o->stride[1], o->stride[0]}};
    fv_tensor packed = {.dtype = o->wanted,
                        .ndim = 2,
                        .numel = rows * columns,
                        .data = dense,
                        .shape = {rows, columns},
                        .strides = {columns, 1}};
    if (to_buffer)
        fv_copy_elements(&packed, &strided);
    else
        fv_copy_elements(&strided, &packed);
}

/* n elements of so many bytes that all are the one at source. */
static void repeat_element(int64_t size, char *dense, const char *source, int64_t n)
{
    uint32_t word;
    uint64_t pair;
    if (size == 4) {
        memcpy(&word, source, sizeof word);
        for (int64_t i = 0; i < n; i++) ((uint32_t *)(void *)dense)[i] = word;
    } else if (size == 8) {
        memcpy(&pair, source, sizeof pair);
        for (int64_t i = 0; i < n; i++) ((uint64_t *)(void *)dense)[i] = pair;
    } else if (size == 1) {
        memset(dense, *source, (size_t)n);
    } else {
        for (int64_t i = 0; i < n; i++) memcpy(dense + i * size, source, (size_t)size);
    }
}

static void fill_buffer(const operand *o, char *memory, char *dense, int64_t columns, int64_t rows)
{
    bool repeated = columns == 1 || o->stride[0] == 0, one = rows == 1 || o->stride[1] == 0;
    if (o->dtype != o->wanted || !(repeated || o->stride[0] == 1)) {
        copy_tile(o, memory, dense, columns, rows, true);
    } else if (repeated && one) {
        repeat_element(o->size, dense, memory, columns * rows);
    } else {
        for (int64_t r = 0; r < rows; r++, dense += columns * o->size) {
            const char *row = memory + r * o->stride[1] * o->size;
            if (repeated)
                repeat_element(o->size, dense, row, columns);
            else
                memcpy(dense, row, (size_t)(columns * o->size));
        }
    }
}

static tile_rows read_tile(const operand *o, char *memory, buffer *b, int64_t columns, int64_t rows)
{
    if (is_direct(o, columns, rows)) return (tile_rows){memory, o->stride[1] * o->size};
    if (b->source != memory || b->columns != columns || b->rows < rows) {
        fill_buffer(o, memory, b->bytes, columns, rows);
        b->source = memory, b->columns = columns, b->rows = rows;
    }
    return (tile_rows){b->bytes, columns * (int64_t)fv_dtype_size(o->wanted)};
}

/* The element at a place, of a float type that is computed in. */
static double number_of(const operand *o, const char *at)
{
    float single;
    double number;
    if (o->dtype != FV_FLOAT32) return memcpy(&number, at, sizeof number), number;
    memcpy(&single, at, sizeof single);
    return (double)single;
}

/* One call a row, with the number that stands at the row's place in the column. */
static void compute_by_number(const plan *p, const tile_rows *at, int64_t columns, int64_t rows)
{
    const operand *o = &p->at[2];
    for (int64_t r = 0; r < rows; r++) {
        const char *in = at[1].data + r * at[1].step;
        p->number_row(at[OUT].data + r * at[OUT].step, in, in, in, columns,
                      number_of(o, at[2].data + r * o->stride[1] * o->size), 0);
    }
}

/* One call for the tile if every operand is in one piece, else one a row. */
static void compute_tile(const plan *p, const tile_rows *at, int64_t columns, int64_t rows)
{
    if (p->number_row) {
        compute_by_number(p, at, columns, rows);
        return;
    }
    bool whole = rows == 1 || at[OUT].step == columns * (int64_t)fv_dtype_size(p->at[OUT].wanted);
    for (int k = 1; k < p->operands && whole && rows > 1; k++)
        whole = at[k].step == columns * (int64_t)fv_dtype_size(p->at[k].wanted);
    if (whole) columns *= rows, rows = 1;
    for (int64_t r = 0; r < rows; r++)
        p->row(at[OUT].data + r * at[OUT].step, at[1].data + r * at[1].step,
               at[2].data + r * at[2].step, at[3].data + r * at[3].step, columns, p->p, p->q);
}

/* Start of operand o's elements at an index. */
static char *element_at(const plan *p, const operand *o, const int64_t *index)
{
    int64_t offset = 0;
    for (int d = 0; d < p->ndim; d++) offset += index[d] * o->stride[d];
    return o->data + offset * o->size;
}

/* Takes the innermost of the numbers that tile is made of. */
static int64_t take_index(int64_t *tile, int64_t count)
{
    if (count == 1) return 0;
    int64_t index = *tile % count;
    *tile /= count;
    return index;
}

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static void run_tile(const plan *p, int64_t tile, buffer *buffers)
{
    int64_t index[FV_MAX_DIMS];
    index[0] = take_index(&tile, p->column_tiles) * p->columns;
    index[1] = take_index(&tile, p->row_tiles) * p->rows;
    for (int d = 2; d < p->ndim; d++) index[d] = take_index(&tile, p->shape[d]);
    const int64_t columns = lesser(p->columns, p->shape[0] - index[0]);
    const int64_t rows = lesser(p->rows, p->shape[1] - index[1]);
    tile_rows at[OPERANDS]; /* row loops do not read what an op has no input for */
    for (int k = 0; k < OPERANDS; k++) at[k] = (tile_rows){buffers[k].bytes, 0};
    for (int k = 1; k < p->operands; k++) {
        const operand *o = &p->at[k];
        if (k == 2 && p->number_row)
            at[k].data = element_at(p, o, index);
        else
            at[k] = read_tile(o, element_at(p, o, index), &buffers[k], columns, rows);
    }
    const operand *o = &p->at[OUT];
    char *memory = element_at(p, o, index);
    if (is_direct(o, columns, rows)) {
        at[OUT] = (tile_rows){memory, o->stride[1] * o->size};
        compute_tile(p, at, columns, rows);
    } else {
        at[OUT] = (tile_rows){buffers[OUT].bytes, columns * (int64_t)fv_dtype_size(o->wanted)};
        compute_tile(p, at, columns, rows);
        copy_tile(o, memory, buffers[OUT].bytes, columns, rows, false);
    }
}

static void run_tiles(const void *job, int64_t first, int64_t last)
{
    const plan *p = job;
    buffer buffers[OPERANDS];
    for (int k = 0; k < OPERANDS; k++) buffers[k].source = NULL;
    for (int64_t i = first; i < last; i++) run_tile(p, i, buffers);
}

/* A row that computes the same for less: x^2 and the like. */
static fv_elementwise cheaper(fv_elementwise op, fv_dtype compute, double p)
{
    if (op != FV_ELEMENTWISE_pow_scalar) return op;
    if (p == 2) return FV_ELEMENTWISE_square;
    if (p == 1) return FV_ELEMENTWISE_mul_scalar;
    if (!fv_dtype_is_floating(compute)) return op;
    return p == 0.5    ? FV_ELEMENTWISE_sqrt
           : p == -1   ? FV_ELEMENTWISE_reciprocal
           : p == -0.5 ? FV_ELEMENTWISE_rsqrt
                       : op;
}

void fv_elementwise_run(fv_machine m, fv_elementwise op, fv_dtype compute, fv_tensor *out,
                        int inputs, fv_tensor *const *in, double p, double q)
{
    if (out->numel == 0) return;
    op = cheaper(op, compute, p);
    if (try_flat(m, op, compute, out, inputs, in, p, q)) return;
    plan work; /* not cleared, which would take longer than a small tensor */
    work.isa = m.isa;
    work.row = row_for(m.isa, op, compute);
    work.p = p, work.q = q;
    work.operands = inputs + 1;
    work.ndim = 0;
    set_operand(&work.at[OUT], out, row_result(op, compute));
    for (int k = 0; k < inputs; k++) set_operand(&work.at[1 + k], in[k], compute);
    for (int d = out->ndim - 1; d >= 0; d--) add_dim(&work, out, in, d);
    if (work.ndim > 0) merge_dims(&work);
    pad_dims(&work);
    cut_tiles(&work);
    choose_number_row(&work, op, compute);
    double nanoseconds = (double)out->numel * (nanoseconds_per_element(op, compute) + 0.2);
    fv_parallel_ranges(m, nanoseconds, work.tiles, run_tiles, &work);
}

void fv_elementwise_accumulate(fv_machine m, fv_tensor *dst, const fv_tensor *src)
{
    fv_tensor readable =
        fv_tensor_borrow(src); /* the kernels' operands are not const; they only read it */
    fv_elementwise_run(m, FV_ELEMENTWISE_add, dst->dtype, dst, 2,
                       (fv_tensor *const[]){dst, &readable}, 0, 0);
}
