/* SPDX-License-Identifier: MPL-2.0 */
/*
 * Preloaded by tests to show libzmq a host that this machine is not: a kernel without
 * IPv6, sockets that cannot be dual-stack, a bind that fails on its second call.
 *
 * ZDS_SHIM (or zds_shim_set) holds rules: "socket6=EAFNOSUPPORT;bind@2=EADDRINUSE".
 *   CALL=ERRNO      every such call fails
 *   CALL@N=ERRNO    only the N-th call since the rules were set
 *   CALL@N+=ERRNO   the N-th and all later ones
 * Calls: socket4 socket6 v6only0 v6only1 bind bind4 bind6 listen getifaddrs lookup.
 * "v6only0" also makes every IPv6 socket v6-only from birth, as such systems do.
 * "lookup" is a getaddrinfo that may ask DNS; it is counted, and fails with EAI_AGAIN.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dlfcn.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum call
{
    SOCKET4,
    SOCKET6,
    V6ONLY0,
    V6ONLY1,
    BIND,
    BIND4,
    BIND6,
    LISTEN,
    GETIFADDRS,
    LOOKUP,
    CALLS
};

static const char *const call_names[CALLS] = {
  "socket4", "socket6", "v6only0", "v6only1",    "bind",
  "bind4",   "bind6",   "listen",  "getifaddrs", "lookup"};

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

static void set_rules (const char *text)
{
    memset (rules, 0, sizeof rules);
    memset (counts, 0, sizeof counts);
    while (text && *text) {
        size_t length = strcspn (text, ";");
        if (length)
            parse_rule (text, length);
        text += length + (text[length] == ';');
    }
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

/* Counts the call; the errno it has to fail with, or 0. */
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
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int known = !getsockname (fd, (struct sockaddr *) &address, &length);
    int inet =
      known && (address.ss_family == AF_INET || address.ss_family == AF_INET6);
    int error = inet ? verdict (LISTEN) : 0;
    return error ? fail (error) : real (fd, backlog);
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
