/* Opens a plugin, calls it, closes it and lives on, twice. The threads that the plugin started
 * sleep and wake in its code meanwhile. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

int main(int argc, char **argv)
{
    for (int k = 0; k < 2; k++) {
        void *plugin = argc > 1 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
        void *symbol = plugin ? dlsym(plugin, "plugin_run") : NULL;
        if (!symbol) {
            const char *reason = dlerror();
            fprintf(stderr, "%s\n", reason ? reason : "which plugin?");
            return 1;
        }
        double (*run)(void);
        memcpy(&run, &symbol, sizeof run);
        double mean = run();
        if (mean != 144) {
            fprintf(stderr, "%g\n", mean);
            return 2;
        }
        dlclose(plugin);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    return 0;
}
