/* Loaded into a program, it has the steady clock go on by another half a second with each look at it: who waits for
 * seconds has waited long enough after a few looks. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>

static int (*real)(clockid_t, struct timespec *);
static long looks;

/* Early, so that looking for it is no part of what the program does. */
__attribute__((constructor)) static void find_real(void)
{
	real = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int done = real(clock, now);

	if (done == 0 && clock == CLOCK_MONOTONIC)
		now->tv_sec += looks++ / 2;
	return done;
}
