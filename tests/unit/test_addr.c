/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"
#include "zds_host.h"

static void test_parse_reads_literals_of_the_family (void **state_)
{
    static const struct
    {
        const char *text;
        int family;
        const char *expected; /* NULL: EINVAL */
    } rows[] = {
      {"127.0.0.1", AF_INET, "127.0.0.1:0"},
      {"127.0.0.1", AF_INET6, NULL},
      /*  libzmq has always taken the old short and hexadecimal forms.  */
      {"127.1", AF_INET, "127.0.0.1:0"},
      {"0x7f000001", AF_INET, "127.0.0.1:0"},
      {"::1", AF_INET6, "[::1]:0"},
      {"::1", AF_INET, NULL},
      {"2001:db8::1", AF_INET6, "[2001:db8::1]:0"},
      {"", AF_INET, NULL},
      {"", AF_INET6, NULL},
      {"[::1]", AF_INET6, NULL},
      {"localhost", AF_INET, NULL},
      {"localhost", AF_INET6, NULL},
      {"*", AF_INET, NULL},
      {"1.2.3.4 ", AF_INET, NULL},
      {"256.1.1.1", AF_INET, NULL},
      {":::", AF_INET6, NULL},
      {"\xc3\xa9", AF_INET, NULL},
    };
    char text[80];
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_addr_t addr;
        const int rc = zds_addr_parse (&addr, rows[i].text, rows[i].family);
        if (rows[i].expected == NULL)
            assert_int_equal (rc, EINVAL);
        else {
            assert_int_equal (rc, 0);
            assert_string_equal (text_of (&addr, text, sizeof text),
                                 rows[i].expected);
        }
    }
}

static void test_class_of_addresses (void **state_)
{
    static const struct
    {
        const char *text;
        zds_class_t expected;
    } rows[] = {
      {"::", ZDS_CLASS_UNSPECIFIED},
      {"::1", ZDS_CLASS_LOOPBACK},
      {"::2", ZDS_CLASS_GLOBAL},
      {"::ffff:0.0.0.0", ZDS_CLASS_MAPPED_IPV4},
      {"::ffff:1.2.3.4", ZDS_CLASS_MAPPED_IPV4},
      {"::fffe:1.2.3.4", ZDS_CLASS_GLOBAL},
      {"2001:db8::1", ZDS_CLASS_GLOBAL},
      {"fbff::1", ZDS_CLASS_GLOBAL},
      {"fc00::1", ZDS_CLASS_UNIQUE_LOCAL},
      {"fdff::1", ZDS_CLASS_UNIQUE_LOCAL},
      {"fe00::1", ZDS_CLASS_GLOBAL},
      {"fe7f::1", ZDS_CLASS_GLOBAL},
      {"fe80::1", ZDS_CLASS_LINK_LOCAL},
      {"febf::1", ZDS_CLASS_LINK_LOCAL},
      {"fec0::1", ZDS_CLASS_UNIQUE_LOCAL},
      {"ff02::1", ZDS_CLASS_GLOBAL},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        const zds_addr_t addr = addr_of (rows[i].text);
        if (zds_addr_class (&addr) != rows[i].expected)
            fail_msg ("%s is of class %d", rows[i].text,
                      zds_addr_class (&addr));
    }
}

static void test_map_and_unmap_keep_the_port (void **state_)
{
    zds_addr_t addr = addr_of ("192.0.2.7");
    char text[80];
    (void) state_;

    zds_addr_set_port (&addr, 5555);
    zds_addr_map (&addr);
    assert_string_equal (text_of (&addr, text, sizeof text),
                         "[::ffff:192.0.2.7]:5555");
    zds_addr_map (&addr);
    assert_int_equal (zds_addr_port (&addr), 5555);
    zds_addr_unmap (&addr);
    assert_string_equal (text_of (&addr, text, sizeof text), "192.0.2.7:5555");
    zds_addr_unmap (&addr);
    assert_string_equal (text_of (&addr, text, sizeof text), "192.0.2.7:5555");
}

static void test_as_ipv4_hides_the_dual_socket_only (void **state_)
{
    static const char *const rows[][2] = {
      {"::", "0.0.0.0:9"},
      {"::ffff:10.1.2.3", "10.1.2.3:9"},
      {"10.1.2.3", "10.1.2.3:9"},
      {"::1", "[::1]:9"},
      {"fe80::1%3", "[fe80::1%3]:9"},
    };
    char text[80];
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_addr_t addr = addr_of (rows[i][0]);
        size_t len;

        zds_addr_set_port (&addr, 9);
        len = zds_sockaddr_as_ipv4 (&addr.sa, zds_addr_len (&addr));
        assert_string_equal (text_of (&addr, text, sizeof text), rows[i][1]);
        assert_int_equal (len, zds_addr_len (&addr));
    }
}

static void test_from_sockaddr_checks_its_input (void **state_)
{
    const zds_addr_t v6 = addr_of ("2001:db8::1");
    const zds_addr_t v4 = addr_of ("10.0.0.1");
    struct sockaddr_storage unix_addr;
    zds_addr_t addr;
    (void) state_;

    memset (&unix_addr, 0, sizeof unix_addr);
    unix_addr.ss_family = AF_UNIX;
    assert_int_equal (zds_addr_from_sockaddr (&addr,
                                              (struct sockaddr *) &unix_addr,
                                              sizeof unix_addr),
                      EAFNOSUPPORT);
    assert_int_equal (zds_addr_from_sockaddr (&addr, NULL, 28), EINVAL);
    assert_int_equal (zds_addr_from_sockaddr (&addr, &v6.sa, 0), EINVAL);
    assert_int_equal (zds_addr_from_sockaddr (&addr, &v6.sa, sizeof v6.v6 - 1),
                      EINVAL);
    assert_int_equal (zds_addr_from_sockaddr (&addr, &v6.sa, sizeof v6.v6), 0);
    assert_true (zds_addr_equal (&addr, &v6));
    assert_int_equal (zds_addr_from_sockaddr (&addr, &v4.sa, sizeof v4.v4), 0);
    assert_true (zds_addr_equal (&addr, &v4));
    /*  A foreign address is left as it is.  */
    assert_int_equal (
      zds_sockaddr_as_ipv4 ((struct sockaddr *) &unix_addr, sizeof unix_addr),
      sizeof unix_addr);
    assert_int_equal (unix_addr.ss_family, AF_UNIX);
}

static void test_equal_compares_every_part (void **state_)
{
    static const char *const rows[][2] = {
      {"10.0.0.1", "10.0.0.2"},
      {"::1", "::2"},
      {"fe80::1%1", "fe80::1%2"},
      {"10.0.0.1", "::ffff:10.0.0.1"},
    };
    zds_addr_t a, b;
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        a = addr_of (rows[i][0]);
        b = addr_of (rows[i][1]);
        assert_false (zds_addr_equal (&a, &b));
        assert_true (zds_addr_equal (&a, &a));
        b = a;
        zds_addr_set_port (&b, 1);
        assert_false (zds_addr_equal (&a, &b));
    }
}

static void test_format (void **state_)
{
    static const struct
    {
        const char *addr;
        uint16_t port;
        const char *text;
    } rows[] = {
      {"192.0.2.1", 5555, "192.0.2.1:5555"},
      {"192.0.2.1", 0, "192.0.2.1"},
      {"2001:db8::1", 5555, "[2001:db8::1]:5555"},
      {"2001:db8::1", 0, "2001:db8::1"},
      {"::", 65535, "[::]:65535"},
      {"fe80::1%1", 80, "[fe80::1%lo]:80"},
      {"fe80::1%999999", 80, "[fe80::1%999999]:80"},
    };
    char text[ZDS_ADDR_TEXT_SIZE], cut[5];
    zds_addr_t addr;
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        addr = addr_of (rows[i].addr);
        zds_addr_set_port (&addr, rows[i].port);
        zds_host_format (&addr, text, sizeof text);
        assert_string_equal (text, rows[i].text);
        zds_host_format (&addr, cut, sizeof cut);
        assert_int_equal (strlen (cut), strlen (text) < 4 ? strlen (text) : 4);
    }
    memset (&addr, 0, sizeof addr);
    zds_host_format (&addr, text, sizeof text);
    assert_string_equal (text, "?");
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_parse_reads_literals_of_the_family),
      cmocka_unit_test (test_class_of_addresses),
      cmocka_unit_test (test_map_and_unmap_keep_the_port),
      cmocka_unit_test (test_as_ipv4_hides_the_dual_socket_only),
      cmocka_unit_test (test_from_sockaddr_checks_its_input),
      cmocka_unit_test (test_equal_compares_every_part),
      cmocka_unit_test (test_format),
    };
    return cmocka_run_group_tests_name ("addr", tests, NULL, NULL);
}
