/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack explain connect: what the libc answers now, and in which order the
    core puts it.  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "explain.h"

#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "timeline.h"
#include "try.h"
#include "zds_dial.h"
#include "zds_host.h"
#include "zds_lookup.h"

typedef struct
{
    const question_t *question;
    bool refused; /* zmq_connect itself fails */
    trouble_t trouble;
    zds_endpoint_t endpoint;
    uint32_t zone;
    bool is_literal;
    unsigned families; /* ZDS_FOR_... */
    zds_candidate_t candidate[ZDS_MAX_ADDRS];
    size_t count;
    uint8_t order[ZDS_MAX_ADDRS];
    int first_family;
    bool asked, answered;
    zds_answer_t answer;
    long answer_us;
    tried_t tried;
} report_t;

/*  --- what zmq_connect looks at before anything else ---------------------------  */

/*  The rough check of libzmq's socket_base.cpp.  */
static int check_tcp (report_t *report_)
{
    const char *const text = report_->question->address;
    const unsigned char *at = (const unsigned char *) text;
    const char *const colon = strrchr (text, ':');

    if (isalnum (*at) || *at == '[' || *at == ':')
        while (isalnum (*at) || (*at != '\0' && strchr (".-:%;[]_*", *at)))
            at++;
    if (*at == '\0' && colon != NULL && isdigit ((unsigned char) colon[1]))
        return 0;
    report_->refused = true;
    return trouble_set (&report_->trouble, EINVAL,
                        colon == NULL || !isdigit ((unsigned char) colon[1])
                          ? "zmq_connect wants a number behind the last colon"
                          : "zmq_connect takes no such characters there");
}

/*  A port above 65535 is taken modulo 65536 by libzmq, which nobody means.  */
static int check_port (report_t *report_)
{
    const char *const colon = strrchr (report_->question->address, ':');

    if (colon == NULL || strtol (colon + 1, NULL, 10) <= 65535)
        return 0;
    return trouble_set (&report_->trouble, EINVAL,
                        "there is no port %.20s: 65535 is the last", colon + 1);
}

static int
read_source (report_t *report_, const char *text_, zds_source_t *source_)
{
    const char *const end = zds_endpoint_destination (text_);
    char *const copy = strndup (text_, (size_t) (end - 1 - text_));
    zds_endpoint_t endpoint;
    zds_ifaddr_t *ifaddrs = NULL;
    size_t count = 0;
    uint32_t zone;
    int rc;

    if (copy == NULL)
        return trouble_set (&report_->trouble, ENOMEM, "out of memory");
    rc =
      explain_parse (&endpoint, &zone, copy, ZDS_PORT_BIND, &report_->trouble);
    free (copy);
    if (rc != 0)
        return rc;
    zds_host_ifaddrs (endpoint.host, &ifaddrs, &count);
    rc = zds_dial_source (source_, &endpoint, zone, report_->question->mode,
                          ifaddrs, count);
    free (ifaddrs);
    return rc == 0
             ? 0
             : trouble_set (&report_->trouble, rc,
                            "%.100s is no source: neither an interface of "
                            "this host nor a numeric address",
                            endpoint.host);
}

/*  Takes [SOURCE;]HOST:PORT apart.  */
static int prepare (report_t *report_, const char *text_)
{
    const char *const destination = zds_endpoint_destination (text_);
    zds_source_t source;
    zds_addr_t literal;
    int rc = explain_parse (&report_->endpoint, &report_->zone, destination,
                            ZDS_PORT_CONNECT, &report_->trouble);

    if (rc == 0 && destination != text_)
        rc = read_source (report_, text_, &source);
    if (rc != 0)
        return rc;
    report_->is_literal =
      zds_endpoint_literal (&report_->endpoint, report_->zone, &literal) == 0;
    report_->families = zds_dial_families (
      report_->question->mode, destination != text_ ? &source : NULL,
      report_->is_literal ? &literal : NULL);
    if (report_->families == 0)
        return trouble_set (
          &report_->trouble, EAFNOSUPPORT,
          "the mode, the source and the address have no family in common");
    if (report_->is_literal)
        report_->candidate[report_->count++].addr = literal;
    return 0;
}

/*  ws://HOST:PORT[/PATH]: libzmq reads the host in zmq_connect already.  */
static int prepare_ws (report_t *report_)
{
    char *const text = strdup (report_->question->address);
    int rc;

    if (text == NULL)
        return trouble_set (&report_->trouble, ENOMEM, "out of memory");
    if (strrchr (text, '/') != NULL)
        *strrchr (text, '/') = '\0';
    rc = prepare (report_, text);
    free (text);
    report_->refused = rc != 0
                         ? rc != EAFNOSUPPORT
                         : !report_->is_literal
                             && !zds_dial_may_be_name (report_->endpoint.host);
    if (rc == 0 && report_->refused)
        return trouble_set (&report_->trouble, EINVAL,
                            "the host is neither an address nor a name");
    return rc;
}

/*  --- the look-up ---------------------------------------------------------------  */

/*  Shared with a thread that may outlive the question.  */
typedef struct
{
    pthread_mutex_t mutex;
    pthread_cond_t done;
    bool is_done;
    char host[ZDS_HOST_SIZE];
    zds_look_t look;
    zds_answer_t answer;
} asking_t;

static void *ask (void *asking_)
{
    asking_t *const asking = asking_;
    zds_answer_t answer;

    memset (&answer, 0, sizeof answer);
    zds_lookup (NULL, asking->host, asking->look, &answer);
    pthread_mutex_lock (&asking->mutex);
    asking->answer = answer;
    asking->is_done = true;
    pthread_cond_signal (&asking->done);
    pthread_mutex_unlock (&asking->mutex);
    return NULL;
}

/*  Asks as libzmq does at first, and waits as long as the question allows.  */
static int look_up (report_t *report_)
{
    static asking_t asking = {PTHREAD_MUTEX_INITIALIZER,
                              PTHREAD_COND_INITIALIZER,
                              false,
                              "",
                              ZDS_LOOK_WHOLE,
                              {0}};
    struct timespec begin, end, now;
    pthread_t thread;
    int rc;

    asking.look =
      zds_dial_look (report_->question->mode, report_->families,
                     zds_lookup_asks (report_->endpoint.host, AF_INET6));
    strcpy (asking.host, report_->endpoint.host);
    clock_gettime (CLOCK_REALTIME, &begin);
    end = begin;
    end.tv_sec += report_->question->limit / 1000;
    end.tv_nsec += report_->question->limit % 1000 * 1000000L;
    end.tv_sec += end.tv_nsec / 1000000000;
    end.tv_nsec %= 1000000000;
    rc = pthread_create (&thread, NULL, ask, &asking);
    if (rc != 0)
        return trouble_set (&report_->trouble, rc, "no thread for the look-up");
    pthread_detach (thread);
    report_->asked = true;
    pthread_mutex_lock (&asking.mutex);
    while (!asking.is_done && rc == 0)
        rc = pthread_cond_timedwait (&asking.done, &asking.mutex, &end);
    report_->answered = asking.is_done;
    report_->answer = asking.answer;
    pthread_mutex_unlock (&asking.mutex);
    clock_gettime (CLOCK_REALTIME, &now);
    report_->answer_us = (now.tv_sec - begin.tv_sec) * 1000000
                         + (now.tv_nsec - begin.tv_nsec) / 1000;
    return 0;
}

/*  The answer's addresses of the families that may be used.  */
static void adopt (report_t *report_)
{
    size_t i;

    for (i = 0; report_->answered && i < report_->answer.count; i++) {
        zds_addr_t addr = report_->answer.addr[i];
        const unsigned family =
          zds_addr_family (&addr) == AF_INET6 ? ZDS_FOR_IPV6 : ZDS_FOR_IPV4;
        if ((report_->families & family) == 0)
            continue;
        zds_addr_set_port (&addr, report_->endpoint.port);
        if (report_->zone != 0 && zds_addr_family (&addr) == AF_INET6)
            addr.v6.sin6_scope_id = report_->zone;
        report_->candidate[report_->count++].addr = addr;
    }
    if (report_->count == 0)
        trouble_set (
          &report_->trouble, report_->answered ? EHOSTUNREACH : ETIMEDOUT,
          !report_->answered
            ? "no answer for %.100s within %u ms; libzmq goes on "
              "waiting"
          : report_->answer.status == ZDS_LOOKUP_TEMPORARY
            ? "%.100s cannot be looked up now; libzmq asks again after "
              "ZMQ_RECONNECT_IVL"
            : "there is no %.100s, or it has no address that may be used; "
              "libzmq "
              "asks again after ZMQ_RECONNECT_IVL",
          report_->endpoint.host, report_->question->limit);
}

static void put_in_order (report_t *report_)
{
    if (report_->count == 0)
        return;
    report_->first_family = zds_addr_family (&report_->candidate[0].addr);
    zds_candidates_order (report_->candidate, report_->count,
                          report_->first_family, 1, report_->order);
}

static const zds_addr_t *addr_at (const report_t *report_, size_t place_)
{
    return &report_->candidate[report_->order[place_]].addr;
}

static const char *why_at (const report_t *report_, size_t place_)
{
    return report_->is_literal
             ? "a numeric address is only that address"
             : zds_candidates_why (report_->candidate, report_->first_family,
                                   report_->order, place_);
}

/*  --- text ----------------------------------------------------------------------  */

static const char *status_of (const report_t *report_)
{
    return !report_->answered ? "no answer"
           : report_->answer.status == ZDS_LOOKUP_TEMPORARY
             ? "temporary failure"
           : report_->answer.count == 0 ? "no address"
                                        : "answer";
}

static void print_lookup (const report_t *report_, unsigned width_)
{
    char text[ZDS_MAX_ADDRS * 64], addr[ZDS_ADDR_TEXT_SIZE], time[32];
    size_t i, len;

    timeline_time (report_->answer_us, time, sizeof time);
    snprintf (text, sizeof text, "%s after %s", status_of (report_), time);
    for (i = 0; report_->answered && i < report_->answer.count; i++) {
        zds_addr_format (&report_->answer.addr[i], addr, sizeof addr);
        len = strlen (text);
        snprintf (text + len, sizeof text - len, "%s %s", i == 0 ? ":" : ",",
                  addr);
    }
    printf ("Looks up ");
    cli_put (report_->endpoint.host, strlen (report_->endpoint.host));
    putchar ('\n');
    cli_wrap ("  ", text, width_);
}

static void print_plan (const report_t *report_, unsigned width_)
{
    const zds_settings_t *const settings = &report_->question->settings;
    char first[24], text[600], addr[ZDS_ADDR_TEXT_SIZE];
    size_t i;

    puts ("Tries, until one works:");
    for (i = 0; i < report_->count; i++) {
        zds_addr_format (addr_at (report_, i), addr, sizeof addr);
        if (i == 0)
            snprintf (text, sizeof text, "%s at once: %s", addr,
                      why_at (report_, i));
        else
            snprintf (text, sizeof text,
                      "%s after %u ms of silence, or when one fails: %s", addr,
                      settings->attempt_delay, why_at (report_, i));
        snprintf (first, sizeof first, "  %zu. ", i + 1);
        cli_wrap (first, text, width_);
    }
    if (report_->is_literal)
        return;
    snprintf (
      text, sizeof text,
      "The order is the system's (RFC 6724, gai.conf), the families in "
      "turn. When the whole answer is later than %u ms, look-ups of one "
      "family help. A context that connected before remembers for ten "
      "minutes who won and who failed, and where IPv6 is silent for other "
      "names too it waits for 100 ms only; here nothing is remembered.",
      settings->resolution_delay);
    cli_wrap ("", text, width_);
}

static void print_report (const report_t *report_)
{
    const question_t *const question = report_->question;
    const unsigned width = cli_width ();

    explain_print_head (question);
    if (report_->asked)
        print_lookup (report_, width);
    if (report_->count > 0 && !question->really)
        print_plan (report_, width);
    if (question->really)
        try_print (&report_->tried, question);
    if (report_->trouble.error != 0) {
        if (!report_->refused && !question->really && report_->families == 0)
            cli_wrap ("",
                      "zmq_connect takes it, but no connection comes of it.",
                      width);
        explain_print_trouble (&report_->trouble);
    }
}

/*  --- JSON ----------------------------------------------------------------------  */

static void json_lookup (json_t *json_, const report_t *report_)
{
    char text[ZDS_ADDR_TEXT_SIZE];
    size_t i;

    if (!report_->asked) {
        json_null (json_, "lookup");
        return;
    }
    json_open (json_, "lookup", '{');
    json_string (json_, "status", status_of (report_));
    json_ms (json_, "ms", report_->answer_us);
    json_open (json_, "addresses", '[');
    for (i = 0; report_->answered && i < report_->answer.count; i++) {
        zds_addr_format (&report_->answer.addr[i], text, sizeof text);
        json_string (json_, NULL, text);
    }
    json_close (json_, ']');
    json_close (json_, '}');
}

static void json_plan (json_t *json_, const report_t *report_)
{
    char text[ZDS_ADDR_TEXT_SIZE];
    size_t i;

    json_open (json_, "attempts", '[');
    for (i = 0; i < report_->count; i++) {
        json_open (json_, NULL, '{');
        zds_addr_format (addr_at (report_, i), text, sizeof text);
        json_string (json_, "address", text);
        json_string (json_, "why", why_at (report_, i));
        json_integer (json_, "start_ms",
                      (long) (i * report_->question->settings.attempt_delay));
        json_close (json_, '}');
    }
    json_close (json_, ']');
}

static void json_report (const report_t *report_)
{
    const question_t *const question = report_->question;
    json_t json;

    json_init (&json, stdout);
    json_open (&json, NULL, '{');
    explain_json_head (&json, question);
    json_bool (&json, "works", report_->trouble.error == 0);
    json_bool (&json, "refused_by_zmq_connect", report_->refused);
    json_integer (&json, "attempt_delay_ms",
                  (long) question->settings.attempt_delay);
    json_integer (&json, "resolution_delay_ms",
                  (long) question->settings.resolution_delay);
    json_bool (&json, "numeric", report_->is_literal);
    if (question->really)
        try_json (&report_->tried, question, &json);
    else {
        json_lookup (&json, report_);
        json_plan (&json, report_);
    }
    explain_json_trouble (&json, &report_->trouble);
    json_close (&json, '}');
}

static void answer (report_t *report_)
{
    const question_t *const question = report_->question;
    const bool is_tcp = strncmp (question->endpoint, "tcp:", 4) == 0;
    int rc = is_tcp ? check_tcp (report_) : prepare_ws (report_);

    if (rc == 0)
        rc = check_port (report_);
    if (question->really && rc == 0) {
        try_it (&report_->tried, question, &report_->trouble);
        report_->refused = report_->tried.refused;
        return;
    }
    if (rc == 0 && is_tcp)
        rc = prepare (report_, question->address);
    if (rc == 0 && !report_->is_literal && (rc = look_up (report_)) == 0)
        adopt (report_);
    if (rc == 0)
        put_in_order (report_);
}

int explain_connect (const question_t *question_)
{
    report_t *const report = calloc (1, sizeof *report);
    int status;

    if (report == NULL)
        return cli_fail (STATUS_USAGE, "explain", strerror (ENOMEM));
    report->question = question_;
    answer (report);
    if (question_->json)
        json_report (report);
    else
        print_report (report);
    status = report->trouble.error == 0 ? STATUS_YES : STATUS_NO;
    try_free (&report->tried);
    free (report);
    return status;
}
