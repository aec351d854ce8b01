/* SPDX-License-Identifier: MPL-2.0 */

#include "zds_settings.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zds_race.h"

static const char separators[] = ", \t\r\n";

enum
{
    /*  Longer words are cut, since no known word is as long.  */
    WORD_SIZE = ZDS_TRACE_FILE_SIZE + 8
};

/*  Copies the next word; returns the rest of the text, NULL if there is no further
    word.  */
static const char *next_word (char word_[WORD_SIZE], const char *text_)
{
    const char *const begin = text_ + strspn (text_, separators);
    const size_t len = strcspn (begin, separators);

    snprintf (word_, WORD_SIZE, "%.*s", (int) len, begin);
    return len == 0 ? NULL : begin + len;
}

typedef struct
{
    char *text;
    size_t size;
} complaint_t;

static void
complain (complaint_t *complaint_, const char *word_, const char *why_)
{
    const size_t used = strlen (complaint_->text);
    char *at = complaint_->text + used;

    snprintf (at, complaint_->size - used, "%s%s%s", used == 0 ? "" : ", ",
              word_, why_);
    /*  The complaint goes to a terminal, so no control characters.  */
    for (; *at != '\0'; at++)
        if ((unsigned char) *at < ' ' || *at == 0x7f)
            *at = '?';
}

/*  The number; ULONG_MAX if the text is none.  */
static unsigned long number_of (const char *text_)
{
    const size_t len = strspn (text_, "0123456789");

    return len > 0 && text_[len] == '\0' ? strtoul (text_, NULL, 10)
                                         : ULONG_MAX;
}

/*  Takes NAME=NUMBER, if the number is within its bounds; false if that is not the
    name.  */
static bool take_number (unsigned *value_,
                         const char *word_,
                         const char *name_,
                         unsigned min_,
                         unsigned max_,
                         complaint_t *complaint_)
{
    const size_t len = strlen (name_);
    unsigned long value;
    char why[64];

    if (strncmp (word_, name_, len) != 0)
        return false;
    value = number_of (word_ + len);
    if (value >= min_ && value <= max_)
        *value_ = (unsigned) value;
    else {
        snprintf (why, sizeof why, " (out of bounds %u..%u)", min_, max_);
        complain (complaint_, word_, why);
    }
    return true;
}

/*  trace or trace=FILE.  */
static bool take_trace (zds_settings_t *settings_, const char *word_)
{
    static const char name[] = "trace=";
    const char *const file = word_ + sizeof name - 1;

    if (strcmp (word_, "trace") == 0)
        settings_->trace_file[0] = '\0';
    else if (strncmp (word_, name, sizeof name - 1) == 0 && *file != '\0'
             && strlen (file) < ZDS_TRACE_FILE_SIZE)
        strcpy (settings_->trace_file, file);
    else
        return false;
    settings_->trace = true;
    return true;
}

static void take_words (zds_settings_t *settings_,
                        const char *text_,
                        complaint_t *complaint_)
{
    char word[WORD_SIZE];

    while ((text_ = next_word (word, text_)) != NULL)
        if (strcmp (word, "off") == 0)
            settings_->off = true;
        else if (strcmp (word, "on") == 0)
            settings_->off = false;
        else if (strcmp (word, "any") == 0)
            settings_->any = true;
        else if (!take_number (&settings_->attempt_delay, word,
                               "attempt-delay=", ZDS_RACE_MIN_ATTEMPT_DELAY,
                               ZDS_RACE_MAX_ATTEMPT_DELAY, complaint_)
                 && !take_number (&settings_->resolution_delay, word,
                                  "resolution-delay=", 0,
                                  ZDS_RACE_MAX_RESOLUTION_DELAY, complaint_)
                 && !take_number (&settings_->resolver_threads, word,
                                  "resolver-threads=", 1,
                                  ZDS_RESOLVER_MAX_THREADS, complaint_)
                 && !take_trace (settings_, word))
            complain (complaint_, word, " (not known)");
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
        take_words (settings_, text_, &complaint);
}

/*  Cuts off the comment and the blanks at both ends.  */
static char *strip (char *line_)
{
    char *end = line_ + strspn (line_, separators);

    while (*end != '\0' && *end != '#') {
        end += strcspn (end, separators);
        end += strspn (end, separators);
    }
    while (end > line_ && strchr (separators, end[-1]) != NULL)
        end--;
    *end = '\0';
    return line_ + strspn (line_, " \t");
}

/*  Whether a line is [NAME], and in '*applies_' whether that is this program.
    Changes the line.  */
static bool
is_section (char *line_, const char *file_, const char *title_, bool *applies_)
{
    const size_t len = strlen (line_);

    if (len < 3 || line_[0] != '[' || line_[len - 1] != ']')
        return false;
    line_[len - 1] = '\0';
    *applies_ =
      (file_ != NULL && strcmp (line_ + 1, file_) == 0)
      || (title_ != NULL && strncmp (line_ + 1, title_, ZDS_TITLE_LENGTH) == 0);
    return true;
}

void zds_settings_file (zds_settings_t *settings_,
                        char *text_,
                        const char *file_,
                        const char *title_,
                        char *complaint_,
                        size_t size_)
{
    complaint_t complaint = {complaint_, size_};
    bool applies = true;

    while (*text_ != '\0') {
        char *const end = text_ + strcspn (text_, "\n");
        char *const next = end + (*end == '\n');
        char *line;
        *end = '\0';
        line = strip (text_);
        if (is_section (line, file_, title_, &applies))
            ;
        else if (line[0] == '[')
            complain (&complaint, line, " (not known)");
        else if (applies)
            take_words (settings_, line, &complaint);
        text_ = next;
    }
}
