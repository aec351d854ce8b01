/* SPDX-License-Identifier: MPL-2.0 */

/*  crowd COUNT MS ENDPOINT: so many sockets of one context connect at once.

    Prints "all MS" when each has had a reply, or nothing of the kind when one
    has none after 10 s; "peak N", the most threads there were beyond those of
    before; and MS later "left N", the threads beyond those of before.

    crowd -m COUNT MS ENDPOINT: nobody answers.  MS after they began to connect
    prints "heap BYTES" and "rss BYTES", what it took since the sockets were made;
    then waits to be killed.  */

#include "bench.h"

#include <malloc.h>
#include <pthread.h>

static volatile int peak_threads;

/*  A number from a line "NAME:  NUMBER" of /proc/self/status.  */
static long status_of (const char *name_)
{
    char line[256];
    long value = -1;
    FILE *const status = fopen ("/proc/self/status", "r");

    while (fgets (line, sizeof line, status) != NULL)
        if (strncmp (line, name_, strlen (name_)) == 0)
            value = atol (line + strlen (name_) + 1);
    fclose (status);
    return value;
}

static void *watch_threads (void *arg_)
{
    for (;;) {
        const int threads = (int) status_of ("Threads");
        if (threads > peak_threads)
            peak_threads = threads;
        sleep_ms (2);
    }
    return arg_;
}

static void begin (void **client_, int count_, const char *endpoint_)
{
    for (int i = 0; i < count_; i++) {
        connect_to (client_[i], endpoint_);
        send_word (client_[i], "hello");
    }
}

static void
measure_memory (void **client_, int count_, unsigned ms_, const char *endpoint_)
{
    const size_t heap = mallinfo2 ().uordblks;
    const long rss = status_of ("VmRSS");

    begin (client_, count_, endpoint_);
    sleep_ms (ms_);
    say ("heap", (double) mallinfo2 ().uordblks - (double) heap);
    say ("rss", (double) (status_of ("VmRSS") - rss) * 1024);
    pause ();
}

static void
measure_time (void **client_, int count_, unsigned ms_, const char *endpoint_)
{
    pthread_t thread;
    bool all = true;

    pthread_create (&thread, NULL, watch_threads, NULL);
    sleep_ms (50);
    const int before = (int) status_of ("Threads");
    peak_threads = before;
    const double start = now_ms ();
    begin (client_, count_, endpoint_);
    for (int i = 0; i < count_ && all; i++)
        all = receive (client_[i]);
    if (all)
        say ("all", now_ms () - start);
    say ("peak", peak_threads - before);
    sleep_ms (ms_);
    say ("left", (double) status_of ("Threads") - before);
}

int main (int argc, char **argv)
{
    const bool memory = argc > 1 && strcmp (argv[1], "-m") == 0;
    char **const arg = argv + (memory ? 2 : 1);

    if (argc - (arg - argv) != 3)
        return 2;
    const int count = atoi (arg[0]);
    const unsigned ms = (unsigned) atoi (arg[1]);
    void **const client = malloc ((size_t) count * sizeof *client);
    void *const context = zmq_ctx_new ();
    allow_many_files ();
    zmq_ctx_set (context, ZMQ_MAX_SOCKETS, count + 16);
    for (int i = 0; i < count; i++) {
        client[i] = new_client (context, false);
        set_int (client[i], ZMQ_RCVTIMEO, 10000);
    }
    (memory ? measure_memory : measure_time) (client, count, ms, arg[2]);
    _exit (0);
}
