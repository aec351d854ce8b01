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
      cmocka_unit_test (test_a_long_complaint_is_cut),
    };
    return cmocka_run_group_tests_name ("settings", tests, NULL, NULL);
}
