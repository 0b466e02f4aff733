/* Shifts the wall clock and the time since boot of one process, each by itself and while it runs.
 *
 *     cc -shared -fPIC -O2 -o wallshift.so wallshift.c
 *     WALLSHIFT=offsets LD_PRELOAD=./wallshift.so program
 *
 * `offsets` is a file of two native 64-bit integers: nanoseconds added to CLOCK_REALTIME and to CLOCK_BOOTTIME. It is
 * mapped, so what is written to it holds from the next reading of the wall clock on, for both clocks of that thread: they are
 * read one after the other, and a real machine is never suspended for one of them alone. CLOCK_MONOTONIC is left alone: timers run on.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000LL

static int (*kernel_says)(clockid_t, struct timespec *);
static volatile const int64_t *offsets;

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("WALLSHIFT");
    kernel_says = dlsym(RTLD_NEXT, "clock_gettime");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *mapped = mmap(NULL, 2 * sizeof(int64_t), PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED)
        offsets = mapped;
    close(file);
}

static __thread int64_t wall, boot;

static void take_offsets(void)
{
    do {
        wall = offsets[0];
        boot = offsets[1];
    } while (wall != offsets[0] || boot != offsets[1]);
}

static int64_t offset_of(clockid_t clock)
{
    if (!offsets)
        return 0;
    if (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE) {
        take_offsets();
        return wall;
    }
    return clock == CLOCK_BOOTTIME ? boot : 0;
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    if (!kernel_says)
        begin();
    int failed = kernel_says(clock, now);
    if (failed)
        return failed;
    int64_t ns = now->tv_sec * NS_PER_S + now->tv_nsec + offset_of(clock);
    now->tv_sec = ns / NS_PER_S;
    now->tv_nsec = ns % NS_PER_S;
    return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec read;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &read);
    now->tv_sec = read.tv_sec;
    now->tv_usec = read.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *now)
{
    struct timespec read;
    clock_gettime(CLOCK_REALTIME, &read);
    if (now)
        *now = read.tv_sec;
    return read.tv_sec;
}
