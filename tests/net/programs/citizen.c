/* SPDX-License-Identifier: MPL-2.0 */

/*  Things that programs do around libzmq. "citizen ACTION ARGUMENT..." does one, and
    says in one line, or one for each time, how it went.  An endpoint is "reached"
    when there is a connection that a message can be given to.  */

#define _GNU_SOURCE
#include <dirent.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum
{
    PATIENCE = 20000 /* ms */
};

static long now (void)
{
    struct timespec time;

    clock_gettime (CLOCK_MONOTONIC, &time);
    return time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static void *socket_of (void *ctx_)
{
    void *const socket = zmq_socket (ctx_, ZMQ_DEALER);
    const int linger = 0, immediate = 1, patience = PATIENCE;

    zmq_setsockopt (socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt (socket, ZMQ_IMMEDIATE, &immediate, sizeof immediate);
    zmq_setsockopt (socket, ZMQ_SNDTIMEO, &patience, sizeof patience);
    return socket;
}

/*  The time in ms after which the endpoint is reached, -1 if it is not.  */
static long reach (void *ctx_, const char *endpoint_)
{
    void *const socket = socket_of (ctx_);
    const long begin = now ();
    long took = -1;

    if (zmq_connect (socket, endpoint_) == 0
        && zmq_send (socket, "", 0, 0) == 0)
        took = now () - begin;
    zmq_close (socket);
    return took;
}

static unsigned entries (const char *path_)
{
    DIR *const dir = opendir (path_);
    unsigned count = 0;

    while (readdir (dir) != NULL)
        count++;
    closedir (dir);
    return count - 2;
}

/*  kB of a line in /proc/self/status.  */
static long status (const char *name_)
{
    FILE *const file = fopen ("/proc/self/status", "r");
    char line[256];
    long value = -1;

    while (file != NULL && fgets (line, sizeof line, file) != NULL)
        if (strncmp (line, name_, strlen (name_)) == 0)
            value = atol (strchr (line, ':') + 1);
    if (file != NULL)
        fclose (file);
    return value;
}

/*  Makes it impossible to start a thread with the default stack, or any thread.  */
static void forbid (const char *what_)
{
    struct rlimit limit;

    if (strcmp (what_, "as") == 0) {
        limit.rlim_cur = limit.rlim_max =
          (rlim_t) status ("VmSize") * 1024 + (6 << 20);
        setrlimit (RLIMIT_AS, &limit);
        return;
    }
    if (setgid (65534) != 0 || setuid (65534) != 0)
        exit (2);
    limit.rlim_cur = limit.rlim_max = 0;
    if (strcmp (what_, "memlock") == 0)
        limit.rlim_cur = limit.rlim_max = 8 << 20;
    setrlimit (strcmp (what_, "memlock") == 0 ? RLIMIT_MEMLOCK : RLIMIT_NPROC,
               &limit);
    if (strcmp (what_, "memlock") == 0)
        mlockall (MCL_FUTURE);
}

/*  WHAT ENDPOINT: reaches it when no further thread can be started.  */
static int poor (char **argument_)
{
    void *const ctx = zmq_ctx_new ();
    void *const first = socket_of (ctx); /* the I/O thread is there */

    forbid (argument_[0]);
    printf ("reached after %ld\n", reach (ctx, argument_[1]));
    zmq_close (first);
    return 0;
}

/*  ENDPOINT: reaches it with all memory locked, and says how much memory that took,
    and how much address space that counts as locked.  */
static int locked (char **argument_)
{
    void *const ctx = zmq_ctx_new ();
    void *const first = socket_of (ctx);
    long before, counted, took;

    if (mlockall (MCL_CURRENT | MCL_FUTURE) != 0)
        return 2;
    before = status ("VmRSS");
    counted = status ("VmLck");
    took = reach (ctx, argument_[0]);
    printf ("reached after %ld with %ld kB locked %ld\n", took,
            status ("VmRSS") - before, status ("VmLck") - counted);
    zmq_close (first);
    return 0;
}

/*  COUNT HOST: contexts that connect and give up, one after the other; %u in HOST
    becomes a number.  */
static int loop (char **argument_)
{
    const int count = atoi (argument_[0]);
    const long end = now () + PATIENCE;
    unsigned threads = 0, descriptors = 0;
    char endpoint[256];
    int i;

    for (i = 0; i < count && now () < end; i++) {
        void *const ctx = zmq_ctx_new ();
        void *const socket = socket_of (ctx);
        snprintf (endpoint, sizeof endpoint, "tcp://h%d.%s", i, argument_[1]);
        zmq_connect (socket, endpoint);
        usleep (10000);
        if (entries ("/proc/self/task") > threads)
            threads = entries ("/proc/self/task");
        if (entries ("/proc/self/fd") > descriptors)
            descriptors = entries ("/proc/self/fd");
        zmq_close (socket);
        zmq_ctx_term (ctx);
    }
    printf ("%u threads %u descriptors\n", threads, descriptors);
    return 0;
}

/*  COUNT HOST: connects to that many names at once; says after how many ms all are
    reached, -1 if one is not.  */
static int crowd (char **argument_)
{
    const int count = atoi (argument_[0]);
    void *const ctx = zmq_ctx_new ();
    void **const socket = calloc ((size_t) count, sizeof *socket);
    const long begin = now ();
    char endpoint[256];
    int i;

    for (i = 0; socket != NULL && i < count; i++) {
        socket[i] = socket_of (ctx);
        snprintf (endpoint, sizeof endpoint, "tcp://h%d.%s", i, argument_[1]);
        zmq_connect (socket[i], endpoint);
    }
    for (i = 0; socket != NULL && i < count; i++)
        if (zmq_send (socket[i], "", 0, 0) != 0)
            break;
    printf ("%ld\n", i == count ? now () - begin : -1);
    return 0;
}

/*  COUNT DEAD GOOD: forks so many children, each while look-ups of names below DEAD
    are in flight; each reaches GOOD with a context of its own, and says how long that
    took, and how its parent's look-ups went on.  */
static int children (char **argument_)
{
    enum
    {
        LOOK_UPS = 8
    };
    const int count = atoi (argument_[0]);
    void *const ctx = zmq_ctx_new ();
    void *socket[LOOK_UPS];
    char endpoint[256];
    int i, k;

    for (i = 0; i < count; i++) {
        for (k = 0; k < LOOK_UPS; k++) {
            socket[k] = socket_of (ctx);
            snprintf (endpoint, sizeof endpoint, "tcp://h%d.%s",
                      i * LOOK_UPS + k, argument_[1]);
            zmq_connect (socket[k], endpoint);
        }
        usleep (5000);
        if (fork () == 0) {
            void *const own = zmq_ctx_new ();
            printf ("%ld\n", reach (own, argument_[2]));
            fflush (stdout);
            _exit (0);
        }
        wait (NULL);
        for (k = 0; k < LOOK_UPS; k++)
            zmq_close (socket[k]);
    }
    return 0;
}

/*  NUMBER ENDPOINT: says, while the look-up is in flight, what the threads are
    called, and which processors and priority they have.  */
static int names (char **argument_)
{
    void *const ctx = zmq_ctx_new ();
    void *socket;
    char command[128];

    zmq_ctx_set (ctx, ZMQ_THREAD_NAME_PREFIX, atoi (argument_[0]));
    zmq_ctx_set (ctx, ZMQ_THREAD_AFFINITY_CPU_ADD, 0);
    zmq_ctx_set (ctx, ZMQ_THREAD_SCHED_POLICY, SCHED_BATCH);
    socket = socket_of (ctx);
    zmq_connect (socket, argument_[1]);
    usleep (500000);
    fflush (stdout);
    snprintf (command, sizeof command,
              "for t in /proc/%d/task/*; do echo $(cat $t/comm) "
              "$(grep Cpus_allowed_list $t/status) policy $(cut -d' ' -f41 "
              "$t/stat); done",
              (int) getpid ());
    return system (command);
}

int main (int argc, char **argv)
{
    static const struct
    {
        const char *name;
        int arguments;
        int (*run) (char **argument_);
    } actions[] = {{"poor", 2, poor},   {"locked", 1, locked},
                   {"loop", 2, loop},   {"children", 3, children},
                   {"crowd", 2, crowd}, {"names", 2, names}};
    size_t i;

    for (i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (argc > 1 && strcmp (argv[1], actions[i].name) == 0
            && argc == actions[i].arguments + 2) {
            const int rc = actions[i].run (argv + 2);
            fflush (stdout);
            _exit (rc);
        }
    return 2;
}
