/* Scopes: one stack of owned handles a thread, and one of regions: scopes, which begin at a place
 * of the first, and whatever else ends with a block.
 *
 * A region is known by its number and the address of its variable. So one that was never opened
 * (its declaration was jumped past, and the variable holds anything) is told from every open one,
 * and one that longjmp left is noticed when a variable at the same address opens another. */
#include "tensor/scope.h"

#include <pthread.h>
#include <stdlib.h>

#include "tensor/frame.h"
#include "tensor/handle_impl.h"
#include "tensor/memory_impl.h"
#include "tensor/region.h"
#include "tensor/tensor.h"

enum { PILE = 100000 }; /* tensors outside of every scope of which a program is warned */

typedef struct region {
    uint64_t id;
    const void *variable;
    size_t mark;               /* of a scope: the handles above it are its own */
    void (*leave)(bool state); /* NULL: a scope */
    bool state;
    int frames; /* frames (frame.h) that were open */
} region;

typedef struct owner_stack {
    fv_tensor **items;
    size_t count, room;
    size_t limit; /* see limit_of */
    region *regions;
    int depth, depth_room;
    int scopes; /* of the regions */
    bool registered;
    uint64_t opened, shut; /* numbers given so far, and by the last fv_shutdown */
} owner_stack;

static _Thread_local owner_stack owned;
static pthread_key_t key;
static bool key_made;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* The count at which to look again: at the room, or when the pile is high. */
static size_t limit_of(const owner_stack *stack)
{
    return stack->count < PILE && stack->room > PILE ? PILE : stack->room;
}

/* --- the ends of regions and threads ---------------------------------------------------------- */

static void release_down_to(owner_stack *stack, size_t mark)
{
    while (stack->count > mark) fv_handle_disown(stack->items[--stack->count]);
}

/* Ends the innermost region, but for the handles of a scope. */
static region end_innermost(owner_stack *stack)
{
    region r = stack->regions[--stack->depth];
    fv_frame_pop(r.frames);
    if (r.leave)
        r.leave(r.state);
    else
        stack->scopes--;
    return r;
}

static void leave_down_to(owner_stack *stack, int depth)
{
    while (stack->depth > depth) {
        region r = end_innermost(stack);
        if (r.leave) continue;
        release_down_to(stack, r.mark);
        stack->limit = limit_of(stack);
    }
}

/* Regions that longjmp left. Who was jumped to may have made tensors since, which are in use: all
 * go to the scope around. */
static void heal_down_to(owner_stack *stack, int depth)
{
    while (stack->depth > depth) end_innermost(stack);
}

static void release_all(void *stack_)
{
    owner_stack *stack = stack_;
    leave_down_to(stack, 0);
    release_down_to(stack, 0);
    free(stack->items);
    free(stack->regions);
    stack->items = NULL;
    stack->regions = NULL;
    stack->room = stack->limit = 0;
    stack->depth_room = 0;
    stack->registered = false; /* other destructors of a thread may make tensors once more */
    stack->shut = stack->opened;
}

static void make_key(void)
{
    key_made = pthread_key_create(&key, release_all) == 0;
}

static void see_the_thread_end(owner_stack *stack)
{
    if (stack->registered) return;
    pthread_once(&once, make_key);
    stack->registered = key_made && pthread_setspecific(key, stack) == 0;
}

/* --- room ------------------------------------------------------------------------------------- */

static bool grow(owner_stack *stack)
{
    size_t room = stack->room ? stack->room * 2 : 256;
    fv_tensor **items = realloc(stack->items, room * sizeof *items);
    if (!items) return false;
    stack->items = items;
    stack->room = room;
    see_the_thread_end(stack);
    return true;
}

/* A loop that opens no scope keeps all that it makes. */
static void warn_of_pile(const owner_stack *stack)
{
    static bool warned;
    if (stack->count < PILE || stack->scopes > 0) return;
    if (!__atomic_exchange_n(&warned, true, __ATOMIC_RELAXED))
        fv_warn("%zu tensors belong to no scope and pile up; begin the loop's body with FV_SCOPE;",
                stack->count);
}

__attribute__((noinline, cold)) static bool make_room(owner_stack *stack)
{
    if (stack->count == stack->room && !grow(stack)) return false;
    warn_of_pile(stack);
    stack->limit = limit_of(stack);
    return true;
}

static bool deepen(owner_stack *stack)
{
    if (stack->depth < stack->depth_room) return true;
    int room = stack->depth_room ? stack->depth_room * 2 : 16;
    region *regions = realloc(stack->regions, (size_t)room * sizeof *regions);
    if (!regions) return false;
    stack->regions = regions;
    stack->depth_room = room;
    see_the_thread_end(stack);
    return true;
}

/* --- regions ---------------------------------------------------------------------------------- */

/* Numbers are spread over 64 bits, so that what a variable holds by chance is none. */
#define SPREAD   UINT64_C(0x9e3779b97f4a7c15)
#define UNSPREAD UINT64_C(0xf1de83e19937733d) /* SPREAD * UNSPREAD is 1 */

/* Was the region still open when fv_shutdown ended all? */
static bool ended_by_shutdown(uint64_t id)
{
    uint64_t number = id * UNSPREAD;
    return number >= 1 && number <= owned.shut;
}

static int find_variable(const owner_stack *stack, const void *variable)
{
    int i = stack->depth - 1;
    while (i >= 0 && stack->regions[i].variable != variable) i--;
    return i;
}

uint64_t fv_region_open(void *variable, void (*leave)(bool state), const bool *state)
{
    int left = find_variable(&owned, variable);
    if (left >= 0) heal_down_to(&owned, left);
    if (!deepen(&owned)) {
        fv_fail(FV_ERR_MEMORY, "scope: no memory to open one");
        return FV_NO_REGION;
    }
    uint64_t id = ++owned.opened * SPREAD;
    owned.regions[owned.depth++] = (region){.id = id,
                                            .variable = variable,
                                            .mark = owned.count,
                                            .leave = leave,
                                            .state = state && *state,
                                            .frames = fv_frame_depth()};
    owned.scopes += !leave;
    return id;
}

void fv_region_close(uint64_t id, const void *variable, const char *name)
{
    int i = find_variable(&owned, variable);
    if (i >= 0 && owned.regions[i].id == id) {
        leave_down_to(&owned, i);
        return;
    }
    if (id == FV_NO_REGION || ended_by_shutdown(id)) return;
    fv_fail(FV_ERR_STATE,
            "%s: the end of a block in which none is open; a goto or a switch jumped past the "
            "declaration, or an outer scope was closed before",
            name);
}

/* --- scopes ----------------------------------------------------------------------------------- */

fv_scope fv_scope_open(fv_scope *scope)
{
    if (!scope && fv_fail_null("scope_open", "scope")) return (fv_scope){FV_NO_REGION};
    return (fv_scope){.id = fv_region_open(scope, NULL, NULL)};
}

void fv_scope_close(fv_scope *scope)
{
    if (!scope && fv_fail_null("scope_close", "scope")) return;
    fv_region_close(scope->id, scope, "FV_SCOPE");
}

fv_tensor *fv_scope_adopt(fv_tensor *t)
{
    if (fv_unusable_in("scope", t)) return fv_failed_tensor();
    if (__builtin_expect(owned.count == owned.limit, 0) && !make_room(&owned)) {
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

fv_tensor *fv_escape(fv_tensor *t)
{
    if (fv_failed_in("escape", t)) {
        if (!t) fv_fail(FV_ERR_OPTION, "escape: the tensor is NULL");
        return fv_failed_tensor();
    }
    int i = owned.depth - 1;
    while (i >= 0 && owned.regions[i].leave) i--;
    if (i < 0) return t;
    size_t *mark = &owned.regions[i].mark, at = owned.count;
    while (at > *mark && owned.items[at - 1] != t) at--;
    if (at == *mark) return t;
    owned.items[at - 1] = owned.items[*mark];
    owned.items[(*mark)++] = t;
    return t;
}

void fv_shutdown(void)
{
    release_all(&owned);
    fv_empty_cache();
    fv_release_arenas();
}
