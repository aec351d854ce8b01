/* SPDX-License-Identifier: MPL-2.0 */

#include "json.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static unsigned depth;
static bool filled; /* something stands in what is open */

/*  The bytes of a UTF-8 sequence at '*at_'; 0 if it is none (RFC 3629).  */
static size_t sequence (const unsigned char *at_)
{
    const unsigned char c = at_[0];
    const size_t len = c < 0x80                 ? 1
                       : c >= 0xc2 && c <= 0xdf ? 2
                       : c >= 0xe0 && c <= 0xef ? 3
                       : c >= 0xf0 && c <= 0xf4 ? 4
                                                : 0;
    size_t i;

    for (i = 1; i < len; i++)
        if ((at_[i] & 0xc0) != 0x80)
            return 0;
    /*  Too long for what it says, a surrogate, beyond the last code point.  */
    if ((c == 0xe0 && at_[1] < 0xa0) || (c == 0xed && at_[1] > 0x9f)
        || (c == 0xf0 && at_[1] < 0x90) || (c == 0xf4 && at_[1] > 0x8f))
        return 0;
    return len;
}

static void write_text (const char *text_)
{
    const unsigned char *at = (const unsigned char *) text_;

    putchar ('"');
    while (*at != '\0') {
        const size_t len = sequence (at);
        if (len == 0)
            fputs ("\\ufffd", stdout);
        else if (*at < 0x20 || *at == 0x7f)
            printf ("\\u%04x", *at);
        else if (*at == 0xc2 && at[1] < 0xa0) /* U+0080 to U+009F */
            printf ("\\u%04x", at[1]);
        else if (*at == '"' || *at == '\\')
            printf ("\\%c", *at);
        else
            fwrite (at, 1, len, stdout);
        at += len == 0 ? 1 : len;
    }
    putchar ('"');
}

static void write_value (char type_, va_list *args_)
{
    const char *const text = type_ == 's' ? va_arg (*args_, const char *) : "";
    const int flag = type_ == 'b' || type_ == 'o' ? va_arg (*args_, int) : 0;
    const long number =
      type_ == 'i' || type_ == 'm' ? va_arg (*args_, long) : 0;

    if (type_ == 'n' || text == NULL || flag < 0)
        fputs ("null", stdout);
    else if (type_ == 's')
        write_text (text);
    else if (type_ == 'i')
        printf ("%ld", number);
    else if (type_ == 'm')
        printf ("%ld.%03ld", number / 1000, number % 1000);
    else
        fputs (flag != 0 ? "true" : "false", stdout);
}

static void new_line (void)
{
    printf ("\n%*s", (int) (2 * depth), "");
}

void json (const char *format_, ...)
{
    va_list args;

    va_start (args, format_);
    for (; *format_ != '\0'; format_ += *format_ == ' ') {
        const char *const name = format_;
        format_ += strcspn (format_, "=[]{}");
        if (*format_ == ']' || *format_ == '}') {
            depth--;
            if (filled)
                new_line ();
        } else {
            if (filled)
                putchar (',');
            if (depth > 0)
                new_line ();
            if (format_ > name)
                printf ("\"%.*s\": ", (int) (format_ - name), name);
        }
        filled = *format_ != '[' && *format_ != '{';
        if (*format_ == '=')
            write_value (*++format_, &args);
        else
            putchar (*format_);
        depth += filled ? 0 : 1;
        format_++;
        if (depth == 0)
            putchar ('\n');
    }
    va_end (args);
}
