/* SPDX-License-Identifier: MPL-2.0 */

/*  What fuzz targets share: the input read piece by piece, and how to say that
    something is wrong.  */

#ifndef FUZZ_H_INCLUDED
#define FUZZ_H_INCLUDED

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zds_addr.h"

#define COUNT(array) (sizeof (array) / sizeof ((array)[0]))

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

typedef struct
{
    const uint8_t *at, *end;
} input_t;

/*  The next byte of the input; 0 after its end.  */
static inline unsigned byte_of (input_t *input_)
{
    return input_->at < input_->end ? *input_->at++ : 0;
}

static inline unsigned word_of (input_t *input_)
{
    const unsigned high = byte_of (input_);

    return high << 8 | byte_of (input_);
}

static inline bool is_at_end (const input_t *input_)
{
    return input_->at >= input_->end;
}

/*  The text up to the next newline (or NUL) or the end, malloc'ed in its exact
    size, so that a sanitizer sees a read beyond it.  */
static inline char *line_of (input_t *input_)
{
    const uint8_t *const begin = input_->at;
    size_t len = 0;
    char *line;

    while (begin + len < input_->end && begin[len] != '\n'
           && begin[len] != '\0')
        len++;
    input_->at += begin + len < input_->end ? len + 1 : len;
    line = malloc (len + 1);
    if (line == NULL)
        abort ();
    if (len > 0)
        memcpy (line, begin, len);
    line[len] = '\0';
    return line;
}

static inline void stop (const char *what_)
{
    fprintf (stderr, "wrong: %s\n", what_);
    abort ();
}

/*  Stops with the text, unless it is NULL: nothing is wrong.  */
static inline void check (const char *wrong_)
{
    if (wrong_ != NULL)
        stop (wrong_);
}

#define MUST(condition, what)                                                  \
    do {                                                                       \
        if (!(condition))                                                      \
            stop (what);                                                       \
    } while (0)

/*  An address from at most 17 bytes; the interesting ones are more likely than
    others.  */
static inline zds_addr_t addr_from (input_t *input_)
{
    static const uint8_t known6[][16] = {
      {0x20, 0x01, 0x0d, 0xb8, [15] = 1},
      {0x20, 0x01, 0x0d, 0xb8, [15] = 2},
      {[15] = 1},
      {0},
      {0xfe, 0x80, [15] = 1},
      {0xfe, 0x80, [15] = 2},
      {0xfd, [15] = 1},
      {0xfe, 0xc0, [15] = 1},
      {[10] = 0xff, 0xff, 192, 0, 2, 1},
    };
    static const uint32_t known4[] = {0xc0000201, 0xc0000202, 0x7f000001, 0};
    const unsigned kind = byte_of (input_) % 16;
    zds_addr_t addr;
    unsigned i;

    memset (&addr, 0, sizeof addr);
    if (kind < COUNT (known6)) {
        addr.v6.sin6_family = AF_INET6;
        memcpy (&addr.v6.sin6_addr, known6[kind], 16);
        if (kind == 4 || kind == 5)
            addr.v6.sin6_scope_id = kind;
    } else if (kind < 13) {
        addr.v4.sin_family = AF_INET;
        addr.v4.sin_addr.s_addr = htonl (known4[kind - COUNT (known6)]);
    } else if (kind < 15) {
        addr.v6.sin6_family = AF_INET6;
        for (i = 0; i < 16; i++)
            addr.v6.sin6_addr.s6_addr[i] = (uint8_t) byte_of (input_);
    } else {
        addr.v4.sin_family = AF_INET;
        addr.v4.sin_addr.s_addr =
          (uint32_t) word_of (input_) << 16 | word_of (input_);
    }
    return addr;
}

#endif
