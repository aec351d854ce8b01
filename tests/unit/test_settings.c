/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"
#include "zds_settings.h"

/*  The settings after these words alone.  */
static zds_settings_t
read_words (const char *text_, char *complaint_, size_t size_)
{
    zds_settings_t settings;

    complaint_[0] = '\0';
    zds_settings_default (&settings);
    zds_settings_words (&settings, text_, complaint_, size_);
    return settings;
}

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
      {"OFF", false, "OFF (not known)"},
      {"of", false, "of (not known)"},
      {"offf", false, "offf (not known)"},
      {"on", false, ""},
      {"on,off", true, ""},
      {"off,on", false, ""},
      {"a\x1b[2J", false, "a?[2J (not known)"},
      {"colour=red, off x;y", true, "colour=red (not known), x;y (not known)"},
      {"off;x", false, "off;x (not known)"},
    };
    char unknown[80];
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        const zds_settings_t settings =
          read_words (rows[i].text, unknown, sizeof unknown);
        assert_int_equal (settings.off, rows[i].off);
        if (strcmp (unknown, rows[i].unknown) != 0)
            fail_msg ("\"%s\": unknown \"%s\"", rows[i].text, unknown);
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
      {"attempt-delay=9", 250, 50, 8,
       "attempt-delay=9 (out of bounds 10..2000)"},
      {"attempt-delay=0", 250, 50, 8,
       "attempt-delay=0 (out of bounds 10..2000)"},
      {"attempt-delay=2000", 2000, 50, 8, ""},
      {"attempt-delay=2001", 250, 50, 8,
       "attempt-delay=2001 (out of bounds 10..2000)"},
      {"attempt-delay=", 250, 50, 8, "attempt-delay= (out of bounds 10..2000)"},
      {"attempt-delay", 250, 50, 8, "attempt-delay (not known)"},
      {"attempt-delay=+100", 250, 50, 8,
       "attempt-delay=+100 (out of bounds 10..2000)"},
      {"attempt-delay=-1", 250, 50, 8,
       "attempt-delay=-1 (out of bounds 10..2000)"},
      {"attempt-delay=1e2", 250, 50, 8,
       "attempt-delay=1e2 (out of bounds 10..2000)"},
      {"attempt-delay=4294967546", 250, 50, 8,
       "attempt-delay=4294967546 (out of bounds 10..2000)"},
      {"attempt-delay=99999999999999999999", 250, 50, 8,
       "attempt-delay=99999999999999999999 (out of bounds 10..2000)"},
      {"attempt-delay=0100", 100, 50, 8, ""},
      {"attempt-delay=100,attempt-delay=300", 300, 50, 8, ""},
      {"resolution-delay=0", 250, 0, 8, ""},
      {"resolution-delay=2000", 250, 2000, 8, ""},
      {"resolution-delay=2001", 250, 50, 8,
       "resolution-delay=2001 (out of bounds 0..2000)"},
      {"resolver-threads=1", 250, 50, 1, ""},
      {"resolver-threads=64", 250, 50, 64, ""},
      {"resolver-threads=0", 250, 50, 8,
       "resolver-threads=0 (out of bounds 1..64)"},
      {"resolver-threads=65", 250, 50, 8,
       "resolver-threads=65 (out of bounds 1..64)"},
      {"off attempt-delay=20 x resolution-delay=30", 20, 30, 8,
       "x (not known)"},
    };
    char unknown[80];
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        const zds_settings_t settings =
          read_words (rows[i].text, unknown, sizeof unknown);
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
      {"trace=", false, "", "trace= (not known)"},
      {"tracer", false, "", "tracer (not known)"},
      {"trac", false, "", "trac (not known)"},
      {"trace:x", false, "", "trace:x (not known)"},
    };
    char unknown[ZDS_TRACE_FILE_SIZE + 32], text[ZDS_TRACE_FILE_SIZE + 8];
    zds_settings_t settings;
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        settings = read_words (rows[i].text, unknown, sizeof unknown);
        if (settings.trace != rows[i].trace
            || strcmp (settings.trace_file, rows[i].file) != 0
            || strcmp (unknown, rows[i].unknown) != 0)
            fail_msg ("\"%s\": %d \"%s\", unknown \"%s\"", rows[i].text,
                      settings.trace, settings.trace_file, unknown);
    }

    /*  A name of the greatest length, and one that is longer.  */
    memset (text, 'x', sizeof text);
    memcpy (text, "trace=", 6);
    text[6 + ZDS_TRACE_FILE_SIZE - 1] = '\0';
    settings = read_words (text, unknown, sizeof unknown);
    assert_string_equal (settings.trace_file, text + 6);
    text[6 + ZDS_TRACE_FILE_SIZE - 1] = 'x';
    text[6 + ZDS_TRACE_FILE_SIZE] = '\0';
    settings = read_words (text, unknown, sizeof unknown);
    assert_false (settings.trace);
    assert_memory_equal (unknown, text, strlen (text));
}

static void test_a_long_complaint_is_cut (void **state_)
{
    static const char whole[] = "abc (not known), ghi (not known)";
    char complaint[sizeof whole];
    size_t size;
    (void) state_;

    for (size = 1; size <= sizeof whole; size++) {
        memset (complaint, 'x', sizeof complaint);
        assert_true (read_words ("abc off ghi", complaint, size).off);
        assert_int_equal (strlen (complaint), size - 1);
        assert_memory_equal (complaint, whole, size - 1);
    }
}

/*  D-4.  */
static void test_files (void **state_)
{
    static const struct
    {
        const char *text;
        bool off;
        unsigned attempt_delay;
        const char *complaint;
    } rows[] = {
      {"", false, 250, ""},
      {"off", true, 250, ""},
      {"off\r\nattempt-delay=100\r\n", true, 100, ""},
      {"# off\n\n  #off\nattempt-delay=20 # off", false, 20, ""},
      {"trace=/x#y off", true, 250, ""},
      {"[prog]\noff\n[other]\nattempt-delay=20\n", true, 250, ""},
      {"off\n[other]\non\n[prog] # ours\nattempt-delay=20\n", true, 20, ""},
      {"off\n  [prog]  \non", false, 250, ""},
      {"[a script with a long name]\noff", true, 250, ""},
      {"[a script with]\noff", false, 250, ""},
      {"[other]\nnonsense\n", false, 250, ""},
      {"[PROG]\noff", false, 250, ""},
      {"[]\noff", true, 250, "[] (not known)"},
      {"[other] off", false, 250, "[other] off (not known)"},
      {"[prog\noff", true, 250, "[prog (not known)"},
      {"nonsense\nattempt-delay=3", false, 250,
       "nonsense (not known), attempt-delay=3 (out of bounds 10..2000)"},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_settings_t settings;
        char complaint[80] = "";
        char text[200];
        assert_true (strlen (rows[i].text) < sizeof text);
        strcpy (text, rows[i].text);
        zds_settings_default (&settings);
        zds_settings_file (&settings, text, "prog", "a script with a",
                           complaint, sizeof complaint);
        if (settings.off != rows[i].off
            || settings.attempt_delay != rows[i].attempt_delay
            || strcmp (complaint, rows[i].complaint) != 0)
            fail_msg ("\"%s\": %d %u, \"%s\"", rows[i].text, settings.off,
                      settings.attempt_delay, complaint);
    }
}

static void test_the_environment_overrides_the_file (void **state_)
{
    zds_settings_t settings;
    char none[] = "[x]\non\n", text[] = "off attempt-delay=20 trace=x this";
    char complaint[80] = "";
    (void) state_;

    zds_settings_default (&settings);
    zds_settings_file (&settings, none, NULL, NULL, complaint,
                       sizeof complaint);
    zds_settings_file (&settings, text, NULL, NULL, complaint,
                       sizeof complaint);
    zds_settings_words (&settings, "on trace that", complaint,
                        sizeof complaint);
    assert_false (settings.off);
    assert_int_equal (settings.attempt_delay, 20);
    assert_string_equal (settings.trace_file, "");
    assert_string_equal (complaint, "this (not known), that (not known)");
}

/*  B-11.  */
static void test_any (void **state_)
{
    zds_settings_t settings;
    char complaint[80] = "";
    (void) state_;

    zds_settings_default (&settings);
    assert_false (settings.any);
    zds_settings_words (&settings, "off anyone", complaint, sizeof complaint);
    assert_false (settings.any);
    assert_string_equal (complaint, "anyone (not known)");
    zds_settings_words (&settings, "any", complaint, sizeof complaint);
    assert_true (settings.any && settings.off);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_any),
      cmocka_unit_test (test_words),
      cmocka_unit_test (test_numbers),
      cmocka_unit_test (test_trace),
      cmocka_unit_test (test_a_long_complaint_is_cut),
      cmocka_unit_test (test_files),
      cmocka_unit_test (test_the_environment_overrides_the_file),
    };
    return cmocka_run_group_tests_name ("settings", tests, NULL, NULL);
}
