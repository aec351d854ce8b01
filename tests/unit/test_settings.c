/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"
#include "zds_settings.h"

static void test_words (void **state_)
{
    static const struct
    {
        const char *text;
        bool off;
        const char *unknown;
    } rows[] = {
      {NULL, false, ""},
      {"", false, ""},
      {" ,\t\n,", false, ""},
      {"off", true, ""},
      {"off,off", true, ""},
      {" off ", true, ""},
      {"OFF", false, "OFF"},
      {"of", false, "of"},
      {"offf", false, "offf"},
      {"on", false, "on"},
      {"on,off", true, "on"},
      {"colour=red, off x;y", true, "colour=red x;y"},
      {"off;x", false, "off;x"},
    };
    char unknown[64];
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_settings_t settings;
        zds_settings_parse (&settings, rows[i].text, unknown, sizeof unknown);
        assert_int_equal (settings.off, rows[i].off);
        if (strcmp (unknown, rows[i].unknown) != 0)
            fail_msg ("\"%s\": unknown \"%s\"", rows[i].text, unknown);
        assert_int_equal (zds_settings_mode (&settings),
                          rows[i].off ? ZDS_MODE_V4 : ZDS_MODE_AUTO);
    }
}

static void test_numbers (void **state_)
{
    static const struct
    {
        const char *text;
        unsigned attempt_delay, resolution_delay, threads;
        const char *unknown;
    } rows[] = {
      /*  RFC 8305 section 8.  */
      {"", 250, 50, 8, ""},
      {"attempt-delay=100", 100, 50, 8, ""},
      {"attempt-delay=10", 10, 50, 8, ""},
      {"attempt-delay=9", 250, 50, 8, "attempt-delay=9"},
      {"attempt-delay=0", 250, 50, 8, "attempt-delay=0"},
      {"attempt-delay=2000", 2000, 50, 8, ""},
      {"attempt-delay=2001", 250, 50, 8, "attempt-delay=2001"},
      {"attempt-delay=", 250, 50, 8, "attempt-delay="},
      {"attempt-delay", 250, 50, 8, "attempt-delay"},
      {"attempt-delay=+100", 250, 50, 8, "attempt-delay=+100"},
      {"attempt-delay=-1", 250, 50, 8, "attempt-delay=-1"},
      {"attempt-delay=1e2", 250, 50, 8, "attempt-delay=1e2"},
      {"attempt-delay=4294967546", 250, 50, 8, "attempt-delay=4294967546"},
      {"attempt-delay=99999999999999999999", 250, 50, 8,
       "attempt-delay=99999999999999999999"},
      {"attempt-delay=0100", 100, 50, 8, ""},
      {"attempt-delay=100,attempt-delay=300", 300, 50, 8, ""},
      {"resolution-delay=0", 250, 0, 8, ""},
      {"resolution-delay=2000", 250, 2000, 8, ""},
      {"resolution-delay=2001", 250, 50, 8, "resolution-delay=2001"},
      {"resolver-threads=1", 250, 50, 1, ""},
      {"resolver-threads=64", 250, 50, 64, ""},
      {"resolver-threads=0", 250, 50, 8, "resolver-threads=0"},
      {"resolver-threads=65", 250, 50, 8, "resolver-threads=65"},
      {"off attempt-delay=20 x resolution-delay=30", 20, 30, 8, "x"},
    };
    char unknown[64];
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_settings_t settings;
        zds_settings_parse (&settings, rows[i].text, unknown, sizeof unknown);
        if (settings.attempt_delay != rows[i].attempt_delay
            || settings.resolution_delay != rows[i].resolution_delay
            || settings.resolver_threads != rows[i].threads
            || strcmp (unknown, rows[i].unknown) != 0)
            fail_msg ("\"%s\": %u %u %u, unknown \"%s\"", rows[i].text,
                      settings.attempt_delay, settings.resolution_delay,
                      settings.resolver_threads, unknown);
    }
}

/*  D-3.  */
static void test_trace (void **state_)
{
    static const struct
    {
        const char *text;
        bool trace;
        const char *file;
        const char *unknown;
    } rows[] = {
      {"off", false, "", ""},
      {"trace", true, "", ""},
      {"off,trace", true, "", ""},
      {"trace=/var/log/x", true, "/var/log/x", ""},
      {"trace=a=b,off", true, "a=b", ""},
      {"trace=x trace=y", true, "y", ""},
      {"trace=x trace", true, "", ""},
      {"trace=", false, "", "trace="},
      {"tracer", false, "", "tracer"},
      {"trac", false, "", "trac"},
      {"trace:x", false, "", "trace:x"},
    };
    char unknown[ZDS_TRACE_FILE_SIZE + 8], text[ZDS_TRACE_FILE_SIZE + 8];
    zds_settings_t settings;
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_settings_parse (&settings, rows[i].text, unknown, sizeof unknown);
        if (settings.trace != rows[i].trace
            || strcmp (settings.trace_file, rows[i].file) != 0
            || strcmp (unknown, rows[i].unknown) != 0)
            fail_msg ("\"%s\": %d \"%s\", unknown \"%s\"", rows[i].text,
                      settings.trace, settings.trace_file, unknown);
    }

    /*  A name that is just not too long, and one that is.  */
    memset (text, 'x', sizeof text);
    memcpy (text, "trace=", 6);
    text[6 + ZDS_TRACE_FILE_SIZE - 1] = '\0';
    zds_settings_parse (&settings, text, unknown, sizeof unknown);
    assert_string_equal (settings.trace_file, text + 6);
    text[6 + ZDS_TRACE_FILE_SIZE - 1] = 'x';
    text[6 + ZDS_TRACE_FILE_SIZE] = '\0';
    zds_settings_parse (&settings, text, unknown, sizeof unknown);
    assert_false (settings.trace);
    assert_string_equal (unknown, text);
}

static void test_a_long_complaint_is_cut (void **state_)
{
    /*  By the size of the buffer; a blank needs a letter behind it.  */
    static const char *const expected[] = {"",    "a",     "ab",    "abc",
                                           "abc", "abc d", "abc de"};
    zds_settings_t settings;
    char unknown[8];
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (expected); i++) {
        memset (unknown, 'x', sizeof unknown);
        zds_settings_parse (&settings, "abc def off ghi", unknown, i + 1);
        assert_true (settings.off);
        assert_string_equal (unknown, expected[i]);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_words),
      cmocka_unit_test (test_numbers),
      cmocka_unit_test (test_trace),
      cmocka_unit_test (test_a_long_complaint_is_cut),
    };
    return cmocka_run_group_tests_name ("settings", tests, NULL, NULL);
}
