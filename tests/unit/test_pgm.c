/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"
#include "zds_pgm.h"

static void test_p1_ipv6_is_refused (void **state_)
{
    static const struct
    {
        const char *text;
        int expected;
    } rows[] = {
      {"", 0},
      {"239.192.0.1", 0},
      {";239.192.0.1", 0},
      {"eth0;239.192.0.1", 0},
      {"both;239.192.0.1", 0},
      {"10.0.0.0/8;239.192.0.1,239.192.0.2;239.192.0.3", 0},
      {"example.org;239.192.0.1", 0},
      {"six;239.192.0.1", EAFNOSUPPORT},
      {"eth0;239.192.0.1,six", EAFNOSUPPORT},
      {"[::1];239.192.0.1", EAFNOSUPPORT},
      {"::1", EAFNOSUPPORT},
      {"[::1]", EAFNOSUPPORT},
      {"[fe80::1%eth0];239.192.0.1", EAFNOSUPPORT},
      {"fe80::1%eth0;239.192.0.1", EAFNOSUPPORT},
      {"fd00::/64;239.192.0.1", EAFNOSUPPORT},
      {"[fd00::]/64;239.192.0.1", EAFNOSUPPORT},
      {"eth0;[ff02::1]", EAFNOSUPPORT},
      {";ff02::1", EAFNOSUPPORT},
      {"eth0;239.192.0.1,[ff02::1]", EAFNOSUPPORT},
      {"eth0;239.192.0.1;[ff02::1]", EAFNOSUPPORT},
      {"::ffff:10.0.0.1;239.192.0.1", EAFNOSUPPORT},
      {"[;]", 0},
      {"%;", 0},
      {";;", 0},
      {";;;", 0},
      {"a;b;c;d", EINVAL},
      {";;;;", EINVAL},
    };
    zds_ifaddr_t ifaddrs[4];
    size_t i;
    (void) state_;

    memset (ifaddrs, 0, sizeof ifaddrs);
    strcpy (ifaddrs[0].name, "eth0");
    ifaddrs[0].addr = addr_of ("10.0.0.1");
    strcpy (ifaddrs[1].name, "both");
    ifaddrs[1].addr = addr_of ("fe80::1%2");
    strcpy (ifaddrs[2].name, "both");
    ifaddrs[2].addr = addr_of ("10.0.0.2");
    strcpy (ifaddrs[3].name, "six");
    ifaddrs[3].addr = addr_of ("2001:db8::1");

    for (i = 0; i < COUNT (rows); i++) {
        const int rc = zds_pgm_check (rows[i].text, ifaddrs, COUNT (ifaddrs));
        if (rc != rows[i].expected)
            fail_msg ("\"%s\": %d", rows[i].text, rc);
    }
}

static void test_endless_parts (void **state_)
{
    char text[4096];
    (void) state_;

    memset (text, '1', sizeof text);
    text[sizeof text - 1] = '\0';
    assert_int_equal (zds_pgm_check (text, NULL, 0), 0);
    memset (text, ',', sizeof text - 1);
    assert_int_equal (zds_pgm_check (text, NULL, 0), 0);
    memset (text, ';', sizeof text - 1);
    assert_int_equal (zds_pgm_check (text, NULL, 0), EINVAL);
    memcpy (text + sizeof text - 4, "::1", 4);
    assert_int_equal (zds_pgm_check (text, NULL, 0), EINVAL);
    memset (text, ',', sizeof text - 4);
    assert_int_equal (zds_pgm_check (text, NULL, 0), EAFNOSUPPORT);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_p1_ipv6_is_refused),
      cmocka_unit_test (test_endless_parts),
    };
    return cmocka_run_group_tests_name ("pgm", tests, NULL, NULL);
}
