/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Preloaded by tests to show libzmq another host than this machine: a kernel without
 * IPv6, sockets that cannot be dual-stack, a bind that fails on its second call.
 *
 * ZDS_SHIM (or zds_shim_set) holds rules: "socket6=EAFNOSUPPORT;bind@2=EADDRINUSE".
 *   CALL=ERRNO      every such call fails
 *   CALL@N=ERRNO    only the N-th call since the rules were set
 *   CALL@N+=ERRNO   the N-th and all later ones
 * Calls: socket4 socket6 v6only0 v6only1 option bind bind4 bind6 listen accept shutdown name
 * getifaddrs watch lookup eventfd thread fopen malloc calloc realloc queue.
 * "v6only0" also makes every IPv6 socket v6-only from the start, as such systems do.
 * "getifaddrs" is the list of interfaces, by whichever call; "watch" the socket that follows them.
 * "option" is every other setsockopt of a TCP socket, "name" its getsockname.
 * "lookup" is a getaddrinfo that may ask DNS; it is counted, and fails with EAI_AGAIN.
 * If the shim is built with ZDS_HISTORY, "malloc", "calloc" and "realloc" are the calls that libzmq itself makes;
 * "malloc" on the resolver's threads only, since elsewhere libzmq ends the process when there is no memory.  It also
 * does so in its queue of commands, on every thread: where zds_shim_queue was told of that code, mallocs in it are
 * "queue" and not "malloc".
 * zds_shim_jump makes the wall clock jump back and forth each time it is read.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <ifaddrs.h>
#include <link.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum call
{
    SOCKET4,
    SOCKET6,
    V6ONLY0,
    V6ONLY1,
    OPTION,
    BIND,
    BIND4,
    BIND6,
    LISTEN,
    ACCEPT,
    SHUTDOWN,
    NAME,
    GETIFADDRS,
    LOOKUP,
    EVENTFD,
    THREAD,
    FOPEN,
    WATCH,
    MALLOC,
    CALLOC,
    REALLOC,
    QUEUE,
    CALLS
};

static const char *const call_names[CALLS] = {
  "socket4",    "socket6", "v6only0", "v6only1", "option",   "bind",
  "bind4",      "bind6",   "listen",  "accept",  "shutdown", "name",
  "getifaddrs", "lookup",  "eventfd", "thread",  "fopen",    "watch",
  "malloc",     "calloc",  "realloc", "queue"};

struct rule
{
    int error; /* 0: no rule */
    int first; /* 0: every call */
    int on;    /* also the calls after `first` */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[CALLS];
static int counts[CALLS];
static int initialised;

/* Where libzmq's code is; found out when there is a rule for its memory. */
static uintptr_t libzmq_at, libzmq_from, libzmq_to;

static int jump; /* seconds */

static int errno_by_name (const char *name, size_t length)
{
    for (int number = 1; number < 200; number++) {
        const char *known = strerrorname_np (number);
        if (known && strlen (known) == length && !strncmp (known, name, length))
            return number;
    }
    fprintf (stderr, "shim: no errno %.*s\n", (int) length, name);
    abort ();
}

static void parse_rule (const char *text, size_t length)
{
    const char *equals = memchr (text, '=', length);
    for (int call = 0; equals && call < CALLS; call++) {
        size_t name = strlen (call_names[call]);
        if (strncmp (text, call_names[call], name)
            || (text[name] != '=' && text[name] != '@'))
            continue;
        struct rule rule = {0, 0, 0};
        if (text[name] == '@')
            rule.first = atoi (text + name + 1);
        rule.on = equals[-1] == '+';
        rule.error =
          errno_by_name (equals + 1, (size_t) (text + length - equals - 1));
        rules[call] = rule;
        return;
    }
    fprintf (stderr, "shim: bad rule %.*s\n", (int) length, text);
    abort ();
}

static int find_libzmq (struct dl_phdr_info *info, size_t size, void *unused)
{
    (void) size;
    (void) unused;
    if (!strstr (info->dlpi_name, "/libzmq.so"))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD
            && (info->dlpi_phdr[i].p_flags & PF_X)) {
            libzmq_at = info->dlpi_addr;
            libzmq_from = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
            libzmq_to = libzmq_from + info->dlpi_phdr[i].p_memsz;
        }
    return 1;
}

static void set_rules (const char *text)
{
    libzmq_from = libzmq_to = 0;
    memset (rules, 0, sizeof rules);
    memset (counts, 0, sizeof counts);
    while (text && *text) {
        size_t length = strcspn (text, ";");
        if (length)
            parse_rule (text, length);
        text += length + (text[length] == ';');
    }
    if (rules[MALLOC].error || rules[CALLOC].error || rules[REALLOC].error
        || rules[QUEUE].error)
        dl_iterate_phdr (find_libzmq, NULL);
}

void zds_shim_set (const char *text)
{
    pthread_mutex_lock (&lock);
    initialised = 1;
    set_rules (text);
    pthread_mutex_unlock (&lock);
}

const char *zds_shim_counts (void)
{
    static char text[512];
    size_t used = 0;
    pthread_mutex_lock (&lock);
    for (int call = 0; call < CALLS; call++)
        used +=
          (size_t) snprintf (text + used, sizeof text - used, "%s\"%s\":%d",
                             call ? "," : "{", call_names[call], counts[call]);
    snprintf (text + used, sizeof text - used, "}");
    pthread_mutex_unlock (&lock);
    return text;
}

/* Counts the call; returns the errno that it has to fail with, or 0. */
static int verdict (enum call call)
{
    pthread_mutex_lock (&lock);
    if (!initialised) {
        initialised = 1;
        set_rules (getenv ("ZDS_SHIM"));
    }
    int number = ++counts[call];
    struct rule rule = rules[call];
    pthread_mutex_unlock (&lock);
    if (!rule.error)
        return 0;
    int hit =
      !rule.first || number == rule.first || (rule.on && number > rule.first);
    return hit ? rule.error : 0;
}

static int has_rule (enum call call)
{
    pthread_mutex_lock (&lock);
    int error = rules[call].error;
    pthread_mutex_unlock (&lock);
    return error;
}

static void *next (const char *name)
{
    void *function = dlsym (RTLD_NEXT, name);
    if (!function)
        abort ();
    return function;
}

static int fail (int error)
{
    errno = error;
    return -1;
}

int socket (int domain, int type, int protocol)
{
    int (*real) (int, int, int) = (int (*) (int, int, int)) next ("socket");
    int error = domain == AF_INET    ? verdict (SOCKET4)
                : domain == AF_INET6 ? verdict (SOCKET6)
                : domain == AF_NETLINK
                  ? verdict (type & SOCK_NONBLOCK ? WATCH : GETIFADDRS)
                  : 0;
    if (error)
        return fail (error);
    int fd = real (domain, type, protocol);
    if (fd != -1 && domain == AF_INET6 && has_rule (V6ONLY0)) {
        int (*set) (int, int, int, const void *, socklen_t) = (int (*) (
          int, int, int, const void *, socklen_t)) next ("setsockopt");
        int one = 1;
        set (fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
    }
    return fd;
}

static int is_tcp (int fd)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int (*real) (int, struct sockaddr *, socklen_t *) =
      (int (*) (int, struct sockaddr *, socklen_t *)) next ("getsockname");
    int type = 0;
    socklen_t size = sizeof type;
    return !getsockopt (fd, SOL_SOCKET, SO_TYPE, &type, &size)
           && type == SOCK_STREAM
           && !real (fd, (struct sockaddr *) &address, &length)
           && (address.ss_family == AF_INET || address.ss_family == AF_INET6);
}

int setsockopt (
  int fd, int level, int name, const void *value, socklen_t length)
{
    int (*real) (int, int, int, const void *, socklen_t) =
      (int (*) (int, int, int, const void *, socklen_t)) next ("setsockopt");
    if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY
        && length == sizeof (int)) {
        int error = verdict (*(const int *) value ? V6ONLY1 : V6ONLY0);
        if (error)
            return fail (error);
    } else if (has_rule (OPTION) && is_tcp (fd)) {
        int error = verdict (OPTION);
        if (error)
            return fail (error);
    }
    return real (fd, level, name, value, length);
}

/* The same argument is a transparent union in C++ headers; plain C needs no more. */
int bind (int fd, const struct sockaddr *address, socklen_t length)
{
    int (*real) (int, const struct sockaddr *, socklen_t) =
      (int (*) (int, const struct sockaddr *, socklen_t)) next ("bind");
    int inet = address->sa_family == AF_INET || address->sa_family == AF_INET6;
    int error = inet ? verdict (BIND) : 0;
    int by_family =
      !inet ? 0 : verdict (address->sa_family == AF_INET ? BIND4 : BIND6);
    if (error || by_family)
        return fail (error ? error : by_family);
    return real (fd, address, length);
}

int listen (int fd, int backlog)
{
    int (*real) (int, int) = (int (*) (int, int)) next ("listen");
    int (*name_of) (int, struct sockaddr *, socklen_t *) =
      (int (*) (int, struct sockaddr *, socklen_t *)) next ("getsockname");
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t length = sizeof address;
    int known = !name_of (fd, (struct sockaddr *) &address, &length);
    int inet =
      known && (address.ss_family == AF_INET || address.ss_family == AF_INET6);
    int error = inet ? verdict (LISTEN) : 0;
    return error ? fail (error) : real (fd, backlog);
}

int shutdown (int fd, int how)
{
    int (*real) (int, int) = (int (*) (int, int)) next ("shutdown");
    int error = verdict (SHUTDOWN);
    return error ? fail (error) : real (fd, how);
}

int accept4 (int fd,
             struct sockaddr *restrict address,
             socklen_t *restrict length,
             int flags)
{
    int (*real) (int, struct sockaddr *, socklen_t *, int) =
      (int (*) (int, struct sockaddr *, socklen_t *, int)) next ("accept4");
    int error = has_rule (ACCEPT) && is_tcp (fd) ? verdict (ACCEPT) : 0;
    return error ? fail (error) : real (fd, address, length, flags);
}

int getsockname (int fd,
                 struct sockaddr *restrict address,
                 socklen_t *restrict length)
{
    int (*real) (int, struct sockaddr *, socklen_t *) =
      (int (*) (int, struct sockaddr *, socklen_t *)) next ("getsockname");
    int error = has_rule (NAME) && is_tcp (fd) ? verdict (NAME) : 0;
    return error ? fail (error) : real (fd, address, length);
}

int eventfd (unsigned int value, int flags)
{
    int (*real) (unsigned int, int) =
      (int (*) (unsigned int, int)) next ("eventfd");
    int error = verdict (EVENTFD);
    return error ? fail (error) : real (value, flags);
}

int pthread_create (pthread_t *restrict thread,
                    const pthread_attr_t *restrict attributes,
                    void *(*start) (void *),
                    void *restrict arg)
{
    int (*real) (pthread_t *, const pthread_attr_t *, void *(*) (void *),
                 void *) =
      (int (*) (pthread_t *, const pthread_attr_t *, void *(*) (void *),
                void *)) next ("pthread_create");
    int error = verdict (THREAD);
    return error ? error : real (thread, attributes, start, arg);
}

FILE *fopen (const char *restrict path, const char *restrict mode)
{
    FILE *(*real) (const char *, const char *) =
      (FILE * (*) (const char *, const char *) ) next ("fopen");
    int error = verdict (FOPEN);
    if (!error)
        return real (path, mode);
    errno = error;
    return NULL;
}

#ifdef ZDS_HISTORY

extern void *__libc_malloc (size_t size);
extern void *__libc_calloc (size_t count, size_t size);
extern void *__libc_realloc (void *old, size_t size);

/* The parts of it that are the queue of commands, as offsets from libzmq_at. */
static struct
{
    uintptr_t from, to;
} queue[32];
static size_t queue_parts;

/* A function of the queue of commands, as the library's table of symbols has it. */
void zds_shim_queue (unsigned long from, unsigned long size)
{
    if (queue_parts == sizeof queue / sizeof queue[0])
        abort ();
    queue[queue_parts].from = from;
    queue[queue_parts++].to = from + size;
}

static int is_queue (uintptr_t at)
{
    for (size_t i = 0; i < queue_parts; i++)
        if (at - libzmq_at >= queue[i].from && at - libzmq_at < queue[i].to)
            return 1;
    return 0;
}

/* Whether it is libzmq that asks, and it is to get nothing. */
static int no_memory (enum call call, const void *caller)
{
    uintptr_t at = (uintptr_t) caller;
    if (!libzmq_to || at < libzmq_from || at >= libzmq_to)
        return 0;
    char name[16] = "";
    prctl (PR_GET_NAME, name);
    if (call == MALLOC && is_queue (at))
        call = QUEUE;
    else if (call == MALLOC && strcmp (name, "ZMQbg/resolver"))
        return 0;
    int error = verdict (call);
    if (error)
        errno = error;
    return error;
}

void *malloc (size_t size)
{
    return no_memory (MALLOC, __builtin_return_address (0))
             ? NULL
             : __libc_malloc (size);
}

void *calloc (size_t count, size_t size)
{
    return no_memory (CALLOC, __builtin_return_address (0))
             ? NULL
             : __libc_calloc (count, size);
}

void *realloc (void *old, size_t size)
{
    return no_memory (REALLOC, __builtin_return_address (0))
             ? NULL
             : __libc_realloc (old, size);
}

#endif

/* The wall clock, which a user or NTP may set. */

void zds_shim_jump (int seconds)
{
    __atomic_store_n (&jump, seconds, __ATOMIC_RELAXED);
}

static time_t jumped (void)
{
    static int sign = 1;
    int seconds = __atomic_load_n (&jump, __ATOMIC_RELAXED);
    return seconds * __atomic_xor_fetch (&sign, -2, __ATOMIC_RELAXED);
}

/* Not by way of dlsym, because sanitizers ask for the time while they hold locks. */
int clock_gettime (clockid_t clock, struct timespec *result)
{
    int rc = (int) syscall (SYS_clock_gettime, clock, result);
    if (rc == 0 && clock == CLOCK_REALTIME)
        result->tv_sec += jumped ();
    return rc;
}

int gettimeofday (struct timeval *restrict result, void *restrict zone)
{
    struct timespec now;
    (void) zone;
    clock_gettime (CLOCK_REALTIME, &now);
    result->tv_sec = now.tv_sec;
    result->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time (time_t *result)
{
    struct timespec now;
    clock_gettime (CLOCK_REALTIME, &now);
    if (result)
        *result = now.tv_sec;
    return now.tv_sec;
}

int getifaddrs (struct ifaddrs **list)
{
    int (*real) (struct ifaddrs **) =
      (int (*) (struct ifaddrs **)) next ("getifaddrs");
    int error = verdict (GETIFADDRS);
    return error ? fail (error) : real (list);
}

int getaddrinfo (const char *node,
                 const char *service,
                 const struct addrinfo *hints,
                 struct addrinfo **result)
{
    int (*real) (const char *, const char *, const struct addrinfo *,
                 struct addrinfo **) =
      (int (*) (const char *, const char *, const struct addrinfo *,
                struct addrinfo **)) next ("getaddrinfo");
    int numeric = hints && (hints->ai_flags & AI_NUMERICHOST);
    if (!numeric && verdict (LOOKUP))
        return EAI_AGAIN;
    return real (node, service, hints, result);
}
