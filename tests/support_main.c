/* The main function of the test programs. */
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

static int check_nothing_left(void)
{
    fv_shutdown();
    fv_memory_info info = fv_memory_stats();
    if (info.live_tensors == 0 && info.live_nodes == 0 && info.live_bytes == 0) return 0;
    fprintf(stderr, "left after fv_shutdown: %lld tensors, %lld nodes, %lld bytes\n",
            (long long)info.live_tensors, (long long)info.live_nodes, (long long)info.live_bytes);
    return 1;
}

int main(void)
{
    watch_crashes(300);
    SRunner *runner = srunner_create(fovea_suite());
    srunner_set_fork_status(runner, CK_NOFORK);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    int run = srunner_ntests_run(runner);
    srunner_free(runner);
    if (run == 0) fprintf(stderr, "no test was run: is CK_RUN_CASE right?\n");
    int leaked = check_nothing_left();
    return failed == 0 && run > 0 && leaked == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
