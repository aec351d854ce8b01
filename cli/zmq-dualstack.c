/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack: runs programs on the dual-stack libzmq without installing that in
    place of the system's, explains what it does and why, and shows which processes
    use it.  */

#include "cli.h"

#include <stdarg.h>

#include "zds_settings.h"

/*  --- what the commands share ---------------------------------------------------  */

int cli_options (int argc_,
                 char **argv_,
                 const struct option *options_,
                 const char **texts_)
{
    static char title[80];
    int i, found;

    snprintf (title, sizeof title, "zmq-dualstack: %s", argv_[0]);
    argv_[0] = title;
    while ((found = getopt_long (argc_, argv_, "", options_, NULL)) != -1)
        if (found == '?') {
            fputs ("Try 'zmq-dualstack --help'.\n", stderr);
            return -1;
        } else if (optarg != NULL)
            texts_[found] = optarg;
    for (i = optind; i < argc_; i++)
        argv_[i - optind + 1] = argv_[i];
    return argc_ - optind;
}

static void complain (const char *what_, const char *why_, va_list args_)
{
    fprintf (stderr, "zmq-dualstack: %s: ", what_);
    vfprintf (stderr, why_, args_);
    fputc ('\n', stderr);
}

int cli_fail (int status_, const char *what_, const char *why_, ...)
{
    va_list args;

    va_start (args, why_);
    complain (what_, why_, args);
    va_end (args);
    return status_;
}

int cli_usage (int status_, const char *what_, const char *why_)
{
    cli_fail (status_, what_, "%s", why_);
    fputs ("Try 'zmq-dualstack --help'.\n", stderr);
    return status_;
}

int cli_flush (int status_)
{
    if (fflush (stdout) == EOF || ferror (stdout))
        return cli_fail (STATUS_USAGE, "stdout", "%s", strerror (errno));
    return status_;
}

/*  --- memory ------------------------------------------------------------------------  */

static void *need (void *memory_)
{
    if (memory_ == NULL)
        exit (cli_fail (STATUS_USAGE, "memory", "%s", strerror (ENOMEM)));
    return memory_;
}

char *cli_text (const char *format_, ...)
{
    char *text = NULL;
    va_list args;

    va_start (args, format_);
    if (vasprintf (&text, format_, args) < 0)
        text = NULL;
    va_end (args);
    return need (text);
}

char *cli_copy (const char *text_, size_t len_)
{
    return need (strndup (text_, len_));
}

void *cli_grow (void *array_, size_t *count_, size_t size_)
{
    char *array;

    memcpy (&array, array_, sizeof array);
    if ((*count_ & (*count_ - 1)) == 0)
        array =
          need (realloc (array, (*count_ == 0 ? 1 : 2 * *count_) * size_));
    memcpy (array_, &array, sizeof array);
    return memset (array + size_ * (*count_)++, 0, size_);
}

/*  --- the commands ------------------------------------------------------------------  */

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

/*  Whether --help is among the arguments, not counting those of a program that is to
    be run.  */
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
