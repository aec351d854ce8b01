/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack explain connect.  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "explain.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "race.h"
#include "timeline.h"

static const char *const record_name[ZDS_FAMILIES] = {"AAAA", "A"};
static const int family_at[ZDS_FAMILIES] = {AF_INET6, AF_INET};

typedef struct
{
    const question_t *question;
    bool refused; /* zmq_connect itself fails */
    trouble_t trouble;
    race_t race;
} report_t;

/*  What zmq_connect looks at before anything else.  */

static bool is_rough_address (const char *text_)
{
    const unsigned char *at = (const unsigned char *) text_;
    const char *colon = strrchr (text_, ':');

    if (isalnum (*at) || *at == '[' || *at == ':')
        while (isalnum (*at) || (*at != '\0' && strchr (".-:%;[]_*", *at)))
            at++;
    return *at == '\0' && colon != NULL && isdigit ((unsigned char) colon[1]);
}

/*  The rough check of libzmq's socket_base.cpp.  */
static int check_tcp (report_t *report_)
{
    const char *text = report_->question->address;
    const char *colon = strrchr (text, ':');

    if (is_rough_address (text))
        return 0;
    report_->refused = true;
    if (colon == NULL || !isdigit ((unsigned char) colon[1]))
        return trouble_set (&report_->trouble, EINVAL,
                            "zmq_connect wants a number behind the last colon");
    return trouble_set (&report_->trouble, EINVAL,
                        "zmq_connect takes no such characters there");
}

/*  ws://HOST:PORT[/PATH]: libzmq reads the host in zmq_connect already.  */
static int check_ws (report_t *report_, const char *text_)
{
    const race_t *race = &report_->race;
    const int rc = race_prepare (&report_->race, report_->question, text_,
                                 &report_->trouble);

    report_->refused =
      rc != 0
        ? rc != EAFNOSUPPORT
        : !race->is_literal && !zds_dial_may_be_name (race->endpoint.host);
    if (rc == 0 && report_->refused)
        return trouble_set (&report_->trouble, EINVAL,
                            "the host is neither an address nor a name");
    return rc;
}

static int prepare (report_t *report_)
{
    const question_t *question = report_->question;
    char *text;
    int rc;

    if (strncmp (question->endpoint, "tcp:", 4) == 0) {
        rc = check_tcp (report_);
        return rc != 0 ? rc
                       : race_prepare (&report_->race, question,
                                       question->address, &report_->trouble);
    }
    text = strdup (question->address);
    if (text == NULL)
        return trouble_set (&report_->trouble, ENOMEM, "out of memory");
    if (strrchr (text, '/') != NULL)
        *strrchr (text, '/') = '\0';
    rc = check_ws (report_, text);
    free (text);
    return rc;
}

/*  What came out.  */

static bool is_pending (const race_t *race_)
{
    return race_->lookup[0].waiting || race_->lookup[1].waiting;
}

static void no_address (report_t *report_)
{
    const race_t *race = &report_->race;
    const char *host = race->endpoint.host;

    if (is_pending (race))
        trouble_set (
          &report_->trouble, ETIMEDOUT,
          "no answer for %.100s within %u ms; libzmq goes on waiting", host,
          report_->question->limit);
    else if (race->lookup[0].temporary || race->lookup[1].temporary)
        trouble_set (&report_->trouble, EHOSTUNREACH,
                     "%.100s cannot be looked up now; libzmq asks again after "
                     "ZMQ_RECONNECT_IVL",
                     host);
    else
        trouble_set (&report_->trouble, EHOSTUNREACH,
                     "there is no %.100s, or it has no address that may be "
                     "used; libzmq asks again after ZMQ_RECONNECT_IVL",
                     host);
}

static void judge (report_t *report_)
{
    const race_t *race = &report_->race;

    if (race->count == 0)
        no_address (report_);
    else if (!report_->question->really || race->winner >= 0)
        return;
    else if (race->is_over)
        trouble_set (&report_->trouble, race->error,
                     "%s; libzmq starts again after ZMQ_RECONNECT_IVL",
                     race->why);
    else
        trouble_set (&report_->trouble, ETIMEDOUT,
                     "nobody answered within %u ms; libzmq goes on%s",
                     report_->question->limit,
                     race->retries ? ", and tries what failed again" : "");
}

/*  Words.  */

static const char *lookup_why (const race_t *race_, unsigned i_)
{
    static const unsigned ask_at[] = {ZDS_FOR_IPV6, ZDS_FOR_IPV4};

    if ((race_->families & ask_at[i_]) == 0)
        return race_->question->mode == ZDS_MODE_V4 && i_ == 0
                 ? "the socket is IPv4-only"
                 : "the source has no address of this family";
    if (!race_->lookup[i_].asks)
        return "this host has no IPv6 address beyond its own links; only "
               "loopback addresses of the hosts file count";
    return NULL;
}

static const char *lookup_status (const lookup_t *lookup_)
{
    if (!lookup_->wanted)
        return "not asked";
    if (lookup_->end < 0)
        return "no answer";
    if (lookup_->temporary)
        return "temporary failure";
    return lookup_->count > 0 ? "answer" : "no address";
}

static void
lookup_text (const lookup_t *lookup_, char *text_, size_t size_, bool long_)
{
    char time[32];

    timeline_time (lookup_->end < 0 ? 0 : lookup_->end, time, sizeof time);
    if (lookup_->end < 0)
        snprintf (text_, size_, "no answer so far");
    else if (lookup_->temporary)
        snprintf (text_, size_,
                  long_ ? "temporary failure after %s: the name servers do not "
                          "answer, or fail"
                        : "failed after %s",
                  time);
    else if (lookup_->count == 0)
        snprintf (text_, size_,
                  long_ ? "no such name, or no address of this family, after %s"
                        : "no address, %s",
                  time);
    else
        snprintf (text_, size_, "%zu address%s%s%s", lookup_->count,
                  lookup_->count == 1 ? "" : "es", long_ ? " after " : ", ",
                  time);
}

static void attempt_text (const attempt_t *attempt_, char *text_, size_t size_)
{
    char time[32];

    timeline_time (attempt_->end - attempt_->start, time, sizeof time);
    switch (attempt_->fate) {
        case ATTEMPT_WON:
            snprintf (text_, size_, "won after %s", time);
            break;
        case ATTEMPT_FAILED:
            if (attempt_->error == ECONNREFUSED)
                snprintf (text_, size_, "refused after %s", time);
            else
                snprintf (text_, size_, "%s after %s",
                          cli_errno_name (attempt_->error), time);
            break;
        case ATTEMPT_CANCELLED:
            snprintf (text_, size_, "%s %s",
                      attempt_->silent ? "silent for" : "cut after", time);
            break;
        case ATTEMPT_RUNS:
            snprintf (text_, size_, "silent so far");
            break;
    }
}

/*  The address, and how its socket has it where that differs.  */
static void candidate_text (const race_t *race_,
                            const zds_addr_t *addr_,
                            char *text_,
                            size_t size_)
{
    const zds_addr_t through = race_through (race_, addr_);
    char plain[ZDS_ADDR_TEXT_SIZE], mapped[ZDS_ADDR_TEXT_SIZE];

    zds_addr_format (addr_, plain, sizeof plain);
    zds_addr_format (&through, mapped, sizeof mapped);
    if (zds_addr_equal (&through, addr_))
        snprintf (text_, size_, "%s", plain);
    else
        snprintf (text_, size_, "%s (as %s)", plain, mapped);
}

/*  Text.  */

static void print_lookups (const race_t *race_, unsigned width_)
{
    char first[16], text[ZDS_MAX_CANDIDATES * 64], addr[ZDS_ADDR_TEXT_SIZE];
    unsigned i;
    size_t k;

    if (race_->is_literal)
        return;
    printf ("Look-ups of %s:\n", race_->endpoint.host);
    for (i = 0; i < ZDS_FAMILIES; i++) {
        const lookup_t *lookup = &race_->lookup[i];
        const char *why = lookup_why (race_, i);
        snprintf (first, sizeof first, "  %-5s ", record_name[i]);
        if (why != NULL)
            snprintf (text, sizeof text, "not asked: %s", why);
        else
            lookup_text (lookup, text, sizeof text, true);
        for (k = 0; k < lookup->count; k++) {
            zds_addr_t host = lookup->candidate[k].addr;
            size_t len = strlen (text);
            zds_addr_set_port (&host, 0);
            zds_addr_format (&host, addr, sizeof addr);
            snprintf (text + len, sizeof text - len, "%s %s",
                      k == 0 ? ":" : ",", addr);
        }
        cli_wrap (first, text, width_);
    }
}

static void print_plan (const race_t *race_, unsigned width_)
{
    char first[24], time[32], text[1200], addr[2 * ZDS_ADDR_TEXT_SIZE + 8];
    size_t i;

    if (race_->count == 0)
        return;
    puts ("Tried in this order, until one connects:");
    for (i = 0; i < race_->count; i++) {
        const attempt_t *attempt = &race_->attempt[i];
        candidate_text (race_, &attempt->addr, addr, sizeof addr);
        timeline_time (attempt->start, time, sizeof time);
        if (race_->is_literal)
            snprintf (text, sizeof text,
                      "%s at once: a numeric address is only that address.",
                      addr);
        else if (i == 0)
            snprintf (text, sizeof text, "%s after %s (%s): %s.", addr, time,
                      attempt->why, attempt->place);
        else
            snprintf (text, sizeof text,
                      "%s after %s of silence, or at once when one fails: %s.",
                      addr, time, attempt->place);
        snprintf (first, sizeof first, "  %zu. ", i + 1);
        cli_wrap (first, text, width_);
    }
}

static void print_source (const race_t *race_)
{
    char text[ZDS_ADDR_TEXT_SIZE];
    unsigned i;

    if (!race_->has_source)
        return;
    for (i = 0; i < ZDS_FAMILIES; i++)
        if (zds_addr_family (&race_->source.addr[i]) != 0) {
            zds_addr_format (&race_->source.addr[i], text, sizeof text);
            printf ("From %s for %s.\n", text, family_name (family_at[i]));
        }
}

static size_t fill_rows (const race_t *race_, timeline_row_t *rows_)
{
    size_t count = 0, i;

    for (i = 0; i < ZDS_FAMILIES; i++) {
        const lookup_t *lookup = &race_->lookup[i];
        timeline_row_t *row = &rows_[count];
        if (!lookup->wanted)
            continue;
        strcpy (row->label, record_name[i]);
        lookup_text (lookup, row->text, sizeof row->text, false);
        row->start = 0;
        row->end = lookup->end < 0 ? race_->end : lookup->end;
        row->kind = lookup->end < 0 ? TIMELINE_RUNS : TIMELINE_ANSWER;
        count++;
    }
    for (i = 0; i < race_->count; i++) {
        static const timeline_kind_t kinds[] = {
          TIMELINE_RUNS, TIMELINE_WON, TIMELINE_FAILED, TIMELINE_CANCELLED};
        attempt_t attempt = race_->attempt[i];
        timeline_row_t *row = &rows_[count++];
        if (attempt.end < 0)
            attempt.end = race_->end;
        zds_addr_format (&attempt.addr, row->label, sizeof row->label);
        attempt_text (&attempt, row->text, sizeof row->text);
        row->start = attempt.start;
        row->end = attempt.end;
        row->kind = kinds[attempt.fate];
    }
    return count;
}

static void print_race (const race_t *race_, unsigned width_)
{
    static timeline_row_t rows[ZDS_FAMILIES + ZDS_RACE_MAX_CANDIDATES];
    const timeline_style_t style = {width_, cli_is_coloured (), cli_is_utf8 ()};

    putchar ('\n');
    timeline_draw (rows, fill_rows (race_, rows), race_->end, &style);
    putchar ('\n');
}

static void print_winner (const race_t *race_, unsigned width_)
{
    const attempt_t *winner = &race_->attempt[race_->winner];
    char addr[2 * ZDS_ADDR_TEXT_SIZE + 8], local[ZDS_ADDR_TEXT_SIZE], time[32],
      text[1200];
    zds_addr_t from = winner->local;

    zds_addr_unmap (&from);
    candidate_text (race_, &winner->addr, addr, sizeof addr);
    zds_addr_format (&from, local, sizeof local);
    timeline_time (winner->end, time, sizeof time);
    snprintf (text, sizeof text, "%s after %s, from %s", addr, time, local);
    cli_wrap ("won: ", text, width_);
}

static void print_delays (const zds_settings_t *settings_, unsigned width_)
{
    char text[300];

    snprintf (text, sizeof text,
              "Attempt delay %u ms, resolution delay %u ms (ZMQ_DUALSTACK). A "
              "context that connected before remembers for ten minutes who won "
              "and who failed; here nothing is remembered.",
              settings_->attempt_delay, settings_->resolution_delay);
    cli_wrap ("", text, width_);
}

static void print_report (const report_t *report_)
{
    const question_t *question = report_->question;
    const race_t *race = &report_->race;
    const unsigned width = cli_width ();

    printf ("connect %s, mode %s%s\n", question->endpoint,
            zds_mode_name (question->mode),
            question->settings.off ? " (ZMQ_DUALSTACK=off)" : "");
    if (race->families != 0) {
        print_lookups (race, width);
        print_source (race);
        if (question->really)
            print_race (race, width);
        else
            print_plan (race, width);
        if (!race->is_literal && !question->really)
            print_delays (&question->settings, width);
    }
    if (report_->trouble.error != 0) {
        if (!report_->refused && race->families == 0)
            cli_wrap ("",
                      "zmq_connect takes it, but no connection comes of it.",
                      width);
        explain_print_trouble (&report_->trouble);
    } else if (question->really)
        print_winner (race, width);
}

/*  JSON.  */

static void
json_addr (json_t *json_, const char *name_, const zds_addr_t *addr_)
{
    char text[ZDS_ADDR_TEXT_SIZE];

    zds_addr_format (addr_, text, sizeof text);
    json_string (json_, name_, zds_addr_family (addr_) == 0 ? NULL : text);
}

static void json_lookups (json_t *json_, const race_t *race_)
{
    unsigned i;
    size_t k;

    json_open (json_, "lookups", '[');
    for (i = 0; i < ZDS_FAMILIES && race_->families != 0 && !race_->is_literal;
         i++) {
        const lookup_t *lookup = &race_->lookup[i];
        json_open (json_, NULL, '{');
        json_string (json_, "type", record_name[i]);
        json_bool (json_, "asked", lookup_why (race_, i) == NULL);
        json_string (json_, "why_not", lookup_why (race_, i));
        json_string (json_, "status", lookup_status (lookup));
        if (lookup->end < 0)
            json_null (json_, "ms");
        else
            json_ms (json_, "ms", lookup->end);
        json_open (json_, "addresses", '[');
        for (k = 0; k < lookup->count; k++) {
            zds_addr_t host = lookup->candidate[k].addr;
            zds_addr_set_port (&host, 0);
            json_addr (json_, NULL, &host);
        }
        json_close (json_, ']');
        json_close (json_, '}');
    }
    json_close (json_, ']');
}

static void json_source (json_t *json_, const race_t *race_)
{
    unsigned i;

    json_open (json_, "source", '[');
    for (i = 0; race_->has_source && i < ZDS_FAMILIES; i++)
        if (zds_addr_family (&race_->source.addr[i]) != 0)
            json_addr (json_, NULL, &race_->source.addr[i]);
    json_close (json_, ']');
}

static void json_fate (json_t *json_, const attempt_t *attempt_)
{
    static const char *const fates[] = {"runs", "won", "failed", "cancelled"};

    json_string (json_, "fate", fates[attempt_->fate]);
    if (attempt_->end < 0)
        json_null (json_, "end_ms");
    else
        json_ms (json_, "end_ms", attempt_->end);
    json_string (json_, "error",
                 attempt_->error == 0 ? NULL
                                      : cli_errno_name (attempt_->error));
    json_string (json_, "cancelled_why", attempt_->end_why);
    json_addr (json_, "from", &attempt_->local);
}

static void json_attempts (json_t *json_, const report_t *report_)
{
    const race_t *race = &report_->race;
    size_t i;

    json_open (json_, "attempts", '[');
    for (i = 0; i < race->count; i++) {
        const attempt_t *attempt = &race->attempt[i];
        const zds_addr_t through = race_through (race, &attempt->addr);
        json_open (json_, NULL, '{');
        json_addr (json_, "address", &attempt->addr);
        json_addr (json_, "socket_address", &through);
        json_string (json_, "why",
                     race->is_literal ? "a numeric address is only that address"
                                      : attempt->place);
        json_ms (json_, "start_ms", attempt->start);
        json_string (json_, "start_why", attempt->why);
        if (report_->question->really)
            json_fate (json_, attempt);
        json_close (json_, '}');
    }
    json_close (json_, ']');
}

static void json_report (const report_t *report_)
{
    const question_t *question = report_->question;
    const race_t *race = &report_->race;
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
    json_bool (&json, "numeric", race->is_literal);
    json_lookups (&json, race);
    json_source (&json, race);
    json_attempts (&json, report_);
    if (race->winner >= 0)
        json_addr (&json, "winner", &race->attempt[race->winner].addr);
    else
        json_null (&json, "winner");
    explain_json_trouble (&json, &report_->trouble);
    json_close (&json, '}');
}

int explain_connect (const question_t *question_)
{
    report_t *report = calloc (1, sizeof *report);
    int status, rc = 0;

    if (report == NULL)
        return cli_fail (STATUS_USAGE, "explain", strerror (ENOMEM));
    report->question = question_;
    report->race.winner = -1;
    if (prepare (report) == 0) {
        rc = race_run (&report->race);
        if (rc == 0)
            judge (report);
    }
    if (rc != 0)
        status = cli_fail (STATUS_USAGE, "explain", strerror (rc));
    else {
        if (question_->json)
            json_report (report);
        else
            print_report (report);
        status = report->trouble.error == 0 ? STATUS_YES : STATUS_NO;
    }
    free (report);
    return status;
}
