/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "json.h"

#include <stddef.h>

void json_init (json_t *json_, FILE *out_)
{
    json_->out = out_;
    json_->depth = 0;
    json_->empty = true;
}

static void new_line (json_t *json_)
{
    fprintf (json_->out, "\n%*s", (int) (2 * json_->depth), "");
}

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

static void write_text (json_t *json_, const char *text_)
{
    const unsigned char *at = (const unsigned char *) text_;

    fputc ('"', json_->out);
    while (*at != '\0') {
        const size_t len = sequence (at);
        if (len == 0)
            fputs ("\\ufffd", json_->out);
        else if (*at < 0x20 || *at == 0x7f)
            fprintf (json_->out, "\\u%04x", *at);
        else if (*at == 0xc2 && at[1] < 0xa0) /* U+0080 to U+009F */
            fprintf (json_->out, "\\u%04x", at[1]);
        else if (*at == '"' || *at == '\\')
            fprintf (json_->out, "\\%c", *at);
        else
            fwrite (at, 1, len, json_->out);
        at += len == 0 ? 1 : len;
    }
    fputc ('"', json_->out);
}

/*  What stands before a value.  */
static void begin (json_t *json_, const char *name_)
{
    if (!json_->empty)
        fputc (',', json_->out);
    if (json_->depth > 0)
        new_line (json_);
    json_->empty = false;
    if (name_ != NULL) {
        write_text (json_, name_);
        fputs (": ", json_->out);
    }
}

void json_open (json_t *json_, const char *name_, char bracket_)
{
    begin (json_, name_);
    fputc (bracket_, json_->out);
    json_->depth++;
    json_->empty = true;
}

void json_close (json_t *json_, char bracket_)
{
    json_->depth--;
    if (!json_->empty)
        new_line (json_);
    fputc (bracket_, json_->out);
    json_->empty = false;
    if (json_->depth == 0)
        fputc ('\n', json_->out);
}

void json_string (json_t *json_, const char *name_, const char *text_)
{
    begin (json_, name_);
    if (text_ == NULL)
        fputs ("null", json_->out);
    else
        write_text (json_, text_);
}

void json_bool (json_t *json_, const char *name_, bool value_)
{
    begin (json_, name_);
    fputs (value_ ? "true" : "false", json_->out);
}

void json_integer (json_t *json_, const char *name_, long value_)
{
    begin (json_, name_);
    fprintf (json_->out, "%ld", value_);
}

void json_ms (json_t *json_, const char *name_, long us_)
{
    begin (json_, name_);
    fprintf (json_->out, "%ld.%03ld", us_ / 1000, us_ % 1000);
}

void json_null (json_t *json_, const char *name_)
{
    json_string (json_, name_, NULL);
}
