/* SPDX-License-Identifier: MPL-2.0 */

/*  Tries what the C core asks of the system, on whatever system this was built for:
    look-ups on threads, the interfaces, the environment.  Prints what it found; the
    exit status is 0 if all of it was right.  */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zds_host.h"
#include "zds_resolver.h"
#include "zds_thread.h"

/*  ms, roughly.  */
static uint64_t clock_ms (void)
{
    return (uint64_t) clock () * 1000 / CLOCKS_PER_SEC;
}

static int failures;

static void check (bool good_, const char *what_)
{
    printf ("%s %s\n", good_ ? "ok  " : "FAIL", what_);
    failures += !good_;
}

/*  Tells a waiting main program that an answer came in.  */
typedef struct
{
    zds_mutex_t mutex;
    bool rung;
} bell_t;

static void ring (void *arg_)
{
    bell_t *const bell = arg_;

    zds_mutex_lock (&bell->mutex);
    bell->rung = true;
    zds_mutex_unlock (&bell->mutex);
}

/*  Whether it rang within 20 s.  */
static bool wait_for (bell_t *bell_)
{
    const uint64_t until = clock_ms () + 20000;
    bool rung = false;

    while (!rung && clock_ms () < until) {
        zds_mutex_lock (&bell_->mutex);
        rung = bell_->rung;
        zds_mutex_unlock (&bell_->mutex);
    }
    return rung;
}

/*  'localhost', through the system's resolver on a thread of ours.  */
static void look_up (void)
{
    bell_t bell;
    zds_inbox_t inbox;
    zds_waiter_t waiter;
    zds_resolver_t *resolver;
    bool there, may_rotate;

    memset (&bell, 0, sizeof bell);
    zds_inbox_init (&inbox, ring, &bell);
    memset (&waiter, 0, sizeof waiter);
    check (zds_mutex_init (&bell.mutex) == 0, "a lock");
    resolver = zds_resolver_new (2, "selftest", zds_lookup, clock_ms);
    if (resolver == NULL) {
        check (false, "a resolver");
        return;
    }

    there = zds_resolver_ask (resolver, "localhost", ZDS_LOOK_IPV4,
                              ZDS_LOOK_IPV4, &waiter, &inbox)
            || (wait_for (&bell)
                && zds_resolver_collect (resolver, &inbox) == &waiter);
    check (there, "an answer from a thread of the resolver");
    check (there && waiter.answer != NULL
             && waiter.answer->status == ZDS_LOOKUP_DONE
             && waiter.answer->count > 0
             && ntohl (waiter.answer->addr[0].v4.sin_addr.s_addr) >> 24 == 127,
           "localhost is 127.0.0.1");
    /*  Two addresses, as in Wine, are looked up again: their order may rotate.  */
    may_rotate = there && waiter.answer != NULL && waiter.answer->count > 1;
    free (waiter.answer);
    waiter.answer = NULL;
    there = zds_resolver_ask (resolver, "localhost", ZDS_LOOK_IPV4,
                              ZDS_LOOK_IPV4, &waiter, &inbox);
    check ((there && waiter.answer != NULL) || may_rotate,
           "the same answer again, at once");
    zds_resolver_cancel (resolver, &waiter);
    free (waiter.answer);
    zds_resolver_release (resolver);
    zds_mutex_destroy (&bell.mutex);
}

/*  A system without getifaddrs says so; any other has a loopback interface.  */
static void interfaces (void)
{
    zds_ifaddr_t *ifaddrs = NULL;
    size_t count = 0, i;
    bool loopback = false;
    const int rc = zds_host_ifaddrs (NULL, &ifaddrs, &count);

    for (i = 0; i < count; i++)
        loopback =
          loopback
          || (ifaddrs[i].addr.sa.sa_family == AF_INET
              && ntohl (ifaddrs[i].addr.v4.sin_addr.s_addr) >> 24 == 127);
    free (ifaddrs);
    printf ("     the system names %u addresses\n", (unsigned) count);
    check (rc == ENOTSUP || (rc == 0 && loopback),
           rc == ENOTSUP ? "no getifaddrs here" : "127.0.0.1 is among them");
}

static void literals (void)
{
    zds_addr_t addr;

    check (zds_addr_parse (&addr, "2001:db8::1", AF_INET6) == 0
             && zds_addr_class (&addr) == ZDS_CLASS_GLOBAL,
           "an IPv6 address");
    check (zds_addr_parse (&addr, "2001:db8::1", AF_INET) == EINVAL,
           "which is no IPv4 address");
}

int main (void)
{
#ifdef _WIN32
    WSADATA data;
    if (WSAStartup (MAKEWORD (2, 2), &data) != 0) {
        check (false, "Windows Sockets");
        return 1;
    }
#endif
    check (zds_host_settings (ZDS_SETTINGS_FILE).attempt_delay != 0,
           "settings");
    literals ();
    interfaces ();
    look_up ();
    return failures != 0;
}
