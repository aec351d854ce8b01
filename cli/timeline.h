/* SPDX-License-Identifier: MPL-2.0 */

/*  Draws what happened when, on a terminal.  */

#ifndef TIMELINE_H_INCLUDED
#define TIMELINE_H_INCLUDED

#include <stdbool.h>
#include <stddef.h>

#include "zds_addr.h"

typedef enum
{
    TIMELINE_ANSWER, /* a look-up, that ended or not */
    TIMELINE_WON,
    TIMELINE_FAILED,
    TIMELINE_CANCELLED,
    TIMELINE_RUNS /* had not ended */
} timeline_kind_t;

typedef struct
{
    char label[ZDS_ADDR_TEXT_SIZE];
    char text[80];
    long start, end; /* us */
    timeline_kind_t kind;
} timeline_row_t;

typedef struct
{
    unsigned width; /* columns */
    bool coloured, utf8;
} timeline_style_t;

/*  One row for each, over an axis from 0 to 'total_' us.  Where a row does not fit
    into a line, it has two.  */
void timeline_draw (const timeline_row_t *rows_,
                    size_t count_,
                    long total_,
                    const timeline_style_t *style_);

/*  "<0.1 ms", "0.3 ms", "250 ms", "10.0 s".  */
void timeline_time (long us_, char *text_, size_t size_);

#endif
