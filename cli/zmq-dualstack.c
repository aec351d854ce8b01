/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack: try the dual-stack libzmq without installing it in place of the
    system's, ask it why it does what it does, and see who uses it.  */

#include "cli.h"

#include <string.h>

#include "zds_version.h"

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
  {"choose", cli_choose, "(audit.so asks this what to load.)\n"},
};

static void print_help (void)
{
    size_t i;

    for (i = 0; i + 1 < sizeof commands / sizeof commands[0]; i++)
        printf ("%s%s", i > 0 ? "\n" : "", commands[i].help);
}

static bool is_help (const char *word_)
{
    return word_ != NULL
           && (strcmp (word_, "--help") == 0 || strcmp (word_, "-h") == 0);
}

/*  Anywhere among the arguments, but for those of a program that is to be run.  */
static bool wants_help (char **argv_, bool first_only_)
{
    for (; *argv_ != NULL && strcmp (*argv_, "--") != 0; argv_++)
        if (is_help (*argv_) || first_only_)
            return is_help (*argv_);
    return false;
}

int main (int argc_, char **argv_)
{
    const char *command = argc_ > 1 ? argv_[1] : NULL;
    size_t i = 0;

    if (command == NULL)
        return cli_usage (STATUS_USAGE, "no command", "nothing to do");
    if (is_help (command) || strcmp (command, "help") == 0)
        print_help ();
    else if (strcmp (command, "--version") == 0)
        puts ("zmq-dualstack " ZDS_VERSION);
    else {
        while (i < sizeof commands / sizeof commands[0]
               && strcmp (command, commands[i].name) != 0)
            i++;
        if (i == sizeof commands / sizeof commands[0])
            return cli_usage (STATUS_USAGE, command, "no such command");
        if (!wants_help (argv_ + 2, i == 0))
            return commands[i].run (argc_ - 1, argv_ + 1);
        fputs (commands[i].help, stdout);
    }
    return cli_flush (STATUS_YES);
}
