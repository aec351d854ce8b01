/* SPDX-License-Identifier: MPL-2.0 */

/*  What the command prints: words for people, JSON for programs.  */

#include "cli.h"

#include <stdarg.h>
#include <sys/ioctl.h>

#include "zds_trace.h"

const char *cli_errno_name (int error_)
{
    static char number[32];
    const char *name = zds_errno_name (error_);

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

/*  The code of the control character that begins at '*at_', one of ASCII or of U+0080
    to U+009F in UTF-8; 0 if there is none.  */
static unsigned control_at (const unsigned char *at_)
{
    if (at_[0] == 0xc2 && at_[1] >= 0x80 && at_[1] < 0xa0)
        return at_[1];
    return at_[0] < 0x20 || at_[0] == 0x7f ? at_[0] : 0;
}

unsigned cli_put (const char *text_, size_t len_)
{
    const unsigned char *at = (const unsigned char *) text_;
    const unsigned char *const end = at + strnlen (text_, len_);
    unsigned made = 0;

    for (; at < end; at++)
        if (control_at (at) > 0x7f) {
            made += (unsigned) printf ("\\x%02x\\x%02x", at[0], at[1]);
            at++;
        } else if (control_at (at) != 0)
            made += (unsigned) printf ("\\x%02x", *at);
        else
            made += putchar (*at) != EOF;
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

/*  --- JSON ------------------------------------------------------------------------  */

static unsigned depth;
static bool filled; /* something stands in what is open */

/*  The length of the UTF-8 sequence at '*at_'; 0 if it is not a valid one (RFC
    3629).  */
static size_t sequence (const unsigned char *at_)
{
    const unsigned char c = at_[0];
    const size_t len = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    size_t i;

    for (i = 1; i < len; i++)
        if ((at_[i] & 0xc0) != 0x80)
            return 0;
    /*  Longer than necessary, a surrogate, or beyond the last code point.  */
    if ((c >= 0x80 && c < 0xc2) || c > 0xf4 || (c == 0xe0 && at_[1] < 0xa0)
        || (c == 0xed && at_[1] > 0x9f) || (c == 0xf0 && at_[1] < 0x90)
        || (c == 0xf4 && at_[1] > 0x8f))
        return 0;
    return len;
}

static void write_text (const char *text_)
{
    const unsigned char *at = (const unsigned char *) text_;
    size_t len;

    putchar ('"');
    for (; *at != '\0'; at += len == 0 ? 1 : len) {
        len = sequence (at);
        if (len == 0)
            fputs ("\\ufffd", stdout);
        else if (control_at (at) != 0)
            printf ("\\u%04x", control_at (at));
        else
            printf ("%s%.*s", *at == '"' || *at == '\\' ? "\\" : "", (int) len,
                    (const char *) at);
    }
    putchar ('"');
}

static void write_number (char type_, long number_)
{
    if (type_ == 'i')
        printf ("%ld", number_);
    else if (number_ < 0)
        fputs ("null", stdout);
    else
        printf ("%ld.%03ld", number_ / 1000, number_ % 1000);
}

static void write_value (char type_, va_list *args_)
{
    const char *const text = type_ == 's' ? va_arg (*args_, const char *) : "";
    const int flag = type_ == 'b' || type_ == 'o' ? va_arg (*args_, int) : 0;

    if (type_ == 'i' || type_ == 'm')
        write_number (type_, va_arg (*args_, long));
    else if (type_ == 'n' || text == NULL || flag < 0)
        fputs ("null", stdout);
    else if (type_ == 's')
        write_text (text);
    else
        fputs (flag != 0 ? "true" : "false", stdout);
}

/*  Writes what comes before a closing bracket, or before a value: its name of 'len_'
    bytes, if it has one.  */
static void write_start (bool ends_, const char *name_, int len_)
{
    depth -= ends_ ? 1 : 0;
    if (filled && !ends_)
        putchar (',');
    if (ends_ ? filled : depth > 0)
        printf ("\n%*s", (int) (2 * depth), "");
    if (len_ > 0)
        printf ("\"%.*s\": ", len_, name_);
}

void json (const char *format_, ...)
{
    va_list args;

    va_start (args, format_);
    for (; *format_ != '\0'; format_ += *format_ == ' ') {
        const size_t len = strcspn (format_, "=[]{}");
        const char sign = format_[len];
        write_start (sign == ']' || sign == '}', format_, (int) len);
        format_ += len + 1;
        filled = sign != '[' && sign != '{';
        if (sign == '=')
            write_value (*format_++, &args);
        else
            putchar (sign);
        depth += filled ? 0 : 1;
        if (depth == 0)
            putchar ('\n');
    }
    va_end (args);
}
