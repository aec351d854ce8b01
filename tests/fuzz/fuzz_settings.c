/* SPDX-License-Identifier: MPL-2.0 */

/*  Any text as ZMQ_DUALSTACK: the numbers stay within their bounds, and what is
    not known is named.

    The input: a byte for the size of the buffer, then the text.  */

#include "fuzz.h"
#include "zds_race.h"
#include "zds_resolver.h"
#include "zds_settings.h"

enum
{
    LARGE = 4096
};

static const char separators[] = ", \t\r\n";

static void check_bounds (const zds_settings_t *settings_)
{
    MUST (settings_->attempt_delay >= ZDS_RACE_MIN_ATTEMPT_DELAY
            && settings_->attempt_delay <= ZDS_RACE_MAX_ATTEMPT_DELAY,
          "attempt-delay");
    MUST (settings_->resolution_delay <= ZDS_RACE_MAX_RESOLUTION_DELAY,
          "resolution-delay");
    MUST (settings_->resolver_threads >= 1
            && settings_->resolver_threads <= ZDS_RESOLVER_MAX_THREADS,
          "resolver-threads");
    MUST (zds_settings_mode (settings_)
            == (settings_->off ? ZDS_MODE_V4 : ZDS_MODE_AUTO),
          "the mode");
}

static bool has_word (const char *text_, const char *word_, size_t len_)
{
    for (text_ += strspn (text_, separators); *text_ != '\0';
         text_ += strspn (text_, separators)) {
        const size_t len = strcspn (text_, separators);
        if (len == len_ && memcmp (text_, word_, len) == 0)
            return true;
        text_ += len;
    }
    return false;
}

/*  Every word that is not known is one of the text, and none is known when it
    stands alone.  */
static void check_unknown (const char *unknown_, const char *text_)
{
    char again[LARGE];
    zds_settings_t settings;
    const char *at = unknown_;

    while (*at != '\0') {
        const size_t len = strcspn (at, " ");
        MUST (len > 0 && has_word (text_, at, len), "a word that is not there");
        at += len;
        at += *at == ' ';
    }
    zds_settings_parse (&settings, unknown_, again, sizeof again);
    MUST (strcmp (again, unknown_) == 0,
          "a word that is known at second sight");
    MUST (!settings.off && settings.attempt_delay == 250
            && settings.resolution_delay == 50
            && settings.resolver_threads == ZDS_RESOLVER_THREADS,
          "a word that is not known and counts");
}

/*  The list is cut to the buffer, and nothing is written behind it.  */
static void
check_small_buffer (const char *text_, const char *unknown_, size_t size_)
{
    char *const small = malloc (size_);
    zds_settings_t settings;

    if (small == NULL)
        abort ();
    zds_settings_parse (&settings, text_, small, size_);
    MUST (memchr (small, '\0', size_) != NULL, "a list without an end");
    MUST (strncmp (small, unknown_, strlen (small)) == 0, "another list");
    free (small);
}

static void check_off_is_heard (const char *text_)
{
    const size_t len = strlen (text_);
    char *const more = malloc (len + 5);
    char unknown[LARGE];
    zds_settings_t settings;

    if (more == NULL)
        abort ();
    memcpy (more, text_, len);
    memcpy (more + len, ",off", 5);
    zds_settings_parse (&settings, more, unknown, sizeof unknown);
    MUST (settings.off, "off, not heard");
    free (more);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, data + (size < LARGE / 2 ? size : LARGE / 2)};
    const size_t small = 1 + byte_of (&input) % 160;
    char text[LARGE], unknown[LARGE];
    zds_settings_t settings;
    size_t i = 0;

    /*  Newlines are separators here.  */
    while (!is_at_end (&input)) {
        text[i] = (char) byte_of (&input);
        if (text[i++] == '\0')
            break;
    }
    text[i] = '\0';
    zds_settings_parse (&settings, text, unknown, sizeof unknown);
    MUST (memchr (unknown, '\0', sizeof unknown) != NULL, "no end");
    check_bounds (&settings);
    MUST (!settings.off || has_word (text, "off", 3), "off, not asked for");
    check_unknown (unknown, text);
    check_small_buffer (text, unknown, small);
    check_off_is_heard (text);
    return 0;
}
