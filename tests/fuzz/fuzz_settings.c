/* SPDX-License-Identifier: MPL-2.0 */

/*  Any text as ZMQ_DUALSTACK: the numbers stay within their bounds, and unknown words
    are named.

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

/*  Nothing is written past the buffer's end, and no control character into it.  */
static void
check_small_buffer (const char *text_, const char *complaint_, size_t size_)
{
    char *const small = malloc (size_);
    zds_settings_t settings;
    const char *at;

    if (small == NULL)
        abort ();
    small[0] = '\0';
    zds_settings_default (&settings);
    zds_settings_words (&settings, text_, small, size_);
    MUST (memchr (small, '\0', size_) != NULL, "a list without an end");
    MUST (strncmp (small, complaint_, strlen (small)) == 0, "another list");
    for (at = small; *at != '\0'; at++)
        MUST ((unsigned char) *at >= ' ' && *at != 0x7f, "a control character");
    free (small);
}

/*  As a settings file: another program's section has no effect, and a file without
    sections and comments means the same as its words.  */
static void check_file (const char *text_)
{
    char *const more = malloc (strlen (text_) + 16);
    char complaint[LARGE] = "", words[LARGE] = "";
    zds_settings_t settings, plain, none;

    if (more == NULL)
        abort ();
    zds_settings_default (&settings);
    zds_settings_default (&plain);
    zds_settings_default (&none);
    strcpy (more, text_);
    zds_settings_file (&settings, more, "prog", "a script", complaint,
                       sizeof complaint);
    check_bounds (&settings);
    zds_settings_words (&plain, text_, words, sizeof words);
    if (strpbrk (text_, "#[") == NULL)
        MUST (memcmp (&settings, &plain, sizeof plain) == 0
                && strcmp (complaint, words) == 0,
              "a file that is not its words");
    if (strchr (text_, '[') == NULL) {
        sprintf (more, "[other]\n%s", text_);
        zds_settings_default (&settings);
        zds_settings_file (&settings, more, "prog", "a script", complaint,
                           sizeof complaint);
        MUST (memcmp (&settings, &none, sizeof none) == 0,
              "another program's section");
    }
    free (more);
}

static void check_off_is_heard (const char *text_)
{
    const size_t len = strlen (text_);
    char *const more = malloc (len + 5);
    char complaint[LARGE] = "";
    zds_settings_t settings;

    if (more == NULL)
        abort ();
    memcpy (more, text_, len);
    memcpy (more + len, ",off", 5);
    zds_settings_default (&settings);
    zds_settings_words (&settings, more, complaint, sizeof complaint);
    MUST (settings.off, "off, not heard");
    free (more);
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    input_t input = {data, data + (size < LARGE / 2 ? size : LARGE / 2)};
    const size_t small = 1 + byte_of (&input) % 160;
    char text[LARGE], complaint[LARGE] = "";
    zds_settings_t settings;
    size_t i = 0;

    /*  Newlines are separators here.  */
    while (!is_at_end (&input)) {
        text[i] = (char) byte_of (&input);
        if (text[i++] == '\0')
            break;
    }
    text[i] = '\0';
    zds_settings_default (&settings);
    zds_settings_words (&settings, text, complaint, sizeof complaint);
    check_bounds (&settings);
    MUST (!settings.off || has_word (text, "off", 3), "off, not asked for");
    check_small_buffer (text, complaint, small);
    check_off_is_heard (text);
    check_file (text);
    return 0;
}
