/* SPDX-License-Identifier: MPL-2.0 */

/*  Writes JSON (RFC 8259), one value after the other.  */

#ifndef JSON_H_INCLUDED
#define JSON_H_INCLUDED

#include <stdbool.h>
#include <stdio.h>

typedef struct
{
    FILE *out;
    unsigned depth;
    bool empty; /* nothing was written yet into what is open */
} json_t;

/*  'name_' is that of a member of an object, NULL for an element of an array and
    for the outermost value.  */

void json_init (json_t *json_, FILE *out_);
void json_open (json_t *json_, const char *name_, char bracket_); /* { or [ */
void json_close (json_t *json_, char bracket_);                   /* } or ] */

/*  Bytes that are not UTF-8 become U+FFFD.  NULL is null.  */
void json_string (json_t *json_, const char *name_, const char *text_);
void json_bool (json_t *json_, const char *name_, bool value_);
void json_integer (json_t *json_, const char *name_, long value_);

/*  Microseconds as milliseconds.  */
void json_ms (json_t *json_, const char *name_, long us_);
void json_null (json_t *json_, const char *name_);

#endif
