/* SPDX-License-Identifier: MPL-2.0 */

/*  crowd COUNT MS ENDPOINT: this many sockets of one context connect at once, and
    each sends a message and gets a reply.

    Prints what this process took for that: "all MS", after which each has had its
    reply (left out if one has none after a minute), "cpu MS"; at the peak, beyond
    what there was before, "threads N", "files N", "rss BYTES"; and MS later "left N",
    the number of threads beyond those of before.

    A "#" in ENDPOINT stands for the number of the socket, from 0 on.

    crowd -c PORTS COUNT MS ENDPOINT: the same, but each socket connects to this many
    ports, from ENDPOINT's on; COUNT is the number of connections.  This takes fewer
    files.

    crowd -m COUNT MS ENDPOINT: nobody answers.  MS after the sockets began to connect
    it prints "heap BYTES" and "rss BYTES", which it took since the sockets were made;
    then it waits to be killed.  */

#define _GNU_SOURCE /* RUSAGE_THREAD */

#include "bench.h"

#include <dirent.h>
#include <fcntl.h>
#include <malloc.h>
#include <pthread.h>
#include <sys/stat.h>

/*  At the peak.  The watcher's own processor time is not the crowd's.  */
static volatile int peak_threads, peak_files;
static volatile double watcher_ms;

static int ports = 1; /* to which each socket connects */

/*  A number from a line "NAME:  NUMBER" of /proc/self/status, which stays open: at the
    peak a crowd may have no descriptor left.  */
static long status_of (const char *name_)
{
    static int status = -1;
    char text[8192];
    const char *line;
    ssize_t size;

    if (status == -1)
        status = open ("/proc/self/status", O_RDONLY | O_CLOEXEC);
    size = pread (status, text, sizeof text - 1, 0);
    if (size <= 0)
        die ("/proc/self/status");
    text[size] = '\0';
    line = strstr (text, name_);
    return line == NULL ? -1 : atol (line + strlen (name_) + 1);
}

/*  Newer kernels tell the number without a list.  */
static int open_files (void)
{
    struct stat about;
    DIR *directory;
    int count = 0;

    if (stat ("/proc/self/fd", &about) == 0 && about.st_size > 0)
        return (int) about.st_size;
    directory = opendir ("/proc/self/fd");
    if (directory == NULL)
        die ("/proc/self/fd");
    while (readdir (directory) != NULL)
        count++;
    closedir (directory);
    return count - 3; /* ".", "..", and this one */
}

static double processor_ms (int who_)
{
    struct rusage usage;

    getrusage (who_, &usage);
    return (double) (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e3
           + (double) (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e3;
}

static void look (void)
{
    const int threads = (int) status_of ("Threads"), files = open_files ();

    if (threads > peak_threads)
        peak_threads = threads;
    if (files > peak_files)
        peak_files = files;
}

static void *watch (void *arg_)
{
    for (;;) {
        look ();
        watcher_ms = processor_ms (RUSAGE_THREAD);
        sleep_ms (2);
    }
    return arg_;
}

/*  Connects to the endpoint's port, or to one that many places after it.  */
static void
connect_to_port (void *client_, const char *endpoint_, unsigned more_)
{
    const char *const colon = strrchr (endpoint_, ':');
    char text[256];

    snprintf (text, sizeof text, "%.*s:%u", (int) (colon - endpoint_),
              endpoint_, (unsigned) atoi (colon + 1) + more_);
    connect_to (client_, text);
}

/*  All connect before the first one sends, because a socket's messages take its
    connections in turn.  */
static void begin (void **client_, int count_, const char *endpoint_)
{
    for (int i = 0; i < count_; i++)
        if (ports > 1)
            connect_to_port (client_[i], endpoint_, (unsigned) (i % ports));
        else
            connect_to_nth (client_[i], endpoint_, (unsigned) i);
    for (int i = 0; i < count_; i++)
        send_word (client_[i], "hello");
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

    pthread_create (&thread, NULL, watch, NULL);
    sleep_ms (50);
    const int threads = (int) status_of ("Threads"), files = open_files ();
    const long rss = status_of ("VmRSS");
    peak_threads = threads;
    peak_files = files;
    const double watched = watcher_ms, cpu = processor_ms (RUSAGE_SELF);
    const double start = now_ms ();
    begin (client_, count_, endpoint_);
    for (int i = 0; i < count_ && all; i++)
        all = receive (client_[i]);
    if (all)
        say ("all", now_ms () - start);
    look ();
    say ("cpu", processor_ms (RUSAGE_SELF) - cpu - (watcher_ms - watched));
    say ("threads", peak_threads - threads);
    say ("files", peak_files - files);
    say ("rss", (double) (status_of ("VmHWM") - rss) * 1024);
    sleep_ms (ms_);
    say ("left", (double) status_of ("Threads") - threads);
}

int main (int argc, char **argv)
{
    bool memory = false;
    int letter;

    while ((letter = getopt (argc, argv, "c:m")) != -1) {
        if (letter == 'c')
            ports = atoi (optarg);
        else if (letter == 'm')
            memory = true;
        else
            return 2;
    }
    if (argc - optind != 3 || ports < 1)
        return 2;
    const int count = atoi (argv[optind]);
    const unsigned ms = (unsigned) atoi (argv[optind + 1]);
    void **const client = malloc ((size_t) count * sizeof *client);
    void *const context = zmq_ctx_new ();
    if (client == NULL)
        die ("malloc");
    allow_many_files ();
    zmq_ctx_set (context, ZMQ_MAX_SOCKETS, count + 16);
    for (int i = 0; i < count; i++) {
        if (i % ports != 0) {
            client[i] = client[i - 1];
            continue;
        }
        client[i] = new_client (context, false);
        set_int (client[i], ZMQ_RCVTIMEO, 60000);
    }
    (memory ? measure_memory : measure_time) (client, count, ms,
                                              argv[optind + 2]);
    _exit (0);
}
