/* SPDX-License-Identifier: MPL-2.0 */

/*  The one file of the core that asks the system, asked about the one interface
    that every system has.  */

#include "text.h"

#include <net/if.h>

#include "zds_host.h"

static bool has (const zds_ifaddr_t *ifaddrs_, size_t count_, const char *text_)
{
    const zds_addr_t wanted = addr_of (text_);
    size_t i;

    for (i = 0; i < count_; i++)
        if (zds_addr_equal (&ifaddrs_[i].addr, &wanted))
            return true;
    return false;
}

static void test_addresses_of_one_interface (void **state_)
{
    zds_ifaddr_t *ifaddrs, *all;
    size_t count, count_of_all, i;
    (void) state_;

    assert_int_equal (zds_host_ifaddrs ("lo", &ifaddrs, &count), 0);
    assert_true (has (ifaddrs, count, "127.0.0.1"));
    for (i = 0; i < count; i++)
        assert_string_equal (ifaddrs[i].name, "lo");

    assert_int_equal (zds_host_ifaddrs (NULL, &all, &count_of_all), 0);
    assert_true (count_of_all >= count);
    assert_true (has (all, count_of_all, "127.0.0.1"));
    free (all);
    free (ifaddrs);

    assert_int_equal (zds_host_ifaddrs ("no such", &ifaddrs, &count), 0);
    assert_int_equal (count, 0);
    assert_null (ifaddrs);
}

static int zone_rc (const char *text_, uint32_t *index_)
{
    zds_endpoint_t endpoint;

    assert_int_equal (zds_endpoint_parse (&endpoint, text_, ZDS_PORT_BIND), 0);
    return zds_host_zone (&endpoint, index_);
}

static void test_zones (void **state_)
{
    uint32_t index;
    (void) state_;

    assert_int_equal (zone_rc ("[::1]:5", &index), 0);
    assert_int_equal (index, 0);
    assert_int_equal (zone_rc ("[fe80::1%lo]:5", &index), 0);
    assert_int_equal (index, if_nametoindex ("lo"));
    assert_int_equal (zone_rc ("[fe80::1%77]:5", &index), 0);
    assert_int_equal (index, 77);
    assert_int_equal (zone_rc ("[fe80::1%0]:5", &index), EINVAL);
    assert_int_equal (zone_rc ("[fe80::1%nosuch]:5", &index), EINVAL);
}

static void test_filters_check_their_zone (void **state_)
{
    zds_filter_t filter;
    (void) state_;

    assert_int_equal (zds_host_filter (&filter, "10.0.0.0/8", ZDS_MODE_AUTO),
                      0);
    assert_int_equal (zds_host_filter (&filter, "fe80::%lo/10", ZDS_MODE_AUTO),
                      0);
    assert_int_equal (
      zds_host_filter (&filter, "fe80::%nosuch/10", ZDS_MODE_AUTO), EINVAL);
    assert_int_equal (zds_host_filter (&filter, "10.0.0.0/", ZDS_MODE_AUTO),
                      EINVAL);
}

static void test_pgm_on_this_host (void **state_)
{
    (void) state_;
    assert_int_equal (zds_host_pgm_check ("lo;239.192.0.1"), 0);
    assert_int_equal (zds_host_pgm_check ("[::1];239.192.0.1"), EAFNOSUPPORT);
}

static void test_settings_come_from_the_environment (void **state_)
{
    zds_settings_t settings;
    (void) state_;

    unsetenv ("ZMQ_DUALSTACK");
    settings = zds_host_settings ();
    assert_int_equal (zds_settings_mode (&settings), ZDS_MODE_AUTO);
    setenv ("ZMQ_DUALSTACK", "off", 1);
    settings = zds_host_settings ();
    assert_int_equal (zds_settings_mode (&settings), ZDS_MODE_V4);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_addresses_of_one_interface),
      cmocka_unit_test (test_zones),
      cmocka_unit_test (test_filters_check_their_zone),
      cmocka_unit_test (test_pgm_on_this_host),
      cmocka_unit_test (test_settings_come_from_the_environment),
    };
    return cmocka_run_group_tests_name ("host", tests, NULL, NULL);
}
