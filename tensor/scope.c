/* Scopes: one stack of owned handles a thread; a scope is a mark on it.
 *
 * At the mark stands a number of the scope's own instead of a handle (odd, which no address is), by
 * which a scope that an outer one closed is known even when others have taken its place. */
#include "tensor/scope.h"

#include <pthread.h>
#include <stdlib.h>

#include "tensor/frame.h"
#include "tensor/handle_impl.h"
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
static bool key_made;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void release_down_to(owner_stack *stack, size_t mark)
{
    while (stack->count > mark) {
        fv_tensor *t = stack->items[--stack->count];
        if (!((uintptr_t)t & 1)) fv_handle_disown(t);
    }
}

static void release_all(void *stack_)
{
    owner_stack *stack = stack_;
    release_down_to(stack, 0);
    free(stack->items);
    stack->items = NULL;
    stack->room = 0;
    stack->registered = false; /* other destructors of a thread may make tensors once more */
}

static void make_key(void)
{
    key_made = pthread_key_create(&key, release_all) == 0;
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
        stack->registered = key_made && pthread_setspecific(key, stack) == 0;
    }
#ifndef NDEBUG
    if (stack->depth == 0 && room >= (size_t)1 << 16)
        fv_warn("%zu tensors belong to no scope and pile up; begin the loop's body with FV_SCOPE;",
                stack->count);
#endif
    return true;
}

static fv_tensor *marker(uint64_t id)
{
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): an odd number is no tensor's address */
    return (fv_tensor *)(uintptr_t)(id * 2 + 1);
}

fv_scope fv_scope_open(void)
{
    static _Thread_local uint64_t last_id;
    fv_scope scope = {.mark = owned.count,
                      .id = ++last_id,
                      .depth = owned.depth++,
                      .frames = fv_frame_depth(),
                      .open = true};
    if (owned.count < owned.room || grow(&owned))
        owned.items[owned.count++] = marker(scope.id);
    else
        scope.id = 0; /* no memory for the mark: closed in good order, it is not missed */
    return scope;
}

void fv_scope_close(fv_scope *scope)
{
    if (!scope && fv_fail_null("scope_close", "scope")) return;
    if (!scope->open) return;
    scope->open = false;
    bool stands = scope->mark < owned.count && owned.items[scope->mark] == marker(scope->id);
    if (scope->id && !stands) return; /* an outer scope has closed it */
    owned.depth = scope->depth;
    fv_frame_pop(scope->frames);
    release_down_to(&owned, scope->mark);
}

fv_tensor *fv_scope_adopt(fv_tensor *t)
{
    if (fv_failed_in("scope", t)) return fv_failed_tensor();
    if (owned.count == owned.room && !grow(&owned)) {
        fv_release(t);
        fv_fail(FV_ERR_MEMORY, "scope: no memory for one more tensor");
        return fv_failed_tensor();
    }
    owned.items[owned.count++] = t;
    fv_handle_own(t);
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
