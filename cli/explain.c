/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack explain: options, transports, and what is wrong with an
    endpoint.  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "explain.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "library.h"
#include "zds_host.h"

const char cli_explain_help[] =
  "Usage: zmq-dualstack explain bind ENDPOINT [OPTION]...\n"
  "       zmq-dualstack explain connect ENDPOINT [OPTION]...\n"
  "\n"
  "bind      Which sockets zmq_bind opens, in which order, and why.\n"
  "connect   Which addresses zmq_connect tries, in which order, and why.\n"
  "\n"
  "  --try                 do it, with the library, and show what it says\n"
  "  --mode auto|v6|v4     of a program that never set ZMQ_IPV6 (the "
  "default),\n"
  "                        that set it to 1, that set it to 0\n"
  "  --timeout S           end after S seconds (connect; default 10)\n"
  "  --connect-timeout MS  as ZMQ_CONNECT_TIMEOUT (connect)\n"
  "  --json                for programs\n"
  "\n"
  "Exit status: 0 if it works, or would; 1 if not; 2 for wrong usage.\n"
  "ZMQ_DUALSTACK and /etc/zmq-dualstack.conf are read as libzmq reads them.\n";

int trouble_set (trouble_t *trouble_, int error_, const char *why_, ...)
{
    va_list args;

    trouble_->error = error_;
    va_start (args, why_);
    vsnprintf (trouble_->why, sizeof trouble_->why, why_, args);
    va_end (args);
    return error_;
}

const char *family_name (int family_)
{
    return family_ == AF_INET6 ? "IPv6" : "IPv4";
}

/*  Which part of HOST:PORT cannot be read.  */
static int
blame (const char *text_, zds_port_rule_t port_rule_, trouble_t *trouble_)
{
    const char *const colon = strrchr (text_, ':');

    if (colon == NULL)
        return trouble_set (trouble_, EINVAL,
                            "%.100s has no port: HOST:PORT is wanted", text_);
    if (colon > text_ && colon[-1] == '%')
        return trouble_set (trouble_, EINVAL,
                            "there is no zone behind the %%: %.100s", text_);
    return trouble_set (trouble_, EINVAL,
                        "%.100s is no port: a number up to 65535%s is",
                        colon[1] == '\0' ? "nothing" : colon + 1,
                        port_rule_ == ZDS_PORT_BIND ? ", or *," : "");
}

int explain_parse (zds_endpoint_t *endpoint_,
                   uint32_t *zone_index_,
                   const char *text_,
                   zds_port_rule_t port_rule_,
                   trouble_t *trouble_)
{
    if (zds_endpoint_parse (endpoint_, text_, port_rule_) != 0)
        return blame (text_, port_rule_, trouble_);
    if (endpoint_->host_too_long)
        return trouble_set (trouble_,
                            port_rule_ == ZDS_PORT_BIND ? ENODEV : EINVAL,
                            "the host is too long");
    if (zds_host_zone (endpoint_, zone_index_) != 0)
        return trouble_set (trouble_, EINVAL,
                            "the zone %.100s is no interface of this host",
                            endpoint_->zone);
    return 0;
}

void explain_print_trouble (const trouble_t *trouble_)
{
    char text[600];

    snprintf (text, sizeof text, "%s (%s): %s",
              cli_errno_name (trouble_->error), strerror (trouble_->error),
              trouble_->why);
    cli_wrap ("fails: ", text, cli_width ());
}

void explain_print_head (const question_t *question_)
{
    const size_t len = strlen (question_->endpoint);

    printf ("%s ", question_->command);
    cli_put (question_->endpoint, len < 200 ? len : 200);
    printf ("%s, mode %s%s\n", len < 200 ? "" : "...",
            zds_mode_name (question_->mode),
            question_->settings.off ? " (off, by ZMQ_DUALSTACK or "
                                      "/etc/zmq-dualstack.conf)"
                                    : "");
}

void explain_json_head (json_t *json_, const question_t *question_)
{
    json_string (json_, "command", question_->command);
    json_string (json_, "endpoint", question_->endpoint);
    json_string (json_, "mode", zds_mode_name (question_->mode));
    json_bool (json_, "off", question_->settings.off);
    json_bool (json_, "tried", question_->really);
}

void explain_json_trouble (json_t *json_, const trouble_t *trouble_)
{
    if (trouble_->error == 0) {
        json_null (json_, "error");
        return;
    }
    json_open (json_, "error", '{');
    json_string (json_, "name", cli_errno_name (trouble_->error));
    json_string (json_, "text", strerror (trouble_->error));
    json_string (json_, "why", trouble_->why);
    json_close (json_, '}');
}

/*  An answer that is one sentence, or one error.  */
static int answer_shortly (const question_t *question_,
                           const char *why_,
                           const trouble_t *trouble_)
{
    json_t json;

    if (question_->json) {
        json_init (&json, stdout);
        json_open (&json, NULL, '{');
        explain_json_head (&json, question_);
        json_bool (&json, "works", trouble_->error == 0);
        json_string (&json, "why", why_);
        explain_json_trouble (&json, trouble_);
        json_close (&json, '}');
    } else {
        explain_print_head (question_);
        if (trouble_->error == 0)
            cli_wrap ("  ", why_, cli_width ());
        else
            explain_print_trouble (trouble_);
    }
    return trouble_->error == 0 ? STATUS_YES : STATUS_NO;
}

static int explain_pgm (const question_t *question_, trouble_t *trouble_)
{
    const char *colon = strrchr (question_->address, ':');
    const size_t len =
      colon == NULL ? 0 : (size_t) (colon - question_->address);
    char *network = strndup (question_->address, len);
    int rc;

    if (network == NULL)
        return cli_fail (STATUS_USAGE, "explain", strerror (ENOMEM));
    rc = zds_host_pgm_check (network);
    free (network);
    if (colon == NULL)
        trouble_set (trouble_, EINVAL, "there is no port");
    else if (rc == EAFNOSUPPORT)
        trouble_set (trouble_, rc,
                     "PGM is IPv4-only, and an interface or a group is IPv6");
    else if (rc != 0)
        trouble_set (trouble_, rc, "there are more parts than PGM knows");
    return answer_shortly (
      question_, "PGM is IPv4-only, and goes its own way as in stock libzmq.",
      trouble_);
}

typedef struct
{
    const char *name;
    bool bind, connect; /* explained here */
} transport_t;

/*  The transports that libzmq may have been built with.  */
static const transport_t *find_transport (const char *text_, size_t len_)
{
    static const transport_t transports[] = {
      {"tcp", true, true},      {"ws", false, true},    {"wss", false, true},
      {"pgm", true, true},      {"epgm", true, true},   {"ipc", false, false},
      {"inproc", false, false}, {"udp", false, false},  {"norm", false, false},
      {"tipc", false, false},   {"vmci", false, false},
    };
    size_t i;

    for (i = 0; i < sizeof transports / sizeof transports[0]; i++)
        if (strlen (transports[i].name) == len_
            && memcmp (transports[i].name, text_, len_) == 0)
            return &transports[i];
    return NULL;
}

static int answer (question_t *question_)
{
    const bool binds = strcmp (question_->command, "bind") == 0;
    const char *const sign = strstr (question_->endpoint, "://");
    const transport_t *transport;
    trouble_t trouble = {0, ""};

    if (sign == NULL || sign == question_->endpoint || sign[3] == '\0') {
        trouble_set (&trouble, EINVAL, "TRANSPORT://ADDRESS is wanted");
        return answer_shortly (question_, NULL, &trouble);
    }
    question_->address = sign + 3;
    transport = find_transport (question_->endpoint,
                                (size_t) (sign - question_->endpoint));
    if (transport == NULL) {
        trouble_set (&trouble, EPROTONOSUPPORT,
                     "libzmq knows no such transport");
        return answer_shortly (question_, NULL, &trouble);
    }
    if (strstr (transport->name, "pgm") != NULL)
        return explain_pgm (question_, &trouble);
    if (binds ? transport->bind : transport->connect)
        return binds ? explain_bind (question_) : explain_connect (question_);
    return answer_shortly (
      question_,
      transport->connect
        ? "WebSockets listen as in stock libzmq; only connecting differs."
        : "Not TCP: this goes as in stock libzmq.",
      &trouble);
}

static bool take_mode (question_t *question_, const char *text_)
{
    zds_mode_t mode;

    for (mode = ZDS_MODE_AUTO; mode <= ZDS_MODE_V4; mode++)
        if (strcmp (text_, zds_mode_name (mode)) == 0) {
            question_->wanted = mode;
            question_->mode = mode == ZDS_MODE_AUTO
                                ? zds_settings_mode (&question_->settings)
                                : mode;
            return true;
        }
    return false;
}

/*  A number above 0, times 'factor_'.  */
static bool take_number (unsigned *value_, const char *text_, double factor_)
{
    char *end;
    const double number = strtod (text_, &end);

    if (end == text_ || *end != '\0' || !(number * factor_ >= 1)
        || number * factor_ > 86400000)
        return false;
    *value_ = (unsigned) (number * factor_);
    return true;
}

/*  One option; false, with a message, when it is wrong.  */
static bool take_option (question_t *question_, int option_)
{
    bool good = true;

    switch (option_) {
        case 'j':
            question_->json = true;
            break;
        case 'r':
            question_->really = true;
            break;
        case 'm':
            good = take_mode (question_, optarg);
            break;
        case 't':
            good = take_number (&question_->limit, optarg, 1000);
            break;
        case 'c':
            good = take_number (&question_->connect_timeout, optarg, 1);
            break;
        default:
            fputs ("Try 'zmq-dualstack explain --help'.\n", stderr);
            return false;
    }
    if (!good)
        cli_usage (0, optarg, option_ == 'm' ? "not a mode" : "not a time");
    return good;
}

int cli_explain (int argc_, char **argv_)
{
    static const struct option options[] = {
      {"connect-timeout", required_argument, NULL, 'c'},
      {"help", no_argument, NULL, 'h'},
      {"json", no_argument, NULL, 'j'},
      {"mode", required_argument, NULL, 'm'},
      {"timeout", required_argument, NULL, 't'},
      {"try", no_argument, NULL, 'r'},
      {NULL, 0, NULL, 0}};
    static char name[] = "zmq-dualstack: explain";
    question_t question;
    char *library;
    int option;

    memset (&question, 0, sizeof question);
    question.settings = zds_host_settings (ZDS_SETTINGS_FILE);
    question.mode = zds_settings_mode (&question.settings);
    question.wanted = ZDS_MODE_AUTO;
    question.limit = 10000;
    argv_[0] = name;
    while ((option = getopt_long (argc_, argv_, "h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs (cli_explain_help, stdout);
            return cli_flush (STATUS_YES);
        }
        if (!take_option (&question, option))
            return STATUS_USAGE;
    }
    if (argc_ - optind != 2)
        return cli_usage (STATUS_USAGE, "explain",
                          "bind or connect, and one endpoint, are wanted");
    question.command = argv_[optind];
    question.endpoint = argv_[optind + 1];
    if (strcmp (question.command, "bind") != 0
        && strcmp (question.command, "connect") != 0)
        return cli_usage (STATUS_USAGE, question.command,
                          "neither bind nor connect");
    library = library_chosen ("explain");
    if (library == NULL)
        return STATUS_USAGE;
    free (library);
    return cli_flush (answer (&question));
}
