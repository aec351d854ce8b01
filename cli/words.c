/* SPDX-License-Identifier: MPL-2.0 */

/*  Words for people, and what they said on the command line.  */

#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "zds_trace.h"

enum
{
    MAX_OPTIONS = 8
};

int cli_options (int argc_, char **argv_, const cli_option_t *options_)
{
    struct option known[MAX_OPTIONS + 1];
    static char title[80];
    int i, found;

    memset (known, 0, sizeof known);
    for (i = 0; i < MAX_OPTIONS && options_[i].name != NULL; i++) {
        known[i].name = options_[i].name;
        known[i].has_arg = options_[i].text != NULL;
        known[i].val = i;
    }
    snprintf (title, sizeof title, "zmq-dualstack: %s", argv_[0]);
    argv_[0] = title;
    while ((found = getopt_long (argc_, argv_, "", known, NULL)) != -1)
        if (found >= MAX_OPTIONS) {
            fputs ("Try 'zmq-dualstack --help'.\n", stderr);
            return -1;
        } else if (options_[found].text != NULL)
            *options_[found].text = optarg;
        else
            *options_[found].flag = true;
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

const char *cli_errno_name (int error_)
{
    static char number[32];
    const char *name = zds_errno_name (error_);

    if (name == NULL)
        snprintf (number, sizeof number, "errno %d", error_);
    return name == NULL ? number : name;
}

unsigned cli_width (void)
{
    const char *columns = getenv ("COLUMNS");
    const long wanted = columns == NULL ? 0 : strtol (columns, NULL, 10);
    struct winsize size;

    if (wanted > 0 && wanted < 10000)
        return (unsigned) wanted;
    if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

/*  Those of ASCII and, in UTF-8, both bytes of U+0080 to U+009F.  */
static bool is_control (const unsigned char *at_, unsigned char before_)
{
    return *at_ < 0x20 || *at_ == 0x7f
           || (*at_ >= 0x80 && *at_ < 0xa0 && before_ == 0xc2)
           || (*at_ == 0xc2 && at_[1] >= 0x80 && at_[1] < 0xa0);
}

unsigned cli_put (const char *text_, size_t len_)
{
    const unsigned char *text = (const unsigned char *) text_;
    unsigned made = 0;
    size_t i;

    for (i = 0; i < len_ && text[i] != '\0'; i++)
        if (is_control (text + i, i > 0 ? text[i - 1] : 0))
            made += (unsigned) printf ("\\x%02x", text[i]);
        else {
            putchar (text[i]);
            made++;
        }
    return made;
}

static void wrap (const char *first_, const char *text_, unsigned width_)
{
    const unsigned indent = (unsigned) strlen (first_);
    unsigned column = indent;

    fputs (first_, stdout);
    for (text_ += strspn (text_, " "); *text_ != '\0';
         text_ += strspn (text_, " ")) {
        const size_t len = strcspn (text_, " ");
        if (column > indent && column + 1 + len > width_)
            column = (unsigned) printf ("\n%*s", (int) indent, "") - 1;
        else if (column > indent)
            column += (unsigned) printf (" ");
        column += cli_put (text_, len);
        text_ += len;
    }
    putchar ('\n');
}

void cli_say (const char *first_, const char *format_, ...)
{
    char *text = NULL;
    va_list args;

    va_start (args, format_);
    if (vasprintf (&text, format_, args) >= 0) {
        wrap (first_, text, cli_width ());
        free (text);
    }
    va_end (args);
}

void *cli_grow (void *array_, size_t *count_, size_t size_)
{
    char *array, *more;

    memcpy (&array, array_, sizeof array);
    more = array;
    if ((*count_ & (*count_ - 1)) == 0)
        more = realloc (array, (*count_ == 0 ? 1 : 2 * *count_) * size_);
    if (more == NULL)
        return NULL;
    memcpy (array_, &more, sizeof more);
    return memset (more + size_ * (*count_)++, 0, size_);
}
