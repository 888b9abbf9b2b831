/* Scopes: one stack of owned handles a thread; a scope is a mark on it. */
#include "tensor/scope.h"

#include <pthread.h>
#include <stdlib.h>

#include "tensor/memory_impl.h"
#include "tensor/tensor.h"

typedef struct owner_stack {
    fv_tensor **items;
    size_t count, room;
    int depth; /* open scopes */
    bool registered;
} owner_stack;

static _Thread_local owner_stack owned;
static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void release_down_to(owner_stack *stack, size_t mark)
{
    while (stack->count > mark) fv_release(stack->items[--stack->count]);
}

static void release_all(void *stack_)
{
    owner_stack *stack = stack_;
    release_down_to(stack, 0);
    free(stack->items);
    stack->items = NULL;
    stack->room = 0;
}

static void make_key(void)
{
    pthread_key_create(&key, release_all);
}

static bool grow(owner_stack *stack)
{
    size_t room = stack->room ? stack->room * 2 : 256;
    fv_tensor **items = realloc(stack->items, room * sizeof *items);
    if (!items) return false;
    stack->items = items;
    stack->room = room;
    if (!stack->registered) {
        pthread_once(&once, make_key);
        pthread_setspecific(key, stack);
        stack->registered = true;
    }
#ifndef NDEBUG
    if (stack->depth == 0 && room >= (size_t)1 << 16)
        fv_warn("%zu tensors belong to no scope and pile up; wrap the loop's body in FV_SCOPE",
                stack->count);
#endif
    return true;
}

fv_scope fv_scope_open(void)
{
    owned.depth++;
    return (fv_scope){.mark = owned.count, .open = true};
}

void fv_scope_close(fv_scope *scope)
{
    if (!scope->open) return;
    scope->open = false;
    if (owned.depth > 0) owned.depth--;
    release_down_to(&owned, scope->mark);
}

fv_tensor *fv_scope_adopt(fv_tensor *t)
{
    if (!t || t->failed) return fv_failed_tensor();
    if (owned.count == owned.room && !grow(&owned)) {
        fv_release(t);
        fv_fail(FV_ERR_MEMORY, "scope: no memory for one more tensor");
        return fv_failed_tensor();
    }
    owned.items[owned.count++] = t;
    return t;
}

fv_tensor *fv_scope_close_with(fv_scope *scope, fv_tensor *t)
{
    fv_retain(t);
    fv_scope_close(scope);
    return fv_scope_adopt(t);
}

void fv_shutdown(void)
{
    release_all(&owned);
    fv_empty_cache();
    fv_release_arenas();
}
