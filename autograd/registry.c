/* The registry: every op that the program links, sorted by name. */
#include <string.h>

#include "autograd/op.h"

static fv_op_entry *first;

/* Runs before main, once per op, from FV_REGISTER. */
void fv_register_op(fv_op_entry *entry)
{
    if (!entry && fv_fail_null("register_op", "entry")) return;
    fv_op_entry **at = &first;
    while (*at && strcmp((*at)->op->name, entry->op->name) < 0) at = &(*at)->next;
    entry->next = *at;
    *at = entry;
}

const fv_op_entry *fv_ops(void)
{
    return first;
}

const fv_op *fv_find_op(const char *name)
{
    if (!name && fv_fail_null("find_op", "name")) return NULL;
    for (const fv_op_entry *e = first; e; e = e->next)
        if (strcmp(e->op->name, name) == 0) return e->op;
    return NULL;
}
