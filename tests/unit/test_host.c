/* SPDX-License-Identifier: MPL-2.0 */

/*  zds_host on the real system, asked about the one interface that every system
    has.  */

#include "text.h"

#include <fcntl.h>
#include <net/if.h>
#include <unistd.h>
#include <sys/stat.h>
#include <unistd.h>

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
    int rc;

    assert_int_equal (zds_endpoint_parse (&endpoint, text_, ZDS_PORT_BIND), 0);
    rc = zds_host_zone (&endpoint);
    *index_ = endpoint.scope;
    return rc;
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
    assert_int_equal (zone_rc ("[fe80::1%\xc3\xa9]:5", &index), EINVAL);
}

static void test_settings_come_from_the_environment (void **state_)
{
    zds_settings_t settings;
    (void) state_;

    unsetenv ("ZMQ_DUALSTACK");
    settings = zds_host_settings (ZDS_SETTINGS_FILE);
    assert_false (settings.off);
    setenv ("ZMQ_DUALSTACK", "off", 1);
    settings = zds_host_settings (ZDS_SETTINGS_FILE);
    assert_true (settings.off);
}

/*  D-4: writes a file of 'size_' bytes; returns its text if it counts, or why it does
    not.  */
static const char *
file_says (const char *path_, const void *data_, size_t size_, mode_t mode_)
{
    static char text[256];
    const int fd = open (path_, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    const char *why;
    char *got;

    assert_true (fd >= 0);
    assert_int_equal (write (fd, data_, size_), size_);
    assert_int_equal (fchmod (fd, mode_), 0);
    close (fd);
    got = zds_host_settings_text (path_, &why);
    snprintf (text, sizeof text, "%.200s", got != NULL ? got : why);
    free (got);
    return text;
}

static void test_settings_files_that_do_not_count (void **state_)
{
    static char large[(1 << 16) + 1];
    char directory[] = "/tmp/zds-host-XXXXXX", path[64], other[64];
    const char *why;
    (void) state_;

    if (geteuid () != 0)
        skip ();
    assert_non_null (mkdtemp (directory));
    snprintf (path, sizeof path, "%s/conf", directory);
    snprintf (other, sizeof other, "%s/other", directory);
    assert_null (zds_host_settings_text (path, &why));
    assert_null (why);
    assert_string_equal (file_says (path, "off", 3, 0644), "off");
    assert_string_equal (file_says (path, "", 0, 0400), "");
    assert_string_equal (file_says (path, "off", 3, 0664),
                         "others than root may write it");
    assert_string_equal (file_says (path, "off", 3, 0646),
                         "others than root may write it");
    assert_string_equal (file_says (path, "off\0x", 5, 0644),
                         "there is a NUL byte in it");
    memset (large, ' ', sizeof large);
    assert_string_equal (file_says (path, large, sizeof large, 0644),
                         "it is too large");
    assert_null (strpbrk (file_says (path, large, 150, 0644), "n"));
    assert_int_equal (symlink (path, other), 0);
    assert_null (zds_host_settings_text (other, &why));
    assert_string_equal (why, "it is a symbolic link");
    assert_int_equal (chown (path, 1, 0), 0);
    assert_null (zds_host_settings_text (path, &why));
    assert_string_equal (why, "it does not belong to root");
    assert_null (zds_host_settings_text (directory, &why));
    assert_string_equal (why, "it is no regular file");
    unlink (other);
    assert_int_equal (mkfifo (other, 0600), 0);
    assert_null (zds_host_settings_text (other, &why));
    assert_string_equal (why, "it is no regular file");
    memset (large, 'x', 300);
    large[300] = '\0';
    assert_null (zds_host_settings_text (large, &why));
    assert_string_equal (why, "it cannot be opened");
    /*  A file whose size reads 0 although it is not empty, and one that cannot be
        read.  */
    assert_null (zds_host_settings_text ("/proc/kallsyms", &why));
    assert_string_equal (why, "it is too large");
    assert_null (zds_host_settings_text ("/proc/self/mem", &why));
    assert_string_equal (why, "it cannot be read");
    unlink (other);
    unlink (path);

    /*  The settings as a context reads them.  */
    unsetenv ("ZMQ_DUALSTACK");
    file_says (path, "off", 3, 0666);
    assert_false (zds_host_settings (path).off);
    file_says (path, "off\n", 4, 0644);
    assert_true (zds_host_settings (path).off);
    setenv ("ZMQ_DUALSTACK", "on", 1);
    assert_false (zds_host_settings (path).off);
    unlink (path);
    assert_int_equal (rmdir (directory), 0);
}

static void test_what_watches_addresses (void **state_)
{
    int fd, other;
    (void) state_;

    assert_int_equal (zds_host_watch (&fd), 0);
    assert_int_equal (zds_host_watch (&other), 0);
    zds_host_drain (fd);
    assert_true (zds_host_netns (fd) != 0);
    assert_true (zds_host_netns (fd) == zds_host_netns (other));
    /*  A kernel without such cookies.  */
    assert_true (zds_host_netns (-1) != 0);
    close (fd);
    close (other);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_what_watches_addresses),
      cmocka_unit_test (test_addresses_of_one_interface),
      cmocka_unit_test (test_zones),
      cmocka_unit_test (test_settings_come_from_the_environment),
      cmocka_unit_test (test_settings_files_that_do_not_count),
    };
    return cmocka_run_group_tests_name ("host", tests, NULL, NULL);
}
