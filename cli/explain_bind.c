/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack explain bind: the plan that zds_bind makes for this host.  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "explain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "library.h"
#include "try.h"
#include "zds_host.h"
#include "zds_lookup.h"

enum
{
    TEXT_SIZE = ZDS_ADDR_TEXT_SIZE + 16 /* tcp://[ADDRESS]:* */
};

typedef struct
{
    const question_t *question;
    zds_endpoint_t endpoint;
    uint32_t zone;
    zds_ifaddr_t *ifaddrs; /* of the interface, if the host part is one */
    size_t ifaddr_count;
    zds_bind_plan_t plan;
    tried_t tried;
    trouble_t trouble;
} report_t;

/*  zmq_bind looks names up since libzmq 4.3.5; which one it would be is written in
    the dual-stack library.  */
static bool takes_names (void)
{
    char *const path = library_chosen (NULL);
    library_t library;
    const bool takes = path != NULL && library_read (&library, path) == 0
                       && strverscmp (library.on, "4.3.5") >= 0;

    free (path);
    return takes;
}

static int plan_name (report_t *report_)
{
    zds_answer_t answer;

    if (report_->endpoint.host[0] == '\0' || !takes_names ())
        return ENODEV;
    memset (&answer, 0, sizeof answer);
    zds_lookup (NULL, report_->endpoint.host,
                report_->question->mode == ZDS_MODE_V4 ? ZDS_LOOK_IPV4
                                                       : ZDS_LOOK_WHOLE,
                &answer);
    return zds_bind_plan_names (&report_->plan, &report_->endpoint,
                                report_->question->mode, answer.addr,
                                answer.count);
}

/*  Why there is nothing to bind to.  */
static int no_device (report_t *report_)
{
    const char *const host = report_->endpoint.host;
    zds_addr_t addr;

    if (report_->ifaddr_count > 0)
        return trouble_set (&report_->trouble, ENODEV,
                            "%.100s has no address that the socket may use",
                            host);
    if (zds_endpoint_literal (&report_->endpoint, report_->zone, &addr) == 0)
        return trouble_set (
          &report_->trouble, ENODEV,
          "it is an IPv6 address, and the socket is IPv4-only");
    return trouble_set (
      &report_->trouble, ENODEV,
      "%.100s is neither *, nor an interface of this host with an address, nor "
      "a "
      "numeric address, %s",
      host,
      takes_names () ? "nor a name that leads to an address the socket can have"
                     : "and this libzmq looks no names up in zmq_bind (4.3.5 "
                       "and later do)");
}

/*  From HOST:PORT to a plan, as libzmq does it.  */
static int make_plan (report_t *report_, const char *text_, bool names_)
{
    int rc = explain_parse (&report_->endpoint, &report_->zone, text_,
                            ZDS_PORT_BIND, &report_->trouble);

    if (rc != 0)
        return rc;
    free (report_->ifaddrs);
    report_->ifaddrs = NULL;
    report_->ifaddr_count = 0;
    if (strcmp (report_->endpoint.host, "*") != 0)
        zds_host_ifaddrs (report_->endpoint.host, &report_->ifaddrs,
                          &report_->ifaddr_count);
    rc = zds_bind_plan_make (&report_->plan, &report_->endpoint, report_->zone,
                             report_->question->mode,
                             report_->question->settings.any, report_->ifaddrs,
                             report_->ifaddr_count);
    if (rc == ENODEV && names_)
        rc = plan_name (report_);
    if (rc == ENODEV)
        return no_device (report_);
    return rc == 0 ? 0 : trouble_set (&report_->trouble, rc, "out of memory");
}

/*  A numeric address has to be one of this host's.  */
static int check_present (report_t *report_)
{
    zds_addr_t wanted = report_->plan.listener[0].addr, any, literal;
    zds_ifaddr_t *ifaddrs = NULL;
    size_t count = 0, i;
    char text[ZDS_ADDR_TEXT_SIZE];
    bool found;

    zds_addr_unmap (&wanted);
    zds_addr_set_port (&wanted, 0);
    if (zds_addr_family (&wanted) == AF_INET6
        && zds_addr_class (&wanted) != ZDS_CLASS_LINK_LOCAL)
        wanted.v6.sin6_scope_id = 0;
    zds_addr_any (&any, zds_addr_family (&wanted));
    if (zds_endpoint_literal (&report_->endpoint, report_->zone, &literal) != 0
        || zds_host_ifaddrs (NULL, &ifaddrs, &count) != 0)
        return 0;
    /*  Loopback, multicast and broadcast are everybody's.  */
    found = zds_addr_equal (&wanted, &any)
            || (zds_addr_family (&wanted) == AF_INET
                && (ntohl (wanted.v4.sin_addr.s_addr) >> 24 == 127
                    || ntohl (wanted.v4.sin_addr.s_addr) >> 28 >= 14));
    for (i = 0; i < count && !found; i++)
        found =
          zds_addr_equal (&ifaddrs[i].addr, &wanted)
          && (ifaddrs[i].flags & (ZDS_IFADDR_TENTATIVE | ZDS_IFADDR_DUPLICATE))
               == 0;
    free (ifaddrs);
    zds_addr_format (&wanted, text, sizeof text);
    if (found)
        return 0;
    if (zds_addr_family (&wanted) == AF_INET6
        && (wanted.v6.sin6_addr.s6_addr[0] == 0xff
            || (zds_addr_class (&wanted) == ZDS_CLASS_LINK_LOCAL
                && wanted.v6.sin6_scope_id == 0)))
        return trouble_set (
          &report_->trouble, EINVAL,
          "%s cannot be listened on without a zone, or at all", text);
    return trouble_set (&report_->trouble, EADDRNOTAVAIL,
                        "no interface of this host has %s", text);
}

/*  A source in front of the ; means nothing to a listener, but has to make
    sense.  */
static int plan (report_t *report_)
{
    const char *const address = report_->question->address;
    const char *const destination = zds_endpoint_destination (address);
    char *source;
    int rc = 0;

    if (destination != address) {
        source = strndup (address, (size_t) (destination - 1 - address));
        if (source == NULL)
            return trouble_set (&report_->trouble, ENOMEM, "out of memory");
        rc = make_plan (report_, source, false);
        free (source);
    }
    if (rc == 0)
        rc = make_plan (report_, destination, true);
    return rc == 0 ? check_present (report_) : rc;
}

/*  Words.  */

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

/*  Why the listener has its address, where it is an interface's; else NULL.  */
static const char *why_address (const report_t *report_,
                                const zds_listener_t *listener_)
{
    size_t i;

    for (i = 0; i < report_->ifaddr_count; i++) {
        zds_addr_t addr = report_->ifaddrs[i].addr;
        bool chosen;
        const char *const why =
          zds_ifaddr_why (report_->ifaddrs, report_->ifaddr_count, i,
                          report_->question->mode, &chosen);
        zds_addr_set_port (&addr, zds_addr_port (&listener_->addr));
        if (chosen && zds_addr_equal (&addr, &listener_->addr))
            return why;
    }
    return NULL;
}

/*  What is to be said about a listener, in sentences.  */
static void describe (const report_t *report_,
                      const zds_listener_t *listener_,
                      char *text_,
                      size_t size_)
{
    const char *const why = why_address (report_, listener_);
    const bool both = strcmp (families_of (listener_), "IPv6 and IPv4") == 0;

    snprintf (
      text_, size_, "%s.%s%s%s", why == NULL ? report_->plan.why : why,
      !both                ? ""
      : listener_->as_ipv4 ? " IPv4 clients are shown by their IPv4 addresses."
                           : " IPv4 clients are shown as ::ffff:a.b.c.d.",
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
    zds_addr_t first = report_->plan.listener[0].addr;
    char addr[TEXT_SIZE];

    if (report_->plan.listener[0].as_ipv4)
        zds_addr_as_ipv4 (&first);
    format (&first, addr, sizeof addr);
    snprintf (text_, size_, "tcp://%s", addr);
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
    const zds_bind_plan_t *plan = &report_->plan;
    char first[24], text[900], addr[TEXT_SIZE + 8], more[400];
    unsigned i;

    for (i = 0; i < plan->count; i++) {
        format (&plan->listener[i].addr, addr, sizeof addr);
        describe (report_, &plan->listener[i], more, sizeof more);
        snprintf (first, sizeof first, "  %u. ", i + 1);
        snprintf (text, sizeof text, "%s takes %s: %s", addr,
                  families_of (&plan->listener[i]), more);
        cli_wrap (first, text, width_);
    }
    if (zds_addr_port (&plan->listener[0].addr) == 0)
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

static void print_report (const report_t *report_)
{
    const unsigned width = cli_width ();

    explain_print_head (report_->question);
    if (report_->plan.count > 0)
        print_listeners (report_, width);
    if (report_->trouble.error != 0)
        explain_print_trouble (&report_->trouble);
    print_ifaddrs (report_, width);
    if (report_->question->really)
        try_print (&report_->tried, report_->question);
}

/*  JSON.  */

static void json_listeners (json_t *json_, const report_t *report_)
{
    const zds_bind_plan_t *plan = &report_->plan;
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
    last_endpoint (report_, text, sizeof text);
    json_string (json_, "last_endpoint",
                 report_->trouble.error == 0 ? text : NULL);
}

static void json_ifaddrs (json_t *json_, const report_t *report_)
{
    char text[64], *word, *rest = NULL;
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
        zds_addr_format (&report_->ifaddrs[i].addr, text, sizeof text);
        json_string (json_, "address", text);
        json_bool (json_, "chosen", chosen);
        list_flags (report_->ifaddrs[i].flags, text, sizeof text);
        json_open (json_, "flags", '[');
        for (word = strtok_r (text, " ", &rest); word != NULL;
             word = strtok_r (NULL, " ", &rest))
            json_string (json_, NULL, word);
        json_close (json_, ']');
        json_string (json_, "why", why);
        json_close (json_, '}');
    }
    json_close (json_, ']');
}

static void json_report (report_t *report_)
{
    const bool works = report_->trouble.error == 0;
    json_t json;

    json_init (&json, stdout);
    json_open (&json, NULL, '{');
    explain_json_head (&json, report_->question);
    json_bool (&json, "works", works);
    json_string (&json, "why", works ? report_->plan.why : NULL);
    json_ifaddrs (&json, report_);
    if (report_->question->really)
        try_json (&report_->tried, report_->question, &json);
    else
        json_listeners (&json, report_);
    explain_json_trouble (&json, &report_->trouble);
    json_close (&json, '}');
}

int explain_bind (const question_t *question_)
{
    report_t *const report = calloc (1, sizeof *report);
    int status;

    if (report == NULL)
        return cli_fail (STATUS_USAGE, "explain", strerror (ENOMEM));
    report->question = question_;
    if (plan (report) != 0)
        report->plan.count = 0;
    if (question_->really) {
        memset (&report->trouble, 0, sizeof report->trouble);
        try_it (&report->tried, question_, &report->trouble);
    }
    if (question_->json)
        json_report (report);
    else
        print_report (report);
    status = report->trouble.error == 0 ? STATUS_YES : STATUS_NO;
    try_free (&report->tried);
    free (report->ifaddrs);
    free (report);
    return status;
}
