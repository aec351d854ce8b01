/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"
#include "zds_addr.h"

typedef struct
{
    const char *text;
    zds_port_rule_t rule;
    int rc;
    const char *host;
    const char *zone;
    uint16_t port;
} row_t;

static void check_row (const row_t *row_)
{
    zds_endpoint_t endpoint;
    const int rc = zds_endpoint_parse (&endpoint, row_->text, row_->rule);

    if (rc != row_->rc)
        fail_msg ("\"%s\" gives %d", row_->text, rc);
    if (rc != 0)
        return;
    assert_string_equal (endpoint.host, row_->host);
    assert_string_equal (endpoint.zone, row_->zone);
    assert_int_equal (endpoint.port, row_->port);
    assert_false (endpoint.host_too_long);
}

static void test_host_and_zone (void **state_)
{
    static const row_t rows[] = {
      {"127.0.0.1:5555", ZDS_PORT_BIND, 0, "127.0.0.1", "", 5555},
      {"*:5555", ZDS_PORT_BIND, 0, "*", "", 5555},
      {"[*]:5555", ZDS_PORT_BIND, 0, "*", "", 5555},
      {"[::1]:5555", ZDS_PORT_BIND, 0, "::1", "", 5555},
      {"::1:5555", ZDS_PORT_BIND, 0, "::1", "", 5555},
      {"[]:5555", ZDS_PORT_BIND, 0, "", "", 5555},
      {":5555", ZDS_PORT_BIND, 0, "", "", 5555},
      {"[:5555", ZDS_PORT_BIND, 0, "[", "", 5555},
      {"[::1:5555", ZDS_PORT_BIND, 0, "[::1", "", 5555},
      {"::1]:5555", ZDS_PORT_BIND, 0, "::1]", "", 5555},
      {"[[::1]]:5555", ZDS_PORT_BIND, 0, "[::1]", "", 5555},
      {"eth0:1:5555", ZDS_PORT_BIND, 0, "eth0:1", "", 5555},
      {"[fe80::1%eth0]:5", ZDS_PORT_BIND, 0, "fe80::1", "eth0", 5},
      {"fe80::1%2:5", ZDS_PORT_BIND, 0, "fe80::1", "2", 5},
      {"fe80::1%1%2:5", ZDS_PORT_BIND, 0, "fe80::1%1", "2", 5},
      {"%lo:5", ZDS_PORT_BIND, 0, "", "lo", 5},
      {"[fe80::1%]:5", ZDS_PORT_BIND, EINVAL, "", "", 0},
      {"%:5", ZDS_PORT_BIND, EINVAL, "", "", 0},
      {"[fe80::1]%eth0:5", ZDS_PORT_BIND, 0, "[fe80::1]", "eth0", 5},
      {"", ZDS_PORT_BIND, EINVAL, "", "", 0},
      {"localhost", ZDS_PORT_BIND, EINVAL, "", "", 0},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++)
        check_row (&rows[i]);
}

static void test_ports_are_read_as_libzmq_reads_them (void **state_)
{
    static const row_t rows[] = {
      {"h:*", ZDS_PORT_BIND, 0, "h", "", 0},
      {"h:*", ZDS_PORT_CONNECT, EINVAL, "", "", 0},
      {"h:0", ZDS_PORT_BIND, 0, "h", "", 0},
      {"h:0", ZDS_PORT_CONNECT, 0, "h", "", 0},
      {"h:00", ZDS_PORT_BIND, EINVAL, "", "", 0},
      {"h:", ZDS_PORT_BIND, EINVAL, "", "", 0},
      {"h:x", ZDS_PORT_BIND, EINVAL, "", "", 0},
      {"h:**", ZDS_PORT_BIND, EINVAL, "", "", 0},
      {"h: 80", ZDS_PORT_BIND, 0, "h", "", 80},
      {"h:80x", ZDS_PORT_BIND, 0, "h", "", 80},
      {"h:+80", ZDS_PORT_BIND, 0, "h", "", 80},
      {"h:65535", ZDS_PORT_BIND, 0, "h", "", 65535},
      {"h:65536", ZDS_PORT_BIND, EINVAL, "", "", 0},
      {"h:65537", ZDS_PORT_BIND, 0, "h", "", 1},
      {"h:-1", ZDS_PORT_BIND, 0, "h", "", 65535},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++)
        check_row (&rows[i]);
}

static void test_hosts_and_zones_that_do_not_fit (void **state_)
{
    char text[ZDS_HOST_SIZE + 16];
    zds_endpoint_t endpoint;
    zds_addr_t addr;
    (void) state_;

    /*  The longest that fits, then one more.  */
    memset (text, 'a', sizeof text);
    strcpy (text + ZDS_HOST_SIZE - 1, ":1");
    assert_int_equal (zds_endpoint_parse (&endpoint, text, ZDS_PORT_BIND), 0);
    assert_false (endpoint.host_too_long);
    assert_int_equal (strlen (endpoint.host), ZDS_HOST_SIZE - 1);

    memset (text, 'a', sizeof text);
    strcpy (text + ZDS_HOST_SIZE, ":1");
    assert_int_equal (zds_endpoint_parse (&endpoint, text, ZDS_PORT_BIND), 0);
    assert_true (endpoint.host_too_long);
    assert_int_equal (zds_endpoint_literal (&endpoint, &addr), EINVAL);

    memset (text, 'a', sizeof text);
    text[0] = '%';
    strcpy (text + ZDS_HOST_SIZE + 1, ":1");
    assert_int_equal (zds_endpoint_parse (&endpoint, text, ZDS_PORT_BIND),
                      EINVAL);
}

static void test_destination_is_behind_the_last_semicolon (void **state_)
{
    (void) state_;
    assert_string_equal (zds_endpoint_destination ("a:1;b:2"), "b:2");
    assert_string_equal (zds_endpoint_destination ("a;b;c"), "c");
    assert_string_equal (zds_endpoint_destination ("a:1"), "a:1");
    assert_string_equal (zds_endpoint_destination ("a:1;"), "");
}

static void test_literals (void **state_)
{
    static const struct
    {
        const char *text;
        uint32_t zone;
        const char *expected; /* NULL: EINVAL */
    } rows[] = {
      {"127.0.0.1:5", 0, "127.0.0.1:5"},
      {"127.0.0.1%lo:5", 1, "127.0.0.1:5"},
      {"[::1]:5", 0, "[::1]:5"},
      {"[fe80::1%lo]:5", 7, "[fe80::1%7]:5"},
      {"[::ffff:127.0.0.1]:5", 0, "127.0.0.1:5"},
      {"[::]:5", 0, "[::]:5"},
      {"lo:5", 0, NULL},
      {"*:5", 0, NULL},
      {":5", 0, NULL},
    };
    zds_endpoint_t endpoint;
    zds_addr_t addr;
    char text[80];
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        int rc;
        assert_int_equal (
          zds_endpoint_parse (&endpoint, rows[i].text, ZDS_PORT_BIND), 0);
        endpoint.scope = rows[i].zone;
        rc = zds_endpoint_literal (&endpoint, &addr);
        if (rows[i].expected == NULL)
            assert_int_equal (rc, EINVAL);
        else {
            assert_int_equal (rc, 0);
            assert_string_equal (text_of (&addr, text, sizeof text),
                                 rows[i].expected);
        }
    }
}

static void test_localhost (void **state_)
{
    static const struct
    {
        const char *text;
        bool expected;
    } rows[] = {
      {"localhost:1", true}, {"LocalHost:1", true},   {"localhost.:1", false},
      {"localhos:1", false}, {"localhostx:1", false}, {":1", false},
    };
    zds_endpoint_t endpoint;
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_endpoint_parse (&endpoint, rows[i].text, ZDS_PORT_BIND);
        assert_int_equal (zds_endpoint_is_localhost (&endpoint),
                          rows[i].expected);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_host_and_zone),
      cmocka_unit_test (test_ports_are_read_as_libzmq_reads_them),
      cmocka_unit_test (test_hosts_and_zones_that_do_not_fit),
      cmocka_unit_test (test_destination_is_behind_the_last_semicolon),
      cmocka_unit_test (test_literals),
      cmocka_unit_test (test_localhost),
    };
    return cmocka_run_group_tests_name ("endpoint", tests, NULL, NULL);
}
