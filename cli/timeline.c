/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "timeline.h"

#include <stdio.h>
#include <string.h>

enum
{
    INDENT = 2,
    MIN_BAR = 20,
    MAX_BAR = 200,
    TICK_GAP = 12 /* columns between two ticks of the axis, at least */
};

/*  What the rows have in common.  */
typedef struct
{
    const timeline_style_t *style;
    long total;
    unsigned label, bar; /* columns */
    bool stacked;        /* the bar is on a line of its own */
} canvas_t;

typedef struct
{
    const char *line, *end; /* of the bar, and its last column */
    const char *colour;
} look_t;

static look_t look_of (timeline_kind_t kind_, bool utf8_)
{
    static const look_t ascii[] = {{".", "|", "36"},
                                   {"-", "*", "32"},
                                   {"-", "x", "31"},
                                   {"-", "|", "33"},
                                   {"-", ">", "33"}};
    static const look_t utf8[] = {{"\xe2\x94\x84", "\xe2\x94\xa4", "36"},
                                  {"\xe2\x94\x80", "\xe2\x97\x8f", "32"},
                                  {"\xe2\x94\x80", "\xe2\x9c\x95", "31"},
                                  {"\xe2\x94\x80", "\xe2\x94\xa4", "33"},
                                  {"\xe2\x94\x80", "\xe2\x96\xb6", "33"}};

    return utf8_ ? utf8[kind_] : ascii[kind_];
}

void timeline_time (long us_, char *text_, size_t size_)
{
    if (us_ > 0 && us_ < 50)
        snprintf (text_, size_, "<0.1 ms");
    else if (us_ < 9950)
        snprintf (text_, size_, "%ld.%ld ms", (us_ + 50) / 1000,
                  (us_ + 50) / 100 % 10);
    else if (us_ < 9950000)
        snprintf (text_, size_, "%ld ms", (us_ + 500) / 1000);
    else
        snprintf (text_, size_, "%ld.%ld s", (us_ + 50000) / 1000000,
                  (us_ + 50000) / 100000 % 10);
}

static unsigned column_of (const canvas_t *canvas_, long us_)
{
    if (us_ >= canvas_->total)
        return canvas_->bar - 1;
    return (unsigned) ((double) us_ / (double) canvas_->total
                       * (canvas_->bar - 1));
}

static void blanks (unsigned count_)
{
    printf ("%*s", (int) count_, "");
}

/*  Up to the bar's end, so that the text behind it is aligned.  */
static void draw_bar (const canvas_t *canvas_, const timeline_row_t *row_)
{
    const look_t look = look_of (row_->kind, canvas_->style->utf8);
    const unsigned from = column_of (canvas_, row_->start);
    const unsigned to = column_of (canvas_, row_->end);
    unsigned i;

    blanks (from);
    if (canvas_->style->coloured)
        printf ("\033[%sm", look.colour);
    for (i = from; i < to; i++)
        fputs (look.line, stdout);
    fputs (look.end, stdout);
    if (canvas_->style->coloured)
        fputs ("\033[0m", stdout);
    if (!canvas_->stacked)
        blanks (canvas_->bar - 1 - to);
}

static void draw_row (const canvas_t *canvas_, const timeline_row_t *row_)
{
    if (canvas_->stacked) {
        printf ("%*s%s: %s\n%*s", INDENT, "", row_->label, row_->text, INDENT,
                "");
        draw_bar (canvas_, row_);
    } else {
        printf ("%*s%-*s ", INDENT, "", (int) canvas_->label, row_->label);
        draw_bar (canvas_, row_);
        printf (" %s", row_->text);
    }
    putchar ('\n');
}

/*  1, 2 or 5 times a power of ten, in us: few enough ticks to have room.  */
static long tick_of (const canvas_t *canvas_)
{
    static const long steps[] = {1, 2, 5};
    const unsigned ticks =
      canvas_->bar / TICK_GAP > 0 ? canvas_->bar / TICK_GAP : 1;
    long power = 100;
    unsigned i = 0;

    while (steps[i] * power * (long) ticks < canvas_->total) {
        i = (i + 1) % 3;
        if (i == 0)
            power *= 10;
    }
    return steps[i] * power;
}

static void draw_axis (const canvas_t *canvas_)
{
    const long tick = tick_of (canvas_);
    unsigned column = 0;
    long at;

    blanks (INDENT + (canvas_->stacked ? 0 : canvas_->label + 1));
    for (at = 0; at <= canvas_->total; at += tick) {
        const unsigned start = column_of (canvas_, at);
        char text[40] = "0";
        if (at > 0)
            timeline_time (at, text, sizeof text);
        if (start < column || start + strlen (text) > canvas_->bar)
            continue;
        blanks (start - column);
        fputs (text, stdout);
        column = start + (unsigned) strlen (text);
    }
    putchar ('\n');
}

static unsigned
longest (const timeline_row_t *rows_, size_t count_, bool labels_)
{
    size_t max = 0, i;

    for (i = 0; i < count_; i++) {
        const size_t len = strlen (labels_ ? rows_[i].label : rows_[i].text);
        if (len > max)
            max = len;
    }
    return (unsigned) max;
}

void timeline_draw (const timeline_row_t *rows_,
                    size_t count_,
                    long total_,
                    const timeline_style_t *style_)
{
    const unsigned text = longest (rows_, count_, false);
    canvas_t canvas = {style_, total_ > 0 ? total_ : 1, 0, 0, false};
    unsigned taken;
    size_t i;

    canvas.label = longest (rows_, count_, true);
    taken = INDENT + canvas.label + 1 + 1 + text;
    canvas.stacked = style_->width < taken + MIN_BAR;
    if (canvas.stacked)
        taken = INDENT;
    canvas.bar =
      style_->width > taken + MIN_BAR ? style_->width - taken : MIN_BAR;
    if (canvas.bar > MAX_BAR)
        canvas.bar = MAX_BAR;
    draw_axis (&canvas);
    for (i = 0; i < count_; i++)
        draw_row (&canvas, &rows_[i]);
}
