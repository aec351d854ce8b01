/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack explain bind: the plan that zds_bind makes for this host.  */

#include "explain.h"

#include <sys/socket.h>

#include "zds_bind.h"
#include "zds_host.h"

static struct
{
    zds_local_t local;
    zds_ifaddr_t *ifaddrs; /* of the interface, if the host part is one */
    zds_bind_plan_t plan;
} report;

/*  zmq_bind looks names up since libzmq 4.3.5, for tcp alone; the version is written in
    the dual-stack library.  */
static bool takes_names (void)
{
    char *const path = library_build (NULL, false);
    library_t library;
    const bool takes = question.endpoint[0] == 't' && path != NULL
                       && library_read (&library, path) == 0
                       && strverscmp (library.on, "4.3.5") >= 0;

    free (path);
    return takes;
}

static int plan_name (void)
{
    zds_answer_t answer;

    if (report.local.endpoint.host[0] == '\0' || !takes_names ())
        return ENODEV;
    memset (&answer, 0, sizeof answer);
    zds_lookup (report.local.endpoint.host,
                question.mode == ZDS_MODE_V4 ? ZDS_LOOK_IPV4 : ZDS_LOOK_WHOLE,
                &answer);
    return zds_bind_plan_names (&report.plan, &report.local, answer.addr,
                                answer.count);
}

/*  Why there is nothing to bind to.  */
static int no_device (void)
{
    const char *const host = report.local.endpoint.host;
    zds_addr_t addr;

    if (report.local.count > 0)
        return trouble_set (
          ENODEV, "%.100s has no address that the socket may use", host);
    if (zds_endpoint_literal (&report.local.endpoint, &addr) == 0)
        return trouble_set (
          ENODEV, "it is an IPv6 address, and the socket is IPv4-only");
    return trouble_set (
      ENODEV,
      "%.100s is neither *, nor an interface of this host with an address, nor "
      "a numeric address, %s",
      host,
      takes_names ()
        ? "nor a name that leads to an address the socket can have"
        : "and zmq_bind looks names up for tcp:// alone, since libzmq 4.3.5");
}

/*  Makes a plan from HOST:PORT, as libzmq does.  */
static int make_plan (const char *text_, bool names_)
{
    zds_local_t *const local = &report.local;
    int rc = explain_parse (&local->endpoint, text_, ZDS_PORT_BIND);

    free (report.ifaddrs);
    report.ifaddrs = NULL;
    local->count = 0;
    local->mode = question.mode;
    if (rc != 0)
        return rc;
    if (strcmp (local->endpoint.host, "*") != 0)
        zds_host_ifaddrs (local->endpoint.host, &report.ifaddrs, &local->count);
    local->ifaddrs = report.ifaddrs;
    rc = zds_bind_plan_make (&report.plan, local, question.settings.any);
    if (rc == ENODEV && names_)
        rc = plan_name ();
    if (rc == ENODEV)
        return no_device ();
    return rc == 0 ? 0 : trouble_set (rc, "out of memory");
}

/*  Asks the system whether a listener can have its address, on a port of the system's
    choice, so that nobody is disturbed.  */
static int check_listener (const zds_listener_t *listener_)
{
    const int on = listener_->v6only == ZDS_V6ONLY_ON;
    zds_addr_t addr = listener_->addr;
    char text[ZDS_ADDR_TEXT_SIZE];
    int fd, rc = 0;

    if (listener_->optional || listener_->freebind || question.really)
        return 0;
    zds_addr_set_port (&addr, 0);
    fd = socket (zds_addr_family (&addr), SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd != -1 && listener_->v6only != ZDS_V6ONLY_NONE)
        setsockopt (fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
    if (fd == -1 || bind (fd, &addr.sa, zds_addr_len (&addr)) != 0)
        rc = errno;
    if (fd != -1)
        close (fd);
    if (rc == 0)
        return 0;
    zds_host_format (&listener_->addr, text, sizeof text);
    return trouble_set (rc, "no socket of this host can listen on %s", text);
}

/*  A source before the ; has no meaning for a listener, but has to be valid.  */
static int make (void)
{
    const char *const address = question.address;
    const char *const destination = zds_endpoint_destination (address);
    char *source;
    unsigned i;
    int rc = 0;

    if (destination != address) {
        source = cli_copy (address, (size_t) (destination - 1 - address));
        rc = make_plan (source, false);
        free (source);
    }
    if (rc == 0)
        rc = make_plan (destination, true);
    for (i = 0; rc == 0 && i < report.plan.count; i++)
        rc = check_listener (&report.plan.listener[i]);
    return rc;
}

/*  --- the answer ------------------------------------------------------------------  */

static const char *families_of (const zds_listener_t *listener_)
{
    if (listener_->v6only == ZDS_V6ONLY_NONE
        || zds_addr_class (&listener_->addr) == ZDS_CLASS_MAPPED_IPV4)
        return "IPv4";
    return listener_->v6only == ZDS_V6ONLY_ON
               || !zds_listener_needs_v6only (listener_)
             ? "IPv6"
             : "IPv6 and IPv4";
}

/*  What the rules say about an address of the interface.  */
static const char *verdict (size_t number_, bool *chosen_)
{
    return zds_ifaddr_why (report.ifaddrs, report.local.count, number_,
                           question.mode, chosen_);
}

/*  Why the listener has its address.  */
static const char *why_address (const zds_listener_t *listener_)
{
    const char *why;
    bool chosen;
    size_t i;

    for (i = 0; i < report.local.count; i++) {
        zds_addr_t addr = report.ifaddrs[i].addr;
        why = verdict (i, &chosen);
        zds_addr_set_port (&addr, zds_addr_port (&listener_->addr));
        if (chosen && zds_addr_equal (&addr, &listener_->addr))
            return why;
    }
    return report.plan.why;
}

/*  An address with its port, or * where the system chooses that.  */
static void format (const zds_addr_t *addr_, char *text_, size_t size_)
{
    char host[ZDS_ADDR_TEXT_SIZE];

    zds_host_format (addr_, host, sizeof host);
    snprintf (text_, size_,
              zds_addr_port (addr_) != 0            ? "%s"
              : zds_addr_family (addr_) == AF_INET6 ? "[%s]:*"
                                                    : "%s:*",
              host);
}

static void show_listener (unsigned number_)
{
    const zds_listener_t *const one = &report.plan.listener[number_];
    const char *const takes = families_of (one);
    char addr[ZDS_ADDR_TEXT_SIZE + 8], text[700], first[24];

    format (&one->addr, addr, sizeof addr);
    snprintf (text, sizeof text, "%s.%s%s%s", why_address (one),
              strcmp (takes, "IPv6 and IPv4") != 0 ? ""
              : one->as_ipv4
                ? " IPv4 clients are shown by their IPv4 addresses."
                : " IPv4 clients are shown as ::ffff:a.b.c.d.",
              one->freebind
                ? " The address is still checked for duplicates: it is bound "
                  "all the same, and answers when that is done."
                : "",
              one->optional ? " The bind goes on without it if this program "
                              "cannot have the family or the address."
                            : "");
    snprintf (first, sizeof first, "  %u. ", number_ + 1);
    if (question.json)
        json ("{ address=s takes=s shown_as_ipv4=b optional=b why=s }", addr,
              takes, one->as_ipv4, one->optional, text);
    else
        cli_say (first, "%s takes %s: %s", addr, takes, text);
}

/*  ZMQ_LAST_ENDPOINT as zmq_getsockopt will return it; null without a listener.  */
static void show_last_endpoint (void)
{
    const bool none = report.plan.count == 0;
    const char *const rest = strstr (question.endpoint, "://") + 3;
    const char *path = rest + strlen (question.address);
    zds_addr_t first = report.plan.listener[0].addr;
    char addr[ZDS_ADDR_TEXT_SIZE + 8] = "", *last;

    if (question.endpoint[0] == 'w' && *path == '\0')
        path = "/";

    if (report.plan.listener[0].as_ipv4)
        zds_addr_as_ipv4 (&first);
    if (!none)
        format (&first, addr, sizeof addr);
    last = cli_text ("%.*s%s%s", (int) (rest - question.endpoint),
                     question.endpoint, addr, path);
    if (question.json)
        json ("last_endpoint=s", none ? NULL : last);
    else if (!none) {
        if (zds_addr_port (&first) == 0)
            printf ("  The system chooses the port%s.\n",
                    report.plan.count > 1 ? ", one for both" : "");
        cli_say ("  ZMQ_LAST_ENDPOINT: ", "%s", last);
    }
    free (last);
}

static void show_listeners (void)
{
    unsigned i;

    if (question.json)
        json ("listeners[");
    for (i = 0; i < report.plan.count; i++)
        show_listener (i);
    if (question.json)
        json ("]");
    show_last_endpoint ();
}

static void show_ifaddr (size_t number_)
{
    static const struct
    {
        unsigned flag;
        const char *name;
    } flag_names[] = {{ZDS_IFADDR_TEMPORARY, "temporary"},
                      {ZDS_IFADDR_DEPRECATED, "deprecated"},
                      {ZDS_IFADDR_TENTATIVE, "tentative"},
                      {ZDS_IFADDR_DUPLICATE, "duplicate"}};
    const zds_ifaddr_t *const one = &report.ifaddrs[number_];
    char addr[ZDS_ADDR_TEXT_SIZE], flags[64] = "";
    bool chosen;
    const char *const why = verdict (number_, &chosen);
    size_t k;

    zds_host_format (&one->addr, addr, sizeof addr);
    if (question.json)
        json ("{ address=s chosen=b flags[", addr, chosen);
    for (k = 0; k < 4; k++)
        if ((one->flags & flag_names[k].flag) != 0) {
            strcat (strcat (flags, " "), flag_names[k].name);
            if (question.json)
                json ("=s", flag_names[k].name);
        }
    if (question.json)
        json ("] why=s }", why);
    else
        cli_say (chosen ? "  + " : "  - ", "%s%s: %s", addr, flags, why);
}

static void show_ifaddrs (void)
{
    const bool is_one = report.local.count > 0;
    size_t i;

    if (question.json)
        json ("interface=s addresses[",
              is_one ? report.local.endpoint.host : NULL);
    else if (is_one)
        printf ("\nAddresses of %s (+ used, - not):\n",
                report.local.endpoint.host);
    for (i = 0; i < report.local.count; i++)
        show_ifaddr (i);
    if (question.json)
        json ("]");
}

void explain_bind (void)
{
    if (make () != 0)
        report.plan.count = 0;
    if (question.really) {
        trouble.error = 0;
        try_it ();
    }
    explain_head ();
    if (question.json) {
        json ("why=s", trouble.error == 0 ? report.plan.why : NULL);
        show_ifaddrs ();
    }
    if (question.really)
        try_show ();
    else
        show_listeners ();
    explain_trouble ();
    if (!question.json)
        show_ifaddrs ();
    free (report.ifaddrs);
}
