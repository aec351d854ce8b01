/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack explain connect: what the libc answers now, and the order in which
    the core puts it.  */

#include "explain.h"

#include <ctype.h>
#include <pthread.h>
#include <time.h>

#include "zds_bind.h"
#include "zds_race.h"
#include "zds_host.h"

static struct
{
    bool refused; /* zmq_connect itself fails */
    zds_endpoint_t endpoint;
    bool is_literal;
    unsigned families; /* ZDS_FOR_... */
    zds_addr_t literal;
    zds_race_t race; /* that would begin now, with the answer */
    uint8_t order[ZDS_RACE_MAX_CANDIDATES];
    const zds_answer_t *answer; /* NULL: none in time */
    long answer_us;             /* 0: nobody was asked */
} report;

/*  --- what zmq_connect looks at before anything else ---------------------------  */

/*  The rough check in libzmq's socket_base.cpp.  */
static int check_tcp (const char *text_)
{
    const unsigned char *at = (const unsigned char *) text_;
    const char *const colon = strrchr (text_, ':');

    if (isalnum (*at) || *at == '[' || *at == ':')
        while (isalnum (*at) || (*at != '\0' && strchr (".-:%;[]_*", *at)))
            at++;
    if (*at == '\0' && colon != NULL && isdigit ((unsigned char) colon[1]))
        return 0;
    report.refused = true;
    return trouble_set (EINVAL,
                        colon == NULL || !isdigit ((unsigned char) colon[1])
                          ? "zmq_connect wants a number behind the last colon"
                          : "zmq_connect takes no such characters there");
}

/*  The families of the source, the mode and the literal, if it is one.  */
static int set_families (const zds_local_t *source_, const zds_addr_t *literal_)
{
    const int rc =
      zds_families (question.mode, source_, literal_, &report.families);

    if (rc == EAFNOSUPPORT)
        trouble_set (
          rc, "the mode, the source and the address have no family in common");
    else if (rc != 0)
        trouble_set (rc,
                     "%.100s is no source: neither an interface of this host "
                     "nor a numeric address",
                     source_->endpoint.host);
    return rc;
}

/*  Takes [SOURCE;]HOST:PORT apart.  */
static int prepare (const char *text_)
{
    const char *const destination = zds_endpoint_destination (text_);
    zds_local_t source = {.mode = question.mode};
    zds_ifaddr_t *ifaddrs = NULL;
    int rc = explain_parse (&report.endpoint, destination, ZDS_PORT_CONNECT);

    if (rc == 0 && destination != text_) {
        char *const copy = cli_copy (text_, (size_t) (destination - 1 - text_));
        rc = explain_parse (&source.endpoint, copy, ZDS_PORT_BIND);
        free (copy);
        zds_host_ifaddrs (source.endpoint.host, &ifaddrs, &source.count);
        source.ifaddrs = ifaddrs;
    }
    if (rc == 0) {
        report.is_literal =
          zds_endpoint_literal (&report.endpoint, &report.literal) == 0;
        rc = set_families (destination != text_ ? &source : NULL,
                           report.is_literal ? &report.literal : NULL);
    }
    free (ifaddrs);
    return rc;
}

/*  --- the look-up ---------------------------------------------------------------  */

/*  Belongs to a thread that may outlive the question.  */
static struct
{
    const char *host;
    zds_look_t look;
    zds_answer_t answer;
} asking;

static void *ask (void *none_)
{
    zds_lookup (asking.host, asking.look, &asking.answer);
    return none_;
}

/*  Makes the look-up that libzmq makes first, and waits for it as long as the
    question allows.  */
static int look_up (void)
{
    const long begin = explain_now ();
    const long end = begin + 1000L * (long) question.limit;
    const struct timespec until = {end / 1000000, end % 1000000 * 1000};
    pthread_t thread;
    int rc;

    asking.host = report.endpoint.host;
    asking.look = zds_ask_look (
      question.mode, report.families,
      zds_lookup_asks_ipv6 (report.endpoint.host, zds_host_view ().has_ipv6));
    rc = pthread_create (&thread, NULL, ask, NULL);
    if (rc != 0)
        return trouble_set (rc, "no thread for the look-up");
    if (pthread_timedjoin_np (thread, NULL, &until) == 0)
        report.answer = &asking.answer;
    report.answer_us = explain_now () - begin + 1;
    return 0;
}

/*  Begins the race, with the answer that came in time.  */
static void begin_race (void)
{
    zds_race_config_t config;

    zds_race_config_default (&config);
    config.mode = question.mode;
    config.families = report.families;
    config.port = report.endpoint.port;
    config.zone = report.endpoint.scope;
    config.look = asking.look;
    zds_race_init (&report.race, &config, 0);
    if (report.is_literal)
        zds_race_literal (&report.race, &report.literal);
    else if (zds_race_next (&report.race, 0).op == ZDS_RACE_ASK)
        zds_race_answer (&report.race, asking.look, report.answer);
    zds_candidates_order (report.race.candidate, report.race.count,
                          report.race.first_family, report.order);
}

/*  Why there is no address to try.  */
static void tell_of_none (void)
{
    if (report.answer == NULL)
        trouble_set (ETIMEDOUT,
                     "no answer for %.100s in time; libzmq goes on waiting",
                     report.endpoint.host);
    else
        trouble_set (
          EHOSTUNREACH,
          report.answer->status == ZDS_LOOKUP_TEMPORARY
            ? "%.100s cannot be looked up now; libzmq asks again"
            : "%.100s has no address that may be used; libzmq asks again",
          report.endpoint.host);
}

/*  --- the answer ----------------------------------------------------------------  */

static const char *status_of (const zds_answer_t *answer_)
{
    return answer_ == NULL                           ? "no answer"
           : answer_->status == ZDS_LOOKUP_TEMPORARY ? "temporary failure"
           : answer_->count == 0                     ? "no address"
                                                     : "answer";
}

static void show_lookup (void)
{
    const zds_answer_t *const answer = report.answer;
    char list[ZDS_MAX_ADDRS * 64] = "", addr[ZDS_ADDR_TEXT_SIZE], time[32];
    size_t i;

    if (question.json)
        json ("lookup{ status=s ms=m addresses[", status_of (answer),
              report.answer_us);
    for (i = 0; answer != NULL && i < answer->count; i++) {
        zds_host_format (&answer->addr[i], addr, sizeof addr);
        strcat (strcat (list, i == 0 ? ": " : ", "), addr);
        if (question.json)
            json ("=s", addr);
    }
    if (question.json) {
        json ("] }");
        return;
    }
    cli_say ("Looks up ", "%s", report.endpoint.host);
    cli_say ("  ", "%s after %s%s", status_of (answer),
             explain_time (report.answer_us, time), list);
}

static void show_attempt (size_t place_)
{
    const long delay = (long) question.settings.attempt_delay;
    const long place = (long) place_, waits = place - ZDS_RACE_MAX_RUNNING;
    long start = place * delay;
    char addr[ZDS_ADDR_TEXT_SIZE], first[32], when[80] = "at once";
    const char *const why =
      report.is_literal ? "a numeric address is only that address"
                        : zds_race_why (&report.race, report.order[place_]);

    zds_host_format (&report.race.candidate[report.order[place_]].addr, addr,
                     sizeof addr);
    if (waits >= 0 && start < waits * delay + ZDS_RACE_PATIENCE)
        start = waits * delay + ZDS_RACE_PATIENCE;
    if (waits >= 0)
        snprintf (when, sizeof when,
                  "when one ends, or the oldest was silent for %d ms",
                  ZDS_RACE_PATIENCE);
    else if (place > 0)
        snprintf (when, sizeof when,
                  "after %ld ms of silence, or when one fails", delay);
    snprintf (first, sizeof first, "  %zu. ", place_ + 1);
    if (question.json)
        json ("{ address=s why=s start_ms=i }", addr, why, start);
    else
        cli_say (first, "%s %s: %s", addr, when, why);
}

static void show_plan (void)
{
    size_t i;

    if (report.answer_us != 0)
        show_lookup ();
    else if (question.json)
        json ("lookup=n");
    if (question.json)
        json ("attempts[");
    else if (report.race.count > 0)
        puts ("Tries, until one works:");
    for (i = 0; i < report.race.count; i++)
        show_attempt (i);
    if (question.json)
        json ("]");
    else if (report.race.count > 0 && !report.is_literal)
        cli_say ("",
                 "Look-ups of one family help where the whole answer is later "
                 "than %u ms. A context remembers who won and who failed.",
                 question.settings.resolution_delay);
}

static void plan (void)
{
    if (!report.is_literal && look_up () != 0)
        return;
    begin_race ();
    if (report.race.count == 0)
        tell_of_none ();
}

/*  'text_' is [SOURCE;]HOST:PORT.  For a WebSocket, libzmq checks the host in
    zmq_connect already.  */
static int check (const char *text_)
{
    const bool is_tcp = strncmp (question.endpoint, "tcp:", 4) == 0;
    const char *const colon = strrchr (text_, ':');
    int rc = is_tcp ? check_tcp (text_) : 0;

    if (rc == 0 && colon != NULL && strtol (colon + 1, NULL, 10) > 65535)
        rc = trouble_set (EINVAL, "there is no port %.20s: 65535 is the last",
                          colon + 1);
    if (rc == 0 && (!is_tcp || !question.really))
        rc = prepare (text_);
    if (rc == 0 && !is_tcp && !report.is_literal
        && !zds_endpoint_may_be_name (report.endpoint.host))
        rc = trouble_set (EINVAL, "the host is neither an address nor a name");
    if (!is_tcp)
        report.refused = rc == EINVAL;
    return rc;
}

void explain_connect (void)
{
    if (check (question.address) == 0) {
        if (question.really)
            report.refused = try_it ();
        else
            plan ();
    }
    explain_head ();
    if (question.json)
        json ("refused_by_zmq_connect=b attempt_delay_ms=i "
              "resolution_delay_ms=i numeric=b",
              report.refused, (long) question.settings.attempt_delay,
              (long) question.settings.resolution_delay, report.is_literal);
    (question.really ? try_show : show_plan) ();
    explain_trouble ();
}
