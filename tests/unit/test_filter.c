/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"
#include "zds_filter.h"

static int make (zds_filter_t *filter_, const char *text_, zds_mode_t mode_)
{
    zds_endpoint_t address;
    const char *bits;
    int rc = zds_filter_split (text_, &address, &bits);

    if (rc == 0)
        rc = zds_filter_make (filter_, &address, bits, mode_);
    return rc;
}

/*  What three modes make of a filter: the errno.  */
static void test_what_is_a_filter (void **state_)
{
    static const struct
    {
        const char *text;
        int in_auto, in_v6, in_v4;
    } rows[] = {
      {"10.0.0.0/8", 0, 0, 0},
      {"10.0.0.1", 0, 0, 0},
      {"10.0.0.0/0", 0, 0, 0},
      {"10.0.0.0/32", 0, 0, 0},
      {"[10.0.0.0]/8", 0, 0, 0},
      {"10.0.0.0/33", EINVAL, EINVAL, EINVAL},
      {"10.0.0.0/95", EINVAL, EINVAL, EINVAL},
      {"10.0.0.0/96", EINVAL, 0, EINVAL},
      {"10.0.0.0/128", EINVAL, 0, EINVAL},
      {"10.0.0.0/129", EINVAL, EINVAL, EINVAL},
      {"10.0.0.0/-1", EINVAL, EINVAL, EINVAL},
      {"10.0.0.0/00", EINVAL, EINVAL, EINVAL},
      {"10.0.0.0/", EINVAL, EINVAL, EINVAL},
      {"10.0.0.0/x", EINVAL, EINVAL, EINVAL},
      {"10.0.0.0/8x", 0, 0, 0}, /* strtol, as ever */
      {"10.0.0.0/99999999999999999999", EINVAL, EINVAL, EINVAL},
      {"2001:db8::/32", 0, 0, EINVAL},
      {"[2001:db8::]/32", 0, 0, EINVAL},
      {"::1", 0, 0, EINVAL},
      {"::/0", 0, 0, EINVAL},
      {"::1/129", EINVAL, EINVAL, EINVAL},
      {"fe80::%2/10", 0, 0, EINVAL},
      {"fe80::%/10", EINVAL, EINVAL, EINVAL},
      {"::ffff:10.0.0.0/8", 0, 0, 0},
      {"::ffff:10.0.0.0/104", 0, 0, EINVAL},
      {"::ffff:10.0.0.0/64", EINVAL, 0, EINVAL},
      {"example.org/8", EINVAL, EINVAL, EINVAL},
      {"lo", EINVAL, EINVAL, EINVAL},
      {"*", EINVAL, EINVAL, EINVAL},
      {"", EINVAL, EINVAL, EINVAL},
      {"/8", EINVAL, EINVAL, EINVAL},
      {"10.0.0.0/8/8", EINVAL, EINVAL, EINVAL},
    };
    zds_filter_t filter;
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        const int in_auto = make (&filter, rows[i].text, ZDS_MODE_AUTO);
        const int in_v6 = make (&filter, rows[i].text, ZDS_MODE_V6);
        const int in_v4 = make (&filter, rows[i].text, ZDS_MODE_V4);
        if (in_auto != rows[i].in_auto || in_v6 != rows[i].in_v6
            || in_v4 != rows[i].in_v4)
            fail_msg ("%s: %d %d %d", rows[i].text, in_auto, in_v6, in_v4);
    }
}

static void test_who_is_let_in (void **state_)
{
    /*  The peers as the socket shows them.  */
    static const char *const peers[] = {
      "10.1.2.3", "::ffff:10.1.2.3", "127.0.0.1", "::ffff:127.0.0.1",
      "::1",      "2001:db8::5",     "fe80::5%2",
    };
    /*  One letter per peer: y is let in.  */
    static const struct
    {
        const char *text;
        zds_mode_t mode;
        const char *expected;
    } rows[] = {
      {"10.0.0.0/8", ZDS_MODE_AUTO, "yynnnnn"},
      {"10.0.0.0/8", ZDS_MODE_V6, "yynnnnn"},
      {"10.0.0.0/8", ZDS_MODE_V4, "yynnnnn"},
      {"10.0.0.0/104", ZDS_MODE_V6, "yynnnnn"},
      {"10.1.2.3", ZDS_MODE_AUTO, "yynnnnn"},
      {"10.1.2.2/31", ZDS_MODE_AUTO, "yynnnnn"},
      {"10.1.2.0/31", ZDS_MODE_AUTO, "nnnnnnn"},
      {"8.0.0.0/6", ZDS_MODE_AUTO, "yynnnnn"},
      {"0.0.0.0/0", ZDS_MODE_AUTO, "yyyynnn"},
      {"0.0.0.0/0", ZDS_MODE_V6, "yyyynnn"},
      {"127.0.0.1/128", ZDS_MODE_V6, "nnyynnn"},
      {"::/0", ZDS_MODE_AUTO, "nnnnyyy"},
      {"::/0", ZDS_MODE_V6, "yyyyyyy"},
      {"::/64", ZDS_MODE_AUTO, "nnnnynn"},
      {"::1", ZDS_MODE_AUTO, "nnnnynn"},
      {"2001:db8::/32", ZDS_MODE_AUTO, "nnnnnyn"},
      {"2001:db8::/127", ZDS_MODE_V6, "nnnnnnn"},
      {"2001:db8::4/127", ZDS_MODE_V6, "nnnnnyn"},
      {"fe80::/10", ZDS_MODE_AUTO, "nnnnnny"},
      {"::ffff:10.0.0.0/104", ZDS_MODE_AUTO, "yynnnnn"},
      {"::ffff:10.0.0.0/104", ZDS_MODE_V6, "yynnnnn"},
      {"::ffff:10.0.0.0/8", ZDS_MODE_AUTO, "yynnnnn"},
      {"::ffff:0:0/96", ZDS_MODE_V6, "yyyynnn"},
    };
    size_t i, j;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_filter_t filter;
        char got[COUNT (peers) + 1] = "";

        assert_int_equal (make (&filter, rows[i].text, rows[i].mode), 0);
        for (j = 0; j < COUNT (peers); j++) {
            const zds_addr_t peer = addr_of (peers[j]);
            got[j] = zds_filter_match (&filter, &peer.sa, zds_addr_len (&peer))
                       ? 'y'
                       : 'n';
        }
        if (strcmp (got, rows[i].expected) != 0)
            fail_msg ("%s in mode %d: %s", rows[i].text, rows[i].mode, got);
    }
}

static void test_strangers_of_other_families_stay_out (void **state_)
{
    struct sockaddr_storage peer;
    zds_filter_t filter;
    (void) state_;

    memset (&peer, 0, sizeof peer);
    peer.ss_family = AF_UNIX;
    assert_int_equal (make (&filter, "0.0.0.0/0", ZDS_MODE_AUTO), 0);
    assert_false (
      zds_filter_match (&filter, (struct sockaddr *) &peer, sizeof peer));
    peer.ss_family = AF_INET;
    assert_false (zds_filter_match (&filter, (struct sockaddr *) &peer, 4));
}

static void test_a_text_too_long_is_refused (void **state_)
{
    char text[2 * ZDS_HOST_SIZE];
    zds_filter_t filter;
    (void) state_;

    memset (text, '1', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    assert_int_equal (make (&filter, text, ZDS_MODE_AUTO), EINVAL);
    /*  Long only behind the slash.  */
    memcpy (text, "10.0.0.0/0", 10);
    assert_int_equal (make (&filter, text, ZDS_MODE_AUTO), EINVAL);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_what_is_a_filter),
      cmocka_unit_test (test_who_is_let_in),
      cmocka_unit_test (test_strangers_of_other_families_stay_out),
      cmocka_unit_test (test_a_text_too_long_is_refused),
    };
    return cmocka_run_group_tests_name ("filter", tests, NULL, NULL);
}
