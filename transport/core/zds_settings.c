/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_settings.h"

#include <string.h>

#include "zds_race.h"
#include "zds_resolver.h"

static const char separators[] = ", \t\r\n";

static bool is_word (const char *text_, size_t len_, const char *word_)
{
    return strlen (word_) == len_ && memcmp (text_, word_, len_) == 0;
}

/*  NAME=NUMBER, within its bounds.  */
static bool
take_number (zds_settings_t *settings_, const char *text_, size_t len_)
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
        const size_t name_len = strlen (numbers[i].name);
        const char *at = text_ + name_len;
        unsigned value = 0;
        if (len_ <= name_len || memcmp (text_, numbers[i].name, name_len) != 0)
            continue;
        for (; at < text_ + len_; at++) {
            if (*at < '0' || *at > '9')
                return false;
            value = value * 10 + (unsigned) (*at - '0');
            if (value > numbers[i].max)
                return false;
        }
        if (value < numbers[i].min)
            return false;
        *numbers[i].value = value;
        return true;
    }
    return false;
}

/*  trace or trace=FILE.  */
static bool
take_trace (zds_settings_t *settings_, const char *text_, size_t len_)
{
    static const char name[] = "trace";
    const size_t name_len = sizeof name - 1;
    size_t file_len;

    if (len_ < name_len || memcmp (text_, name, name_len) != 0)
        return false;
    file_len = len_ - name_len;
    if (file_len > 0) {
        /*  The = counts for the final NUL.  */
        if (text_[name_len] != '=' || file_len == 1
            || file_len > sizeof settings_->trace_file)
            return false;
        file_len--;
    }
    memcpy (settings_->trace_file, text_ + len_ - file_len, file_len);
    settings_->trace_file[file_len] = '\0';
    settings_->trace = true;
    return true;
}

static void note (char *list_, size_t size_, const char *text_, size_t len_)
{
    const size_t used = strlen (list_);
    const size_t gap = used > 0 ? 1 : 0;

    if (used + gap + 1 >= size_)
        return;
    if (len_ > size_ - used - gap - 1)
        len_ = size_ - used - gap - 1;
    memcpy (list_ + used, " ", gap);
    memcpy (list_ + used + gap, text_, len_);
    list_[used + gap + len_] = '\0';
}

void zds_settings_parse (zds_settings_t *settings_,
                         const char *text_,
                         char *unknown_,
                         size_t size_)
{
    const char *at = text_ == NULL ? "" : text_;

    zds_race_config_t recommended;

    zds_race_config_default (&recommended);
    settings_->off = false;
    settings_->trace = false;
    settings_->trace_file[0] = '\0';
    settings_->attempt_delay = recommended.attempt_delay;
    settings_->resolution_delay = recommended.resolution_delay;
    settings_->resolver_threads = ZDS_RESOLVER_THREADS;
    unknown_[0] = '\0';
    for (;;) {
        size_t len;

        at += strspn (at, separators);
        len = strcspn (at, separators);
        if (len == 0)
            return;
        if (is_word (at, len, "off"))
            settings_->off = true;
        else if (!take_number (settings_, at, len)
                 && !take_trace (settings_, at, len))
            note (unknown_, size_, at, len);
        at += len;
    }
}

zds_mode_t zds_settings_mode (const zds_settings_t *settings_)
{
    return settings_->off ? ZDS_MODE_V4 : ZDS_MODE_AUTO;
}
