/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"
#include "zds_ask.h"
#include "zds_bind.h"

static const struct
{
    const char *name, *addr;
} host[] = {
  {"eth0", "192.0.2.1"},    {"eth0", "2001:db8::1"}, {"four", "192.0.2.4"},
  {"six", "fe80::6%6"},     {"six", "2001:db8::6"},  {"bare", "192.0.2.5"},
  {"bare", "2001:db8::bb"},
};

/*  The source addresses of both families, '-' for none.  */
static int source_of (const char *text_, zds_mode_t mode_, char *buffer_)
{
    static const int family[] = {AF_INET6, AF_INET};
    zds_ifaddr_t ifaddrs[COUNT (host)];
    zds_local_t local = {{.port = 0}, mode_, ifaddrs, COUNT (ifaddrs)};
    unsigned families, i;
    char text[2][80];
    int rc;

    memset (ifaddrs, 0, sizeof ifaddrs);
    for (i = 0; i < COUNT (host); i++) {
        strcpy (ifaddrs[i].name, host[i].name);
        ifaddrs[i].addr = addr_of (host[i].addr);
    }
    assert_int_equal (
      zds_endpoint_parse (&local.endpoint, text_, ZDS_PORT_BIND), 0);
    rc = zds_families (mode_, &local, NULL, &families);
    for (i = 0; rc == 0 && i < 2; i++) {
        zds_addr_t to, from;
        zds_addr_any (&to, family[i]);
        strcpy (text[i], "-");
        if (zds_source_for (&local, &to, &from) == 0)
            text_of (&from, text[i], sizeof text[i]);
        assert_int_equal ((families & zds_addr_for (&to)) != 0,
                          text[i][0] != '-');
    }
    if (rc == 0)
        sprintf (buffer_, "%s %s", text[0], text[1]);
    return rc;
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
        char text[200];
        const int rc =
          source_of (rows[row].text, in_v6 ? ZDS_MODE_V6 : ZDS_MODE_AUTO, text);
        if (rc != (expected == NULL ? ENODEV : 0))
            fail_msg ("%s: %d", rows[row].text, rc);
        if (rc == 0)
            assert_string_equal (text, expected);
    }
}

static void test_families (void **state_)
{
    const unsigned both = ZDS_FOR_IPV6 | ZDS_FOR_IPV4;
    const zds_addr_t four = addr_of ("192.0.2.1"), six = addr_of ("::1");
    const zds_local_t both_sources = {.endpoint = {.host = "*"}},
                      four_source = {.endpoint = {.host = "192.0.2.1"}},
                      six_source = {.endpoint = {.host = "::1"}};
    const zds_local_t *const of_both = &both_sources,
                             *const of_four = &four_source,
                             *const of_six = &six_source;
    const struct
    {
        zds_mode_t mode;
        const zds_local_t *source;
        const zds_addr_t *literal;
        unsigned expected;
    } rows[] = {
      {ZDS_MODE_AUTO, NULL, NULL, both},
      {ZDS_MODE_V6, NULL, NULL, both},
      {ZDS_MODE_V4, NULL, NULL, ZDS_FOR_IPV4},
      {ZDS_MODE_AUTO, of_both, NULL, both},
      {ZDS_MODE_AUTO, of_four, NULL, ZDS_FOR_IPV4},
      {ZDS_MODE_AUTO, of_six, NULL, ZDS_FOR_IPV6},
      {ZDS_MODE_V4, of_six, NULL, 0},
      {ZDS_MODE_V4, of_both, NULL, ZDS_FOR_IPV4},
      {ZDS_MODE_AUTO, NULL, &four, ZDS_FOR_IPV4},
      {ZDS_MODE_AUTO, NULL, &six, ZDS_FOR_IPV6},
      {ZDS_MODE_V4, NULL, &six, 0},
      {ZDS_MODE_V6, NULL, &four, ZDS_FOR_IPV4},
      {ZDS_MODE_AUTO, of_four, &six, 0},
      {ZDS_MODE_AUTO, of_six, &six, ZDS_FOR_IPV6},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        unsigned families = 0;
        const int rc = zds_families (rows[i].mode, rows[i].source,
                                     rows[i].literal, &families);
        if (families != rows[i].expected
            || rc != (rows[i].expected == 0 ? EAFNOSUPPORT : 0))
            fail_msg ("row %zu", i);
    }
}

/*  The address of an interface that suits the destination.  */
static void test_c10_source_for_each_candidate (void **state_)
{
    static const struct
    {
        const char *name, *addr;
        unsigned flags;
    } ifaddrs_of[] = {
      {"eth0", "192.0.2.1", 0},
      {"eth0", "192.0.2.9", 0},
      {"eth0", "2001:db8::1", ZDS_IFADDR_TEMPORARY},
      {"eth0", "2001:db8::2", 0},
      {"eth0", "fe80::1%3", 0},
      {"eth0", "fd00::1", 0},
      {"eth1", "fe80::9%4", 0},
    };
    static const struct
    {
        const char *source, *to, *from;
    } rows[] = {
      {"eth0:7", "2001:db8:9::1", "[2001:db8::2]:7"},
      {"eth0:0", "fe80::5%3", "[fe80::1%3]:0"},
      {"eth0:0", "fd00:1::5", "[fd00::1]:0"},
      {"eth0:0", "198.51.100.1", "192.0.2.1:0"},
      {"eth1:0", "2001:db8:9::1", "[fe80::9%4]:0"},
      {"eth1:0", "fd00:1::5", "[fe80::9%4]:0"},
      {"[2001:db8::1]:7", "fe80::5%3", "[2001:db8::1]:7"},
      {"*:0", "fe80::5%3", "[::]:0"},
    };
    zds_ifaddr_t ifaddrs[COUNT (ifaddrs_of)];
    size_t i;
    (void) state_;

    memset (ifaddrs, 0, sizeof ifaddrs);
    for (i = 0; i < COUNT (ifaddrs); i++) {
        strcpy (ifaddrs[i].name, ifaddrs_of[i].name);
        ifaddrs[i].addr = addr_of (ifaddrs_of[i].addr);
        ifaddrs[i].flags = ifaddrs_of[i].flags;
    }
    for (i = 0; i < COUNT (rows); i++) {
        const zds_addr_t to = addr_of (rows[i].to);
        zds_local_t source = {
          {.port = 0}, ZDS_MODE_AUTO, ifaddrs, COUNT (ifaddrs)};
        zds_addr_t from;
        char text[100];

        zds_endpoint_parse (&source.endpoint, rows[i].source, ZDS_PORT_BIND);
        assert_int_equal (zds_source_for (&source, &to, &from), 0);
        assert_string_equal (text_of (&from, text, sizeof text), rows[i].from);
    }
}

/*  No interface has a name like that.  */
static void test_c10_long_source (void **state_)
{
    char text[400];
    (void) state_;

    memset (text, 'a', sizeof text);
    strcpy (text + 300, ":0");
    assert_int_equal (source_of (text, ZDS_MODE_AUTO, text), ENODEV);
}

static void test_c2_look (void **state_)
{
    static const struct
    {
        zds_mode_t mode;
        unsigned families;
        bool has_ipv6;
        zds_look_t expected;
    } rows[] = {
      {ZDS_MODE_AUTO, 6, true, ZDS_LOOK_WHOLE},
      {ZDS_MODE_AUTO, 6, false, ZDS_LOOK_IPV4},
      {ZDS_MODE_AUTO, ZDS_FOR_IPV4, true, ZDS_LOOK_IPV4},
      {ZDS_MODE_AUTO, ZDS_FOR_IPV6, true, ZDS_LOOK_WHOLE},
      {ZDS_MODE_AUTO, ZDS_FOR_IPV6, false, ZDS_LOOK_WHOLE},
      {ZDS_MODE_V4, ZDS_FOR_IPV4, true, ZDS_LOOK_IPV4},
      {ZDS_MODE_V6, 6, true, ZDS_LOOK_WHOLE},
      {ZDS_MODE_V6, 6, false, ZDS_LOOK_WHOLE},
      {ZDS_MODE_V6, ZDS_FOR_IPV4, true, ZDS_LOOK_WHOLE},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++)
        if (zds_ask_look (rows[i].mode, rows[i].families, rows[i].has_ipv6)
            != rows[i].expected)
            fail_msg ("row %zu", i);
}

static void test_through (void **state_)
{
    const zds_addr_t four = addr_of ("192.0.2.1"),
                     mapped = addr_of ("::ffff:192.0.2.1"),
                     six = addr_of ("2001:db8::1");
    zds_addr_t got;
    (void) state_;

    got = zds_addr_through (ZDS_MODE_AUTO, &four);
    assert_true (zds_addr_equal (&got, &four));
    got = zds_addr_through (ZDS_MODE_V4, &four);
    assert_true (zds_addr_equal (&got, &four));
    got = zds_addr_through (ZDS_MODE_V6, &four);
    assert_true (zds_addr_equal (&got, &mapped));
    got = zds_addr_through (ZDS_MODE_V6, &six);
    assert_true (zds_addr_equal (&got, &six));
}

static void test_may_be_name (void **state_)
{
    static const char *const names[] = {"a", "localhost", "a_b-c.test.", "10"};
    static const char *const others[] = {"",    "a b", "[::1",
                                         "a/b", "a:b", "\xc3\xa9"};
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (names); i++)
        assert_true (zds_endpoint_may_be_name (names[i]));
    for (i = 0; i < COUNT (others); i++)
        assert_false (zds_endpoint_may_be_name (others[i]));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_c10_source),
      cmocka_unit_test (test_c10_source_for_each_candidate),
      cmocka_unit_test (test_families),
      cmocka_unit_test (test_c10_long_source),
      cmocka_unit_test (test_c2_look),
      cmocka_unit_test (test_through),
      cmocka_unit_test (test_may_be_name),
    };
    return cmocka_run_group_tests_name ("dial", tests, NULL, NULL);
}
