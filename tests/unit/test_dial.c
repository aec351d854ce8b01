/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"
#include "zds_dial.h"

static const struct
{
    const char *name, *addr;
} host[] = {
  {"eth0", "192.0.2.1"},    {"eth0", "2001:db8::1"}, {"four", "192.0.2.4"},
  {"six", "fe80::6%6"},     {"six", "2001:db8::6"},  {"bare", "192.0.2.5"},
  {"bare", "2001:db8::bb"},
};

static int source_of (const char *text_, zds_mode_t mode_, zds_addr_t *source_)
{
    zds_ifaddr_t ifaddrs[COUNT (host)];
    zds_endpoint_t endpoint;
    size_t i;

    memset (ifaddrs, 0, sizeof ifaddrs);
    for (i = 0; i < COUNT (host); i++) {
        strcpy (ifaddrs[i].name, host[i].name);
        ifaddrs[i].addr = addr_of (host[i].addr);
    }
    assert_int_equal (zds_endpoint_parse (&endpoint, text_, ZDS_PORT_BIND), 0);
    return zds_dial_source (source_, &endpoint, 0, mode_, ifaddrs,
                            COUNT (ifaddrs));
}

static const char *
text_of_source (const zds_addr_t *source_, char *buffer_, size_t size_)
{
    char six[80] = "-", four[80] = "-";

    if (source_[0].sa.sa_family != 0)
        text_of (&source_[0], six, sizeof six);
    if (source_[1].sa.sa_family != 0)
        text_of (&source_[1], four, sizeof four);
    snprintf (buffer_, size_, "%s %s", six, four);
    return buffer_;
}

static void test_c10_source (void **state_)
{
    static const struct
    {
        const char *text, *expected; /* NULL: ENODEV */
        const char *in_v6;           /* NULL: the same */
    } rows[] = {
      {"*:0", "[::]:0 0.0.0.0:0", NULL},
      {"*:7", "[::]:7 0.0.0.0:7", NULL},
      {"eth0:0", "[2001:db8::1]:0 192.0.2.1:0", NULL},
      {"eth0:7", "[2001:db8::1]:7 192.0.2.1:7", NULL},
      {"four:0", "- 192.0.2.4:0", NULL},
      {"six:0", "[2001:db8::6]:0 -", NULL},
      {"198.51.100.1:7", "- 198.51.100.1:7", NULL},
      {"[2001:db8::9]:0", "[2001:db8::9]:0 -", NULL},
      {"[::ffff:198.51.100.1]:0", "- 198.51.100.1:0", NULL},
      {"nosuch:0", NULL, NULL},
      {"0.0.0.0:7", "- 0.0.0.0:7", NULL},
      {"[::]:0", "[::]:0 -", "[::]:0 0.0.0.0:0"},
      {"[::]:7", "[::]:7 -", "[::]:7 0.0.0.0:7"},
      {"name.test:0", NULL, NULL},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < 2 * COUNT (rows); i++) {
        const size_t row = i / 2;
        const bool in_v6 = i % 2 != 0;
        const char *const expected = in_v6 && rows[row].in_v6 != NULL
                                       ? rows[row].in_v6
                                       : rows[row].expected;
        zds_addr_t source[ZDS_FAMILIES];
        char text[200];
        const int rc = source_of (rows[row].text,
                                  in_v6 ? ZDS_MODE_V6 : ZDS_MODE_AUTO, source);
        if (rc != (expected == NULL ? ENODEV : 0))
            fail_msg ("%s: %d", rows[row].text, rc);
        if (rc == 0)
            assert_string_equal (text_of_source (source, text, sizeof text),
                                 expected);
    }
}

static void test_families (void **state_)
{
    const unsigned both = ZDS_ASK_IPV6 | ZDS_ASK_IPV4;
    const zds_addr_t four = addr_of ("192.0.2.1"), six = addr_of ("::1");
    const zds_addr_t none = {.sa = {.sa_family = 0}};
    const zds_addr_t of_both[] = {six, four}, of_four[] = {none, four},
                     of_six[] = {six, none};
    const struct
    {
        zds_mode_t mode;
        const zds_addr_t *source, *literal;
        unsigned expected;
    } rows[] = {
      {ZDS_MODE_AUTO, NULL, NULL, both},
      {ZDS_MODE_V6, NULL, NULL, both},
      {ZDS_MODE_V4, NULL, NULL, ZDS_ASK_IPV4},
      {ZDS_MODE_AUTO, of_both, NULL, both},
      {ZDS_MODE_AUTO, of_four, NULL, ZDS_ASK_IPV4},
      {ZDS_MODE_AUTO, of_six, NULL, ZDS_ASK_IPV6},
      {ZDS_MODE_V4, of_six, NULL, 0},
      {ZDS_MODE_V4, of_both, NULL, ZDS_ASK_IPV4},
      {ZDS_MODE_AUTO, NULL, &four, ZDS_ASK_IPV4},
      {ZDS_MODE_AUTO, NULL, &six, ZDS_ASK_IPV6},
      {ZDS_MODE_V4, NULL, &six, 0},
      {ZDS_MODE_V6, NULL, &four, ZDS_ASK_IPV4},
      {ZDS_MODE_AUTO, of_four, &six, 0},
      {ZDS_MODE_AUTO, of_six, &six, ZDS_ASK_IPV6},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++)
        if (zds_dial_families (rows[i].mode, rows[i].source, rows[i].literal)
            != rows[i].expected)
            fail_msg ("row %zu", i);
}

static void test_adopt (void **state_)
{
    zds_candidate_t candidates[3];
    size_t i;
    (void) state_;

    memset (candidates, 0, sizeof candidates);
    candidates[0].addr = addr_of ("fe80::1");
    candidates[1].addr = addr_of ("2001:db8::1");
    candidates[2].addr = addr_of ("192.0.2.1");
    for (i = 0; i < COUNT (candidates); i++)
        candidates[i].poor_source = true;

    zds_dial_adopt (candidates, COUNT (candidates), 5555, 0, false);
    for (i = 0; i < COUNT (candidates); i++) {
        assert_int_equal (zds_addr_port (&candidates[i].addr), 5555);
        assert_true (candidates[i].poor_source);
    }
    assert_int_equal (candidates[0].addr.v6.sin6_scope_id, 0);

    zds_dial_adopt (candidates, COUNT (candidates), 5555, 3, false);
    assert_int_equal (candidates[0].addr.v6.sin6_scope_id, 3);
    assert_false (candidates[0].poor_source);
    assert_true (candidates[2].poor_source);

    zds_dial_adopt (candidates, COUNT (candidates), 5555, 0, true);
    assert_false (candidates[2].poor_source);
    assert_int_equal (candidates[0].addr.v6.sin6_scope_id, 3);
}

static void test_through (void **state_)
{
    const zds_addr_t four = addr_of ("192.0.2.1"),
                     mapped = addr_of ("::ffff:192.0.2.1"),
                     six = addr_of ("2001:db8::1");
    zds_addr_t got;
    (void) state_;

    got = zds_dial_through (ZDS_MODE_AUTO, &four);
    assert_true (zds_addr_equal (&got, &four));
    got = zds_dial_through (ZDS_MODE_V4, &four);
    assert_true (zds_addr_equal (&got, &four));
    got = zds_dial_through (ZDS_MODE_V6, &four);
    assert_true (zds_addr_equal (&got, &mapped));
    got = zds_dial_through (ZDS_MODE_V6, &six);
    assert_true (zds_addr_equal (&got, &six));
}

/*  Stock's family only: the other one's name servers are not asked more often.  */
static void test_is_lost (void **state_)
{
    (void) state_;

    assert_true (zds_dial_is_lost (ZDS_MODE_AUTO, AF_INET));
    assert_false (zds_dial_is_lost (ZDS_MODE_AUTO, AF_INET6));
    assert_true (zds_dial_is_lost (ZDS_MODE_V6, AF_INET6));
    assert_false (zds_dial_is_lost (ZDS_MODE_V6, AF_INET));
    assert_true (zds_dial_is_lost (ZDS_MODE_V4, AF_INET));
}

static void test_may_be_name (void **state_)
{
    static const char *const names[] = {"a", "localhost", "a_b-c.test.", "10"};
    static const char *const others[] = {"",    "a b", "[::1",
                                         "a/b", "a:b", "\xc3\xa9"};
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (names); i++)
        assert_true (zds_dial_may_be_name (names[i]));
    for (i = 0; i < COUNT (others); i++)
        assert_false (zds_dial_may_be_name (others[i]));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_c10_source), cmocka_unit_test (test_families),
      cmocka_unit_test (test_adopt),      cmocka_unit_test (test_through),
      cmocka_unit_test (test_is_lost),    cmocka_unit_test (test_may_be_name),
    };
    return cmocka_run_group_tests_name ("dial", tests, NULL, NULL);
}
