/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack: try the dual-stack libzmq without installing it in place of the
    system's, ask it why it does what it does, and see who uses it.  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "zds_version.h"

static const char usage_text[] =
  "Usage: zmq-dualstack run [--preload[=VERSION]] [--] PROGRAM [ARG]...\n"
  "       zmq-dualstack explain bind ENDPOINT [OPTION]...\n"
  "       zmq-dualstack explain connect ENDPOINT [OPTION]...\n"
  "       zmq-dualstack status [PID] [--all] [--json]\n"
  "       zmq-dualstack service UNIT [--remove | --show] [--root DIR]\n"
  "       zmq-dualstack COMMAND --help | --help | --version\n"
  "\n"
  "run       Runs PROGRAM, unmodified, on the dual-stack libzmq.\n"
  "explain   Says which sockets zmq_bind opens, or which addresses "
  "zmq_connect\n"
  "          tries, in which order and why; with --try it does so.\n"
  "status    Says which libzmq a process uses, or all do, and where it "
  "listens.\n"
  "service   Makes one systemd unit run on the dual-stack libzmq.\n";

static const struct
{
    const char *name;
    int (*run) (int argc_, char **argv_);
    const char *help;
} commands[] = {
  {"run", cli_run, cli_run_help},
  {"explain", cli_explain, cli_explain_help},
  {"service", cli_service, cli_service_help},
  {"status", cli_status, cli_status_help},
  {"choose", cli_choose, ""},
};

int cli_fail (int status_, const char *what_, const char *why_)
{
    fprintf (stderr, "zmq-dualstack: %s: %s\n", what_, why_);
    return status_;
}

int cli_usage (int status_, const char *what_, const char *why_)
{
    cli_fail (status_, what_, why_);
    fputs ("Try 'zmq-dualstack --help'.\n", stderr);
    return status_;
}

int cli_flush (int status_)
{
    if (fflush (stdout) == EOF || ferror (stdout))
        return cli_fail (STATUS_USAGE, "stdout", strerror (errno));
    return status_;
}

static int print (const char *text_)
{
    fputs (text_, stdout);
    return cli_flush (STATUS_YES);
}

static bool is_help (const char *word_)
{
    return word_ != NULL
           && (strcmp (word_, "--help") == 0 || strcmp (word_, "-h") == 0);
}

int main (int argc_, char **argv_)
{
    const char *command = argc_ > 1 ? argv_[1] : NULL;
    size_t i;

    if (command == NULL)
        return cli_usage (STATUS_USAGE, "no command", "nothing to do");
    if (is_help (command) || strcmp (command, "help") == 0)
        return print (usage_text);
    if (strcmp (command, "--version") == 0)
        return print ("zmq-dualstack " ZDS_VERSION "\n");
    for (i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        if (strcmp (command, commands[i].name) != 0)
            continue;
        return is_help (argv_[2]) ? print (commands[i].help)
                                  : commands[i].run (argc_ - 1, argv_ + 1);
    }
    return cli_usage (STATUS_USAGE, command, "no such command");
}
