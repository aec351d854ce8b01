/* SPDX-License-Identifier: MPL-2.0 */

/*  Any text in a line of the trace, at any time: it is one line, not longer than
    allowed, with the text in it and without control characters.

    The input: nine bytes for the time and the numbers, then the endpoint up to the
    end of the line, then the text.  */

#include "fuzz.h"

#include <inttypes.h>

#include "zds_trace.h"

enum
{
    LARGE = 16384
};

static size_t write_out (char *line_,
                         uint64_t time_,
                         unsigned long process_,
                         const zds_subject_t *subject_,
                         const char *text_)
{
    size_t used =
      (size_t) sprintf (line_, "%" PRIu64 ".%06u %lu ", time_ / 1000000,
                        (unsigned) (time_ % 1000000), process_);
    char raw[LARGE];
    size_t i;

    if (subject_->socket != 0)
        used += (size_t) snprintf (line_ + used, LARGE - used, "socket %u ",
                                   subject_->socket);
    snprintf (raw, sizeof raw, "%s %s://%s: %s", subject_->action,
              subject_->scheme, subject_->address, text_);
    for (i = 0; raw[i] != '\0' && used < LARGE - 8; i++) {
        const unsigned char c = (unsigned char) raw[i];
        if (c < ' ' || c == 0x7f)
            used +=
              (size_t) snprintf (line_ + used, LARGE - used, "\\x%02x", c);
        else
            line_[used++] = raw[i];
    }
    return used;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    static char expected[LARGE];
    input_t input = {data, data + size};
    uint64_t time = 0;
    unsigned long process;
    zds_subject_t subject;
    char *address, *text;
    char *const line = malloc (ZDS_TRACE_LINE_SIZE);
    size_t used, len, i;

    if (line == NULL)
        abort ();
    for (i = 0; i < 7; i++)
        time = time << 8 | byte_of (&input);
    process = byte_of (&input) * 257u;
    memset (&subject, 0, sizeof subject);
    subject.socket = byte_of (&input);
    subject.action = subject.socket % 2 == 0 ? "bind" : "connect";
    subject.scheme = "tcp";
    address = line_of (&input);
    text = line_of (&input);
    subject.address = address;
    /*  No trace is open, so this must do nothing.  */
    zds_trace_say (&subject, "%s", text);

    len = zds_trace_format (line, time, process, &subject, text);
    used = write_out (expected, time, process, &subject, text);
    MUST (len >= 1 && len <= ZDS_TRACE_LINE_SIZE && line[len - 1] == '\n',
          "the end of a line");
    for (i = 0; i + 1 < len; i++)
        MUST ((unsigned char) line[i] >= ' ' && line[i] != 0x7f,
              "a control character");
    if (used < ZDS_TRACE_LINE_SIZE - 1)
        MUST (len == used + 1 && memcmp (line, expected, used) == 0,
              "another line");
    else
        MUST (len == ZDS_TRACE_LINE_SIZE
                && memcmp (line, expected, len - 4) == 0
                && memcmp (line + len - 4, "...\n", 4) == 0,
              "another line, cut");
    free (address);
    free (text);
    free (line);
    return 0;
}
