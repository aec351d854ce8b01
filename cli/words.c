/* SPDX-License-Identifier: MPL-2.0 */

/*  Words for people: names of errors, and text on a terminal.  */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "cli.h"

#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "zds_trace.h"

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
    struct winsize size;
    const long wanted = columns == NULL ? 0 : strtol (columns, NULL, 10);

    if (wanted > 0 && wanted < 10000)
        return (unsigned) wanted;
    if (ioctl (STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

bool cli_is_coloured (void)
{
    const char *no_color = getenv ("NO_COLOR");
    const char *term = getenv ("TERM");

    return isatty (STDOUT_FILENO) && (no_color == NULL || no_color[0] == '\0')
           && (term == NULL || strcmp (term, "dumb") != 0);
}

bool cli_is_utf8 (void)
{
    bool utf8;

    /*  For this question only: letters of a locale are not libzmq's letters.  */
    setlocale (LC_CTYPE, "");
    utf8 = strcmp (nl_langinfo (CODESET), "UTF-8") == 0;
    setlocale (LC_CTYPE, "C");
    return utf8;
}

/*  Those of ASCII and, in UTF-8, U+0080 to U+009F.  */
static bool is_control (const unsigned char *text_, size_t at_, size_t len_)
{
    const unsigned char c = text_[at_];

    if (c < 0x20 || c == 0x7f)
        return true;
    return c >= 0x80 && c < 0xa0
             ? at_ > 0 && text_[at_ - 1] == 0xc2
             : c == 0xc2 && at_ + 1 < len_ && text_[at_ + 1] >= 0x80
                 && text_[at_ + 1] < 0xa0;
}

unsigned cli_put (const char *text_, size_t len_)
{
    const unsigned char *text = (const unsigned char *) text_;
    unsigned made = 0;
    size_t i;

    for (i = 0; i < len_; i++)
        if (is_control (text, i, len_))
            made += (unsigned) printf ("\\x%02x", text[i]);
        else {
            putchar (text[i]);
            made++;
        }
    return made;
}

void cli_put_padded (const char *text_, unsigned width_)
{
    const size_t len = strlen (text_);
    const unsigned made = cli_put (text_, len < width_ ? len : width_);

    if (made < width_)
        printf ("%*s", (int) (width_ - made), "");
}

void cli_wrap (const char *first_, const char *text_, unsigned width_)
{
    const unsigned indent = (unsigned) strlen (first_);
    unsigned column = indent;
    const char *at = text_ + strspn (text_, " ");

    fputs (first_, stdout);
    while (*at != '\0') {
        const unsigned len = (unsigned) strcspn (at, " ");
        if (column > indent && column + 1 + len > width_) {
            printf ("\n%*s", (int) indent, "");
            column = indent;
        } else if (column > indent) {
            putchar (' ');
            column++;
        }
        column += cli_put (at, len);
        at += len;
        at += strspn (at, " ");
    }
    putchar ('\n');
}
