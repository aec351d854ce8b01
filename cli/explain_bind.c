/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack explain bind: asks zds_bind which sockets to open, and opens them
    without the port, or with it (--try).  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "explain.h"

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "library.h"
#include "sockets.h"
#include "zds_host.h"

enum
{
    MAX_NAMES = 64,                      /* addresses of a name */
    TEXT_SIZE = ZDS_ADDR_TEXT_SIZE + 16, /* tcp://[ADDRESS]:* */
    MAX_STEPS = ZDS_MAX_LISTENERS * 2 * ZDS_BIND_MAX_TRIES + 8
};

typedef struct
{
    bool closes;
    zds_addr_t addr;
    zds_bind_stage_t stage; /* if 'error' is not 0: where */
    int error;
} step_t;

/*  What is found out.  */
typedef struct
{
    const question_t *question;
    zds_endpoint_t endpoint;
    uint32_t zone;
    zds_ifaddr_t *ifaddrs; /* of the interface, if the host part is one */
    size_t ifaddr_count;
    char libzmq[32]; /* version of the patched library; empty: not known */
    zds_bind_t bind; /* its plan is what came out in the end */
    int fds[ZDS_MAX_LISTENERS];
    zds_addr_t first; /* of the socket that names the endpoint */
    step_t steps[MAX_STEPS];
    size_t step_count;
    trouble_t trouble;
} report_t;

/*  The plan.  */

static int compare_versions (const char *a_, const char *b_)
{
    while (*a_ != '\0' || *b_ != '\0') {
        char *a_end, *b_end;
        const long a = strtol (a_, &a_end, 10), b = strtol (b_, &b_end, 10);
        if (a != b)
            return a < b ? -1 : 1;
        a_ = a_end + (*a_end == '.');
        b_ = b_end + (*b_end == '.');
        if (a_end == a_ || b_end == b_)
            break;
    }
    return 0;
}

/*  zmq_bind looks names up since libzmq 4.3.5; which one it would be is written in
    the patched library.  */
static bool takes_names (report_t *report_)
{
    char *path = cli_find_library (true);
    library_t library;

    if (path != NULL && library_read (&library, path) == 0)
        strcpy (report_->libzmq, library.on);
    free (path);
    return report_->libzmq[0] != '\0'
           && compare_versions (report_->libzmq, "4.3.5") >= 0;
}

static size_t
look_up (const char *host_, int family_, zds_addr_t *out_, size_t room_)
{
    struct addrinfo hints, *list = NULL;
    const struct addrinfo *one;
    size_t count = 0;

    memset (&hints, 0, sizeof hints);
    hints.ai_family = family_;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_PASSIVE;
    if (getaddrinfo (host_, NULL, &hints, &list) != 0)
        return 0;
    for (one = list; one != NULL && count < room_; one = one->ai_next)
        if (zds_addr_from_sockaddr (&out_[count], one->ai_addr,
                                    (size_t) one->ai_addrlen)
            == 0)
            count++;
    freeaddrinfo (list);
    return count;
}

static int plan_name (report_t *report_, zds_bind_plan_t *plan_)
{
    const char *host = report_->endpoint.host;
    const zds_mode_t mode = report_->question->mode;
    zds_addr_t addrs[2 * MAX_NAMES];
    size_t count;

    if (host[0] == '\0' || !takes_names (report_))
        return ENODEV;
    count = look_up (host, AF_INET, addrs, MAX_NAMES);
    if (mode != ZDS_MODE_V4)
        count += look_up (host, AF_INET6, addrs + count, MAX_NAMES);
    return zds_bind_plan_names (plan_, &report_->endpoint, mode, addrs, count);
}

static int no_name (report_t *report_)
{
    const char *host = report_->endpoint.host;

    if (report_->libzmq[0] == '\0')
        return trouble_set (
          &report_->trouble, ENODEV,
          "%.100s is neither *, nor an interface of this host, "
          "nor a numeric address (libzmq 4.3.5 and later would "
          "look it up)",
          host);
    return trouble_set (
      &report_->trouble, ENODEV,
      "%.100s is neither *, nor an interface of this host, nor a numeric "
      "address, %s",
      host,
      compare_versions (report_->libzmq, "4.3.5") < 0
        ? "and this libzmq looks no names up in zmq_bind (4.3.5 and later do)"
        : "nor a name that leads to an address the socket can have");
}

/*  Why there is nothing to bind to.  */
static int no_device (report_t *report_)
{
    const char *host = report_->endpoint.host;
    trouble_t *trouble = &report_->trouble;
    const bool v4 = report_->question->mode == ZDS_MODE_V4;
    zds_addr_t addr;

    if (report_->endpoint.host_too_long)
        return trouble_set (trouble, ENODEV, "the host is too long");
    if (host[0] == '\0')
        return trouble_set (trouble, ENODEV, "there is no host: HOST:PORT");
    if (report_->ifaddr_count > 0)
        return trouble_set (trouble, ENODEV,
                            v4
                              ? "%.100s has no IPv4 address, and the socket is "
                                "IPv4-only"
                              : "%.100s has no address that can be bound",
                            host);
    if (strlen (host) < IF_NAMESIZE && if_nametoindex (host) != 0)
        return trouble_set (trouble, ENODEV, "%.100s has no address", host);
    if (zds_endpoint_literal (&report_->endpoint, report_->zone, &addr) == 0)
        return trouble_set (
          trouble, ENODEV,
          "it is an IPv6 address, and the socket is IPv4-only");
    return no_name (report_);
}

/*  From HOST:PORT to a plan, as libzmq does it.  */
static int make_plan (report_t *report_,
                      const char *text_,
                      bool names_,
                      zds_bind_plan_t *plan_)
{
    zds_endpoint_t *endpoint = &report_->endpoint;
    int ifaddrs_rc = 0;
    int rc = explain_parse (endpoint, &report_->zone, text_, ZDS_PORT_BIND,
                            &report_->trouble);

    if (rc != 0)
        return rc;
    free (report_->ifaddrs);
    report_->ifaddrs = NULL;
    report_->ifaddr_count = 0;
    if (strcmp (endpoint->host, "*") != 0)
        ifaddrs_rc = zds_host_ifaddrs (endpoint->host, &report_->ifaddrs,
                                       &report_->ifaddr_count);
    rc = zds_bind_plan_make (plan_, endpoint, report_->zone,
                             report_->question->mode, report_->ifaddrs,
                             report_->ifaddr_count);
    if (rc == ENODEV && names_)
        rc = plan_name (report_, plan_);
    if (rc == ENODEV && ifaddrs_rc != 0 && ifaddrs_rc != EINVAL
        && ifaddrs_rc != EOPNOTSUPP)
        return trouble_set (&report_->trouble, ifaddrs_rc,
                            "the system does not tell its interfaces");
    if (rc == ENODEV)
        return no_device (report_);
    return rc == 0 ? 0 : trouble_set (&report_->trouble, rc, "out of memory");
}

/*  A source in front of the ; means nothing to a listener, but has to make
    sense.  */
static int plan (report_t *report_, zds_bind_plan_t *plan_)
{
    const char *const address = report_->question->address;
    const char *const destination = zds_endpoint_destination (address);
    char *source;
    int rc = 0;

    if (destination != address) {
        source = strndup (address, (size_t) (destination - 1 - address));
        if (source == NULL)
            return trouble_set (&report_->trouble, ENOMEM, "out of memory");
        rc = make_plan (report_, source, false, plan_);
        free (source);
    }
    return rc == 0 ? make_plan (report_, destination, true, plan_) : rc;
}

/*  The sockets.  */

static step_t *add_step (report_t *report_, const zds_addr_t *addr_)
{
    step_t *step = &report_->steps[report_->step_count];

    if (report_->step_count + 1 < MAX_STEPS)
        report_->step_count++;
    memset (step, 0, sizeof *step);
    step->addr = *addr_;
    return step;
}

static void open_one (report_t *report_, const zds_bind_step_t *next_)
{
    const bool really = report_->question->really;
    step_t *step = add_step (report_, &next_->listener.addr);
    uint16_t port = zds_addr_port (&next_->listener.addr);
    zds_addr_t local;

    step->error = sockets_listen (&next_->listener, really,
                                  &report_->fds[next_->slot], &step->stage);
    if (step->error != 0) {
        zds_bind_failed (&report_->bind, step->stage, step->error);
        return;
    }
    if (really && sockets_local (report_->fds[next_->slot], &local)) {
        port = zds_addr_port (&local);
        step->addr = local;
    }
    zds_bind_opened (&report_->bind, port);
}

static void close_one (report_t *report_, const zds_bind_step_t *next_)
{
    zds_addr_t local;

    if (!sockets_local (report_->fds[next_->slot], &local))
        memset (&local, 0, sizeof local);
    add_step (report_, &local)->closes = true;
    close (report_->fds[next_->slot]);
    report_->fds[next_->slot] = -1;
    zds_bind_closed (&report_->bind);
}

static void finish (report_t *report_, unsigned count_)
{
    zds_addr_t local;
    unsigned i;

    for (i = 0; i < count_; i++) {
        zds_addr_t *addr = &report_->bind.plan.listener[i].addr;
        if (report_->question->really
            && sockets_local (report_->fds[i], &local))
            *addr = local;
        close (report_->fds[i]);
    }
    report_->first = report_->bind.plan.listener[0].addr;
    if (report_->bind.plan.listener[0].as_ipv4)
        zds_addr_as_ipv4 (&report_->first);
}

/*  What a failed step means.  */
static void blame_step (report_t *report_, int error_)
{
    trouble_t *trouble = &report_->trouble;
    const step_t *last = &report_->steps[report_->step_count - 1];
    char addr[ZDS_ADDR_TEXT_SIZE];
    size_t i;

    for (i = report_->step_count; i-- > 0;)
        if (report_->steps[i].error != 0) {
            last = &report_->steps[i];
            break;
        }
    zds_addr_format (&last->addr, addr, sizeof addr);
    if (last->error == EADDRINUSE)
        trouble_set (trouble, error_, "another socket has %s", addr);
    else if (last->error == EADDRNOTAVAIL)
        trouble_set (trouble, error_, "no interface of this host has %s", addr);
    else if (last->error == EACCES)
        trouble_set (trouble, error_, "%s is for privileged programs", addr);
    else if (last->stage == ZDS_AT_SOCKET && last->error == EAFNOSUPPORT)
        trouble_set (trouble, error_, "this system has no %s",
                     family_name (zds_addr_family (&last->addr)));
    else
        trouble_set (trouble, error_, "%s cannot be opened", addr);
}

static void carry_out (report_t *report_, const zds_bind_plan_t *plan_)
{
    zds_bind_start (&report_->bind, plan_);
    for (;;) {
        const zds_bind_step_t next = zds_bind_next (&report_->bind);
        switch (next.op) {
            case ZDS_BIND_OPEN:
                open_one (report_, &next);
                break;
            case ZDS_BIND_CLOSE:
                close_one (report_, &next);
                break;
            case ZDS_BIND_DONE:
                finish (report_, next.slot);
                return;
            case ZDS_BIND_FAILED:
                blame_step (report_, next.error);
                return;
        }
    }
}

/*  Words.  */

static const char *families_of (const zds_listener_t *listener_)
{
    if (listener_->v6only == ZDS_V6ONLY_NONE)
        return "IPv4";
    if (listener_->v6only == ZDS_V6ONLY_ON
        || !zds_listener_needs_v6only (listener_))
        return "IPv6";
    return zds_addr_class (&listener_->addr) == ZDS_CLASS_MAPPED_IPV4
             ? "IPv4"
             : "IPv6 and IPv4";
}

/*  Why the listener has its address, where it is an interface's; else NULL.  */
static const char *why_address (const report_t *report_,
                                const zds_listener_t *listener_)
{
    const uint16_t port = zds_addr_port (&listener_->addr);
    size_t i;

    for (i = 0; i < report_->ifaddr_count; i++) {
        zds_addr_t addr = report_->ifaddrs[i].addr;
        bool chosen;
        const char *why =
          zds_ifaddr_why (report_->ifaddrs, report_->ifaddr_count, i,
                          report_->question->mode, &chosen);
        zds_addr_set_port (&addr, port);
        if (chosen && zds_addr_equal (&addr, &listener_->addr))
            return why;
    }
    return NULL;
}

static const char *shown_as (const zds_listener_t *listener_)
{
    if (zds_addr_family (&listener_->addr) == AF_INET)
        return "";
    if (zds_addr_class (&listener_->addr) == ZDS_CLASS_MAPPED_IPV4)
        return " An IPv6 socket for an IPv4 address, as with ZMQ_IPV6=1.";
    if (strcmp (families_of (listener_), "IPv6 and IPv4") != 0)
        return "";
    return listener_->as_ipv4
             ? " IPv4 clients are shown by their IPv4 addresses."
             : " IPv4 clients are shown as ::ffff:a.b.c.d.";
}

/*  What is to be said about a listener, in sentences.  */
static void describe (const report_t *report_,
                      const zds_listener_t *listener_,
                      char *text_,
                      size_t size_)
{
    const char *why = why_address (report_, listener_);

    snprintf (
      text_, size_, "%s.%s%s%s", why == NULL ? report_->bind.plan.why : why,
      shown_as (listener_),
      listener_->freebind
        ? " The address is still checked for duplicates: it is bound all "
          "the same, and answers when that is done."
        : "",
      listener_->optional ? " The bind goes on without it if this program "
                            "cannot have the family or the address."
                          : "");
}

/*  With the port, or * where the system chooses it.  */
static void format (const zds_addr_t *addr_, char *text_, size_t size_)
{
    char host[ZDS_ADDR_TEXT_SIZE];

    zds_addr_format (addr_, host, sizeof host);
    if (zds_addr_port (addr_) != 0)
        snprintf (text_, size_, "%s", host);
    else
        snprintf (text_, size_,
                  zds_addr_family (addr_) == AF_INET6 ? "[%s]:*" : "%s:*",
                  host);
}

static void last_endpoint (const report_t *report_, char *text_, size_t size_)
{
    char addr[ZDS_ADDR_TEXT_SIZE + 8];

    format (&report_->first, addr, sizeof addr);
    snprintf (text_, size_, "tcp://%s", addr);
}

static const char *stage_name (zds_bind_stage_t stage_)
{
    static const char *const names[] = {"socket", "IPV6_V6ONLY", "SO_REUSEADDR",
                                        "bind or listen"};

    return names[stage_];
}

static void list_flags (unsigned flags_, char *text_, size_t size_)
{
    snprintf (text_, size_, "%s%s%s%s",
              (flags_ & ZDS_IFADDR_TEMPORARY) != 0 ? " temporary" : "",
              (flags_ & ZDS_IFADDR_DEPRECATED) != 0 ? " deprecated" : "",
              (flags_ & ZDS_IFADDR_TENTATIVE) != 0 ? " tentative" : "",
              (flags_ & ZDS_IFADDR_DUPLICATE) != 0 ? " duplicate" : "");
}

/*  Text.  */

static void print_listeners (const report_t *report_, unsigned width_)
{
    const zds_bind_plan_t *plan = &report_->bind.plan;
    char first[24], text[900], addr[TEXT_SIZE], more[400];
    unsigned i;

    for (i = 0; i < plan->count; i++) {
        format (&plan->listener[i].addr, addr, sizeof addr);
        describe (report_, &plan->listener[i], more, sizeof more);
        snprintf (first, sizeof first, "  %u. ", i + 1);
        snprintf (text, sizeof text, "%s takes %s: %s", addr,
                  families_of (&plan->listener[i]), more);
        cli_wrap (first, text, width_);
    }
    if (zds_addr_port (&report_->first) == 0)
        cli_wrap ("  ",
                  plan->count > 1 ? "The system chooses the port, one for both."
                                  : "The system chooses the port.",
                  width_);
    last_endpoint (report_, addr, sizeof addr);
    printf ("  ZMQ_LAST_ENDPOINT: %s\n", addr);
}

static void print_ifaddrs (const report_t *report_, unsigned width_)
{
    char addr[ZDS_ADDR_TEXT_SIZE], flags[64], text[600];
    size_t i;

    if (report_->ifaddr_count == 0)
        return;
    printf ("\nAddresses of %s (+ used, - not):\n", report_->endpoint.host);
    for (i = 0; i < report_->ifaddr_count; i++) {
        bool chosen;
        const char *why =
          zds_ifaddr_why (report_->ifaddrs, report_->ifaddr_count, i,
                          report_->question->mode, &chosen);
        zds_addr_format (&report_->ifaddrs[i].addr, addr, sizeof addr);
        list_flags (report_->ifaddrs[i].flags, flags, sizeof flags);
        snprintf (text, sizeof text, "%s%s: %s", addr, flags, why);
        cli_wrap (chosen ? "  + " : "  - ", text, width_);
    }
}

static void print_steps (const report_t *report_, unsigned width_)
{
    char addr[TEXT_SIZE], text[600];
    size_t i;

    if (!report_->question->really || report_->step_count == 0)
        return;
    printf ("\nWhat was done:\n");
    for (i = 0; i < report_->step_count; i++) {
        const step_t *step = &report_->steps[i];
        format (&step->addr, addr, sizeof addr);
        if (step->closes)
            snprintf (text, sizeof text, "%s closed again", addr);
        else if (step->error == 0)
            snprintf (text, sizeof text, "%s listened", addr);
        else
            snprintf (text, sizeof text, "%s failed at %s: %s (%s)", addr,
                      stage_name (step->stage), cli_errno_name (step->error),
                      strerror (step->error));
        cli_wrap ("  ", text, width_);
    }
    if (report_->trouble.error == 0)
        puts ("  All closed again.");
}

static void print_report (const report_t *report_)
{
    const question_t *question = report_->question;
    const unsigned width = cli_width ();

    printf ("bind %s, mode %s%s\n", question->endpoint,
            zds_mode_name (question->mode),
            question->settings.off ? " (ZMQ_DUALSTACK=off)" : "");
    if (report_->trouble.error != 0)
        explain_print_trouble (&report_->trouble);
    else {
        print_listeners (report_, width);
    }
    print_ifaddrs (report_, width);
    print_steps (report_, width);
}

/*  JSON.  */

static void json_listeners (json_t *json_, const report_t *report_)
{
    const zds_bind_plan_t *plan = &report_->bind.plan;
    char text[TEXT_SIZE + 400];
    unsigned i;

    json_open (json_, "listeners", '[');
    for (i = 0; report_->trouble.error == 0 && i < plan->count; i++) {
        const zds_listener_t *listener = &plan->listener[i];
        json_open (json_, NULL, '{');
        format (&listener->addr, text, sizeof text);
        json_string (json_, "address", text);
        json_string (json_, "takes", families_of (listener));
        json_bool (json_, "shown_as_ipv4", listener->as_ipv4);
        json_bool (json_, "optional", listener->optional);
        describe (report_, listener, text, sizeof text);
        json_string (json_, "why", text);
        json_close (json_, '}');
    }
    json_close (json_, ']');
}

static void json_flags (json_t *json_, unsigned flags_)
{
    char text[64], *word, *rest = NULL;

    list_flags (flags_, text, sizeof text);
    json_open (json_, "flags", '[');
    for (word = strtok_r (text, " ", &rest); word != NULL;
         word = strtok_r (NULL, " ", &rest))
        json_string (json_, NULL, word);
    json_close (json_, ']');
}

static void json_ifaddrs (json_t *json_, const report_t *report_)
{
    char addr[ZDS_ADDR_TEXT_SIZE];
    size_t i;

    json_string (json_, "interface",
                 report_->ifaddr_count > 0 ? report_->endpoint.host : NULL);
    json_open (json_, "addresses", '[');
    for (i = 0; i < report_->ifaddr_count; i++) {
        bool chosen;
        const char *why =
          zds_ifaddr_why (report_->ifaddrs, report_->ifaddr_count, i,
                          report_->question->mode, &chosen);
        json_open (json_, NULL, '{');
        zds_addr_format (&report_->ifaddrs[i].addr, addr, sizeof addr);
        json_string (json_, "address", addr);
        json_bool (json_, "chosen", chosen);
        json_flags (json_, report_->ifaddrs[i].flags);
        json_string (json_, "why", why);
        json_close (json_, '}');
    }
    json_close (json_, ']');
}

static void json_steps (json_t *json_, const report_t *report_)
{
    char addr[TEXT_SIZE];
    size_t i;

    json_open (json_, "steps", '[');
    for (i = 0; report_->question->really && i < report_->step_count; i++) {
        const step_t *step = &report_->steps[i];
        json_open (json_, NULL, '{');
        json_string (json_, "do", step->closes ? "close" : "open");
        format (&step->addr, addr, sizeof addr);
        json_string (json_, "address", addr);
        json_string (json_, "failed_at",
                     step->error == 0 ? NULL : stage_name (step->stage));
        json_string (json_, "error",
                     step->error == 0 ? NULL : cli_errno_name (step->error));
        json_close (json_, '}');
    }
    json_close (json_, ']');
}

static void json_report (const report_t *report_)
{
    const bool works = report_->trouble.error == 0;
    char text[TEXT_SIZE];
    json_t json;

    json_init (&json, stdout);
    json_open (&json, NULL, '{');
    explain_json_head (&json, report_->question);
    json_bool (&json, "works", works);
    json_string (&json, "why", works ? report_->bind.plan.why : NULL);
    json_listeners (&json, report_);
    last_endpoint (report_, text, sizeof text);
    json_string (&json, "last_endpoint", works ? text : NULL);
    json_ifaddrs (&json, report_);
    json_steps (&json, report_);
    explain_json_trouble (&json, &report_->trouble);
    json_close (&json, '}');
}

int explain_bind (const question_t *question_)
{
    report_t *report = calloc (1, sizeof *report);
    zds_bind_plan_t made;
    int status;

    if (report == NULL)
        return cli_fail (STATUS_USAGE, "explain", strerror (ENOMEM));
    report->question = question_;
    zds_addr_any (&report->first, AF_INET);
    if (plan (report, &made) == 0)
        carry_out (report, &made);
    if (question_->json)
        json_report (report);
    else
        print_report (report);
    status = report->trouble.error == 0 ? STATUS_YES : STATUS_NO;
    free (report->ifaddrs);
    free (report);
    return status;
}
