/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack explain: options, transports, and errors in an endpoint.  */

#include "explain.h"

#include <stdarg.h>
#include <time.h>

#include "zds_host.h"
#include "zds_trace.h"

const char cli_explain_help[] =
  "Usage: zmq-dualstack explain bind|connect ENDPOINT [OPTION]...\n"
  "\n"
  "Says which sockets zmq_bind opens, or which addresses zmq_connect tries,\n"
  "in which order, and why.\n"
  "\n"
  "  --try                 try it with the library itself; show its trace\n"
  "  --mode auto|v6|v4     for a program that never set ZMQ_IPV6 (auto),\n"
  "                        that set it to 1, that set it to 0\n"
  "  --timeout S           give up after S seconds (connect; default 10)\n"
  "  --json                print JSON, for programs\n";

struct question question = {.limit = 10000};
struct trouble trouble;

int trouble_set (int error_, const char *why_, ...)
{
    va_list args;

    trouble.error = error_;
    va_start (args, why_);
    vsnprintf (trouble.why, sizeof trouble.why, why_, args);
    va_end (args);
    return error_;
}

int explain_parse (zds_endpoint_t *endpoint_,
                   const char *text_,
                   zds_port_rule_t port_rule_)
{
    if (zds_endpoint_parse (endpoint_, text_, port_rule_) != 0)
        return trouble_set (EINVAL,
                            "\"%.100s\" is not HOST:PORT, the port a "
                            "number%s",
                            text_, port_rule_ == ZDS_PORT_BIND ? " or *" : "");
    if (endpoint_->host_too_long)
        return trouble_set (port_rule_ == ZDS_PORT_BIND ? ENODEV : EINVAL,
                            "the host is too long");
    if (zds_host_zone (endpoint_) != 0)
        return trouble_set (EINVAL,
                            "the zone %.100s is no interface of this host",
                            endpoint_->zone);
    return 0;
}

void explain_head (void)
{
    const zds_settings_t *const settings = &question.settings;

    if (question.json) {
        json ("{ command=s endpoint=s mode=s off=b tried=b works=b",
              question.command, question.endpoint,
              zds_mode_name (question.mode), settings->off, question.really,
              trouble.error == 0);
        return;
    }
    printf ("%s ", question.command);
    cli_put (question.endpoint, 200);
    printf ("%s, mode %s%s\n", strlen (question.endpoint) > 200 ? "..." : "",
            zds_mode_name (question.mode),
            settings->off ? " (off, by ZMQ_DUALSTACK or " ZDS_SETTINGS_FILE ")"
                          : "");
}

void explain_trouble (void)
{
    const char *const name = cli_errno_name (trouble.error);
    const char *const text = strerror (trouble.error);

    if (question.json && trouble.error == 0)
        json ("error=n }");
    else if (question.json)
        json ("error{ name=s text=s why=s } }", name, text, trouble.why);
    else if (trouble.error != 0)
        cli_say ("fails: ", "%s (%s): %s", name, text, trouble.why);
}

long explain_now (void)
{
    struct timespec now;

    clock_gettime (CLOCK_REALTIME, &now);
    return (long) (now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

const char *explain_time (long us_, char text_[32])
{
    snprintf (text_, 32, us_ < 9950 ? "%.1f ms" : "%.0f ms",
              (double) us_ / 1000);
    return text_;
}

/*  What libzmq refuses before OpenPGM reads the rest.  */
static const char *explain_pgm (void)
{
    const char *const port = strrchr (question.address, ':');
    const char *at;
    int parts = 1;

    for (at = question.address; *at != '\0'; at++)
        parts += *at == ';';
    if (port == NULL)
        trouble_set (EINVAL, "there is no port");
    else if (strchr (question.address, ':') != port)
        trouble_set (EAFNOSUPPORT,
                     "PGM is IPv4-only, and an interface or a group is IPv6");
    else if (parts > 3)
        trouble_set (EINVAL, "there are more parts than PGM knows");
    return "PGM is IPv4-only, and goes its own way as in stock libzmq.";
}

/*  Whether a transport's name is one of the words.  */
static bool is_one_of (const char *name_, size_t len_, const char *words_)
{
    for (; *words_ != '\0'; words_ += strcspn (words_, " ") + 1)
        if (strcspn (words_, " ") == len_ && strncmp (words_, name_, len_) == 0)
            return len_ > 0;
    return false;
}

/*  The address of a WebSocket without its path.  */
static const char *without_path (const char *address_)
{
    const char *const slash = strrchr (address_, '/');

    return slash == NULL ? address_
                         : cli_copy (address_, (size_t) (slash - address_));
}

static void answer (void)
{
    const char *const endpoint = question.endpoint;
    const char *const sign = strstr (endpoint, "://");
    const size_t len = sign == NULL ? 0 : (size_t) (sign - endpoint);
    const char *why = NULL;

    question.address = sign == NULL ? "" : sign + 3;
    if (len == 0 || *question.address == '\0')
        trouble_set (EINVAL, "TRANSPORT://ADDRESS is wanted");
    else if (is_one_of (endpoint, len, "pgm epgm "))
        why = explain_pgm ();
    else if (is_one_of (endpoint, len, "tcp ws wss ")) {
        if (endpoint[0] == 'w')
            question.address = without_path (question.address);
        (question.binds ? explain_bind : explain_connect) ();
        return;
    } else if (is_one_of (endpoint, len, "ipc inproc udp norm tipc vmci "))
        why = "Not TCP: this goes as in stock libzmq, and is not tried here.";
    else
        trouble_set (EPROTONOSUPPORT, "libzmq knows no such transport");
    /*  An answer that is one sentence, or one error.  */
    question.really = 0;
    explain_head ();
    if (question.json)
        json ("why=s", why);
    else if (trouble.error == 0)
        cli_say ("  ", "%s", why);
    explain_trouble ();
}

/*  --- the command line ----------------------------------------------------------  */

static bool take_mode (const char *text_)
{
    zds_mode_t *const mode = &question.wanted;

    for (*mode = ZDS_MODE_AUTO; *mode <= ZDS_MODE_V4; ++*mode)
        if (text_ == NULL || strcmp (text_, zds_mode_name (*mode)) == 0) {
            question.mode = *mode == ZDS_MODE_AUTO && question.settings.off
                              ? ZDS_MODE_V4
                              : *mode;
            return true;
        }
    cli_usage (0, text_, "not a mode");
    return false;
}

/*  Seconds, above 0.  */
static bool take_limit (const char *text_)
{
    char *end;
    const double seconds = strtod (text_, &end);

    if (end == text_ || *end != '\0' || !(seconds >= 0.001) || seconds > 2e6) {
        cli_usage (0, text_, "not a time");
        return false;
    }
    question.limit = (unsigned) (seconds * 1000);
    return true;
}

int cli_explain (int argc_, char **argv_)
{
    static const struct option options[] = {
      {"json", no_argument, &question.json, 1},
      {"mode", required_argument, NULL, 0},
      {"timeout", required_argument, NULL, 1},
      {"try", no_argument, &question.really, 1},
      {NULL, 0, NULL, 0}};
    const char *texts[] = {NULL, "10"};
    const int count = cli_options (argc_, argv_, options, texts);

    question.settings = zds_host_settings (ZDS_SETTINGS_FILE);
    if (count < 0 || !take_mode (texts[0]) || !take_limit (texts[1]))
        return STATUS_USAGE;
    if (count != 2)
        return cli_usage (STATUS_USAGE, "explain",
                          "bind or connect, and one endpoint, are wanted");
    question.command = argv_[1];
    question.endpoint = argv_[2];
    question.binds = strcmp (question.command, "bind") == 0;
    if (!question.binds && strcmp (question.command, "connect") != 0)
        return cli_usage (STATUS_USAGE, question.command,
                          "neither bind nor connect");
    if (!library_exists ("explain"))
        return STATUS_USAGE;
    answer ();
    return cli_flush (trouble.error == 0 ? STATUS_YES : STATUS_NO);
}
