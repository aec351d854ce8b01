/* SPDX-License-Identifier: MPL-2.0 */

#include "zds_settings.h"

#include <stdio.h>
#include <string.h>

#include "zds_race.h"

static const char separators[] = ", \t\r\n";

/*  A word of a text.  */
typedef struct
{
    const char *at;
    size_t len;
} word_t;

static bool is_word (const word_t *word_, const char *text_)
{
    return strlen (text_) == word_->len
           && memcmp (word_->at, text_, word_->len) == 0;
}

static bool begins_with (const word_t *word_, const char *text_)
{
    return word_->len >= strlen (text_)
           && memcmp (word_->at, text_, strlen (text_)) == 0;
}

/*  Finds the next word from 'at_' on; false if there is none before 'end_'.  */
static bool next_word (word_t *word_, const char *at_, const char *end_)
{
    while (at_ < end_ && strchr (separators, *at_) != NULL)
        at_++;
    word_->at = at_;
    while (at_ < end_ && strchr (separators, *at_) == NULL)
        at_++;
    word_->len = (size_t) (at_ - word_->at);
    return word_->len > 0;
}

typedef struct
{
    char *text;
    size_t size;
} complaint_t;

static void put (complaint_t *complaint_, const char *text_, size_t len_)
{
    const size_t used = strlen (complaint_->text);
    size_t i;

    for (i = 0; i < len_ && used + i + 1 < complaint_->size; i++)
        /*  It goes to a terminal.  */
        complaint_->text[used + i] =
          (unsigned char) text_[i] < ' ' || text_[i] == 0x7f ? '?' : text_[i];
    complaint_->text[used + i] = '\0';
}

static void
complain (complaint_t *complaint_, const word_t *word_, const char *why_)
{
    if (complaint_->text[0] != '\0')
        put (complaint_, ", ", 2);
    put (complaint_, word_->at, word_->len);
    put (complaint_, why_, strlen (why_));
}

/*  Digits; more than 'max_' for anything else.  */
static unsigned number_of (const char *at_, const char *end_, unsigned max_)
{
    unsigned value = 0;

    if (at_ == end_)
        return max_ + 1;
    for (; at_ < end_ && value <= max_; at_++) {
        if (*at_ < '0' || *at_ > '9')
            return max_ + 1;
        value = value * 10 + (unsigned) (*at_ - '0');
    }
    return value;
}

/*  NAME=NUMBER, within its bounds; false: no such name.  */
static bool take_number (zds_settings_t *settings_,
                         const word_t *word_,
                         complaint_t *complaint_)
{
    const struct
    {
        const char *name;
        unsigned *value, min, max;
    } numbers[] = {
      {"attempt-delay=", &settings_->attempt_delay, ZDS_RACE_MIN_ATTEMPT_DELAY,
       ZDS_RACE_MAX_ATTEMPT_DELAY},
      {"resolution-delay=", &settings_->resolution_delay, 0,
       ZDS_RACE_MAX_RESOLUTION_DELAY},
      {"resolver-threads=", &settings_->resolver_threads, 1,
       ZDS_RESOLVER_MAX_THREADS},
    };
    size_t i;

    for (i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        unsigned value;
        char why[64];
        if (!begins_with (word_, numbers[i].name))
            continue;
        value = number_of (word_->at + strlen (numbers[i].name),
                           word_->at + word_->len, numbers[i].max);
        if (value >= numbers[i].min && value <= numbers[i].max)
            *numbers[i].value = value;
        else {
            snprintf (why, sizeof why, " (out of bounds %u..%u)",
                      numbers[i].min, numbers[i].max);
            complain (complaint_, word_, why);
        }
        return true;
    }
    return false;
}

/*  trace or trace=FILE.  */
static bool take_trace (zds_settings_t *settings_, const word_t *word_)
{
    const bool has_file = begins_with (word_, "trace=");
    const size_t before = strlen (has_file ? "trace=" : "trace");
    const size_t len = word_->len - before;

    if (!is_word (word_, "trace")
        && (!has_file || len == 0 || len >= ZDS_TRACE_FILE_SIZE))
        return false;
    memcpy (settings_->trace_file, word_->at + before, len);
    settings_->trace_file[len] = '\0';
    settings_->trace = true;
    return true;
}

static void take_words (zds_settings_t *settings_,
                        const char *at_,
                        const char *end_,
                        complaint_t *complaint_)
{
    word_t word = {at_, 0};

    while (next_word (&word, word.at + word.len, end_))
        if (is_word (&word, "off") || is_word (&word, "on"))
            settings_->off = is_word (&word, "off");
        else if (is_word (&word, "any"))
            settings_->any = true;
        else if (!take_number (settings_, &word, complaint_)
                 && !take_trace (settings_, &word))
            complain (complaint_, &word, " (not known)");
}

void zds_settings_default (zds_settings_t *settings_)
{
    zds_race_config_t recommended;

    zds_race_config_default (&recommended);
    memset (settings_, 0, sizeof *settings_);
    settings_->attempt_delay = recommended.attempt_delay;
    settings_->resolution_delay = recommended.resolution_delay;
    settings_->resolver_threads = ZDS_RESOLVER_THREADS;
}

void zds_settings_words (zds_settings_t *settings_,
                         const char *text_,
                         char *complaint_,
                         size_t size_)
{
    complaint_t complaint = {complaint_, size_};

    if (text_ != NULL)
        take_words (settings_, text_, text_ + strlen (text_), &complaint);
}

/*  Whether a line is [NAME], and for whom: '*applies_'.  */
static bool is_section (const word_t *line_,
                        const char *file_,
                        const char *title_,
                        bool *applies_)
{
    word_t name = {line_->at + 1, line_->len - 2};

    if (line_->len < 3 || line_->at[0] != '['
        || line_->at[line_->len - 1] != ']')
        return false;
    *applies_ = file_ != NULL && is_word (&name, file_);
    if (title_ == NULL || *applies_)
        return true;
    if (name.len > ZDS_TITLE_LENGTH)
        name.len = ZDS_TITLE_LENGTH;
    *applies_ = is_word (&name, title_);
    return true;
}

/*  Without the blanks and the comment at its end.  */
static word_t strip (const char *at_, const char *end_)
{
    word_t line, word = {at_, 0};

    while (next_word (&word, word.at + word.len, end_) && word.at[0] != '#')
        ;
    line.at = at_ + strspn (at_, " \t");
    line.len = line.at < word.at ? (size_t) (word.at - line.at) : 0;
    while (line.len > 0 && strchr (separators, line.at[line.len - 1]) != NULL)
        line.len--;
    return line;
}

void zds_settings_file (zds_settings_t *settings_,
                        const char *text_,
                        const char *file_,
                        const char *title_,
                        char *complaint_,
                        size_t size_)
{
    complaint_t complaint = {complaint_, size_};
    const char *at = text_;
    bool applies = true;

    while (*at != '\0') {
        const char *const end = at + strcspn (at, "\n");
        const word_t line = strip (at, end);
        if (is_section (&line, file_, title_, &applies))
            ;
        else if (line.len > 0 && line.at[0] == '[')
            complain (&complaint, &line, " (not known)");
        else if (applies)
            take_words (settings_, line.at, line.at + line.len, &complaint);
        at = end + (*end == '\n');
    }
}

zds_mode_t zds_settings_mode (const zds_settings_t *settings_)
{
    return settings_->off ? ZDS_MODE_V4 : ZDS_MODE_AUTO;
}
