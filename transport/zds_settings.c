/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_settings.h"

#include <string.h>

static const char separators[] = ", \t\r\n";

static bool is_word (const char *text_, size_t len_, const char *word_)
{
    return strlen (word_) == len_ && memcmp (text_, word_, len_) == 0;
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

    settings_->off = false;
    unknown_[0] = '\0';
    for (;;) {
        size_t len;

        at += strspn (at, separators);
        len = strcspn (at, separators);
        if (len == 0)
            return;
        if (is_word (at, len, "off"))
            settings_->off = true;
        else
            note (unknown_, size_, at, len);
        at += len;
    }
}

zds_mode_t zds_settings_mode (const zds_settings_t *settings_)
{
    return settings_->off ? ZDS_MODE_V4 : ZDS_MODE_AUTO;
}
