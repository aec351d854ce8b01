/* SPDX-License-Identifier: MPL-2.0 */

/*  Writes one JSON text (RFC 8259) to stdout.  */

#ifndef JSON_H_INCLUDED
#define JSON_H_INCLUDED

/*  Writes what the words of 'format_' say, separated by blanks:
        {  [  NAME{  NAME[   opens an object or an array, as a member if it has a name
        }  ]                 closes it
        NAME=T  =T           a value; T says which argument it has: s a text (NULL is
                             null; bytes that are not UTF-8 become U+FFFD), b a bool,
                             o an int that is null below 0 and else a bool, i a long, n null,
                             m a long of microseconds, written in milliseconds.  */
void json (const char *format_, ...);

#endif
