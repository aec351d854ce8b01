/* SPDX-License-Identifier: MPL-2.0 */

/*  zds_host and zds_lookup on systems whose answers are rare on real ones.  */

#include "system.h"

#include <unistd.h>

#include "zds_ask.h"
#include "zds_host.h"
#include <netinet/in.h>
#include <resolv.h>


/*  Interfaces.  */

static void test_flags_come_from_the_kernel (void **state_)
{
    static const system_ifaddr_t host[] = {
      {"eth0", "192.0.2.1", IFA_F_SECONDARY, NULL},
      {"eth0", "2001:db8::1", IFA_F_PERMANENT, NULL},
      {"eth0", "2001:db8::2", IFA_F_TEMPORARY | IFA_F_STABLE_PRIVACY, NULL},
      {"eth0", "2001:db8::3", IFA_F_DEPRECATED, NULL},
      {"eth0", "2001:db8::4", IFA_F_TENTATIVE | IFA_F_NOPREFIXROUTE, NULL},
      {"eth0", "2001:db8::5", IFA_F_TENTATIVE | IFA_F_DADFAILED, NULL},
    };
    static const unsigned flags[COUNT (host)] = {
      0,
      0,
      ZDS_IFADDR_TEMPORARY,
      ZDS_IFADDR_DEPRECATED,
      ZDS_IFADDR_TENTATIVE,
      ZDS_IFADDR_TENTATIVE | ZDS_IFADDR_DUPLICATE,
    };
    static const int errors[] = {0, EPERM};
    const unsigned known = ZDS_IFADDR_TEMPORARY | ZDS_IFADDR_DUPLICATE
                           | ZDS_IFADDR_DEPRECATED | ZDS_IFADDR_TENTATIVE;
    zds_ifaddr_t *ifaddrs;
    size_t count, i, how;
    (void) state_;

    for (how = 0; how < COUNT (errors); how++) {
        system_new ();
        system_has (host, COUNT (host));
        sys.netlink_errno = errors[how];
        assert_int_equal (zds_host_ifaddrs ("eth0", &ifaddrs, &count), 0);
        assert_int_equal (count, COUNT (host));
        for (i = 0; i < count; i++)
            assert_int_equal (ifaddrs[i].flags & known,
                              errors[how] ? 0 : flags[i]);
        assert_int_equal (sys.ifaddrs_calls, errors[how] ? 1 : 0);
        assert_int_equal (sys.open_sockets, 0);
        free (ifaddrs);
    }
}

/*  An alias that is asked for by name is an interface of its own, as with getifaddrs;
    of a point-to-point link, the address is the near end, not the far one; a
    link-local address has its scope.  */
static void test_names_and_addresses_from_the_kernel (void **state_)
{
    static const system_ifaddr_t host[] = {
      {"eth0", "192.0.2.1", 0, NULL},
      {"eth0:1", "192.0.2.2", 0, NULL},
      {"tun0", "192.0.2.3", 0, "192.0.2.99"},
      {"tun0", "2001:db8::3", 0, "2001:db8::99"},
      {"eth0", "fe80::1", 0, NULL},
      {"eth0", "packet", 0, NULL},
      {"gone", "2001:db8::4", 0, NULL},
    };
    static const struct
    {
        const char *name, *wanted[6];
    } rows[] = {
      {"eth0", {"192.0.2.1", "fe80::1%2"}},
      {"eth0:1", {"192.0.2.2"}},
      {"tun0", {"192.0.2.3", "2001:db8::3"}},
      {"eth0:2", {NULL}},
      {"eth", {NULL}},
      {"gone", {NULL}},
      {NULL,
       {"192.0.2.1", "192.0.2.2", "192.0.2.3", "2001:db8::3", "fe80::1%2"}},
    };
    size_t i, at, count;
    (void) state_;

    system_new ();
    system_has (host, COUNT (host));
    for (i = 0; i < COUNT (rows); i++) {
        zds_ifaddr_t *ifaddrs;
        assert_int_equal (zds_host_ifaddrs (rows[i].name, &ifaddrs, &count), 0);
        for (at = 0; rows[i].wanted[at] != NULL; at++) {
            const zds_addr_t wanted = addr_of (rows[i].wanted[at]);
            assert_true (at < count);
            assert_true (zds_addr_equal (&ifaddrs[at].addr, &wanted));
            if (rows[i].name != NULL)
                assert_string_equal (ifaddrs[at].name, rows[i].name);
        }
        assert_int_equal (count, at);
        free (ifaddrs);
    }
}

/*  A list that changed while it was read is asked for again; a sandbox may refuse any
    of the calls; a lack of memory or descriptors is reported.  */
static void test_a_kernel_that_does_not_tell (void **state_)
{
    static const system_ifaddr_t host[] = {{"eth0", "192.0.2.1", 0, NULL}};
    static const struct
    {
        int socket, send, recv, told;
        unsigned interrupts;
        int rc;
        unsigned dumps, ifaddrs_calls;
    } rows[] = {
      {0, 0, 0, 0, 0, 0, 1, 0},           {0, 0, 0, 0, 1, 0, 2, 0},
      {0, 0, 0, 0, 4, 0, 5, 0},           {0, 0, 0, 0, 99, 0, 5, 1},
      {EPERM, 0, 0, 0, 0, 0, 0, 1},       {EAFNOSUPPORT, 0, 0, 0, 0, 0, 0, 1},
      {0, EACCES, 0, 0, 0, 0, 1, 1},      {0, 0, ENOBUFS, 0, 0, 0, 1, 1},
      {0, 0, 0, EPERM, 0, 0, 1, 1},       {EMFILE, 0, 0, 0, 0, EMFILE, 0, 0},
      {ENFILE, 0, 0, 0, 0, ENFILE, 0, 0}, {0, 0, 0, ENOMEM, 0, ENOMEM, 1, 0},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_ifaddr_t *ifaddrs;
        size_t count;
        system_new ();
        system_has (host, COUNT (host));
        sys.netlink_errno = rows[i].socket;
        sys.send_errno = rows[i].send;
        sys.recv_errno = rows[i].recv;
        sys.told_error = rows[i].told;
        sys.interrupts = rows[i].interrupts;
        assert_int_equal (zds_host_ifaddrs ("eth0", &ifaddrs, &count),
                          rows[i].rc);
        assert_int_equal (count, rows[i].rc == 0 ? 1 : 0);
        assert_int_equal (sys.dumps, rows[i].dumps);
        assert_int_equal (sys.ifaddrs_calls, rows[i].ifaddrs_calls);
        assert_int_equal (sys.open_sockets, 0);
        free (ifaddrs);
    }
}

static void test_a_signal_and_a_message_that_is_too_long (void **state_)
{
    static const system_ifaddr_t host[] = {{"eth0", "192.0.2.1", 0, NULL}};
    zds_ifaddr_t *ifaddrs;
    size_t count;
    (void) state_;

    system_new ();
    system_has (host, COUNT (host));
    sys.signals = 2;
    assert_int_equal (zds_host_ifaddrs ("eth0", &ifaddrs, &count), 0);
    assert_int_equal (count, 1);
    assert_int_equal (sys.ifaddrs_calls, 0);
    free (ifaddrs);
    sys.recv_size = 1000000;
    assert_int_equal (zds_host_ifaddrs ("eth0", &ifaddrs, &count), 0);
    assert_int_equal (sys.ifaddrs_calls, 1);
    free (ifaddrs);
}

static void test_nothing_watches_addresses (void **state_)
{
    int fd = 7;
    (void) state_;

    system_new ();
    sys.netlink_errno = EPERM;
    assert_int_equal (zds_host_watch (&fd), EPERM);
    assert_int_equal (fd, -1);
    sys.netlink_errno = 0;
    sys.bind_errno = EACCES;
    assert_int_equal (zds_host_watch (&fd), EACCES);
    assert_int_equal (fd, -1);
    assert_int_equal (sys.open_sockets, 0);
}

static void test_what_is_no_address_is_left_out (void **state_)
{
    static char long_name[300];
    const system_ifaddr_t host[] = {
      {"eth0", NULL, 0, NULL},
      {"eth0", "packet", 0, NULL},
      {long_name, "192.0.2.9", 0, NULL},
      {"eth0", "192.0.2.1", 0, NULL},
    };
    zds_ifaddr_t *ifaddrs;
    size_t count;
    (void) state_;

    memset (long_name, 'x', sizeof long_name - 1);
    system_new ();
    system_has (host, COUNT (host));
    sys.netlink_errno = EPERM;
    assert_int_equal (zds_host_ifaddrs (NULL, &ifaddrs, &count), 0);
    assert_int_equal (count, 1);
    assert_string_equal (ifaddrs[0].name, "eth0");
    free (ifaddrs);
}

static void test_a_host_with_many_addresses (void **state_)
{
    static system_ifaddr_t host[100];
    static char text[100][32];
    zds_ifaddr_t *ifaddrs;
    size_t count, i;
    (void) state_;

    for (i = 0; i < COUNT (host); i++) {
        snprintf (text[i], sizeof text[i], "2001:db8::%zx", i + 1);
        host[i].name = i % 2 == 0 ? "eth0" : "eth1";
        host[i].addr = text[i];
    }
    system_new ();
    system_has (host, COUNT (host));
    assert_int_equal (zds_host_ifaddrs ("eth1", &ifaddrs, &count), 0);
    assert_int_equal (count, COUNT (host) / 2);
    for (i = 0; i < count; i++) {
        const zds_addr_t wanted = addr_of (text[2 * i + 1]);
        assert_string_equal (ifaddrs[i].name, "eth1");
        assert_true (zds_addr_equal (&ifaddrs[i].addr, &wanted));
    }
    free (ifaddrs);
}

/*  A busy system is asked again, for a second; one that lacks memory or descriptors
    is not.  */
static void test_getifaddrs_fails (void **state_)
{
    static const struct
    {
        int error;
        unsigned times;
        int rc;
        unsigned calls;
    } rows[] = {
      {ECONNREFUSED, 1, 0, 2},
      {ECONNREFUSED, 9, 0, 10},
      {ECONNREFUSED, 10, ECONNREFUSED, 10},
      {EMFILE, 1, EMFILE, 1},
      {ENOBUFS, 1, ENOBUFS, 1},
    };
    static const system_ifaddr_t host[] = {{"eth0", "fe80::1%2", 0, NULL}};
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_ifaddr_t *ifaddrs = (zds_ifaddr_t *) &ifaddrs;
        size_t count = 7;

        system_new ();
        system_has (host, COUNT (host));
        sys.netlink_errno = EPERM;
        sys.ifaddrs_errno = rows[i].error;
        sys.ifaddrs_fails = rows[i].times;
        assert_int_equal (zds_host_ifaddrs ("eth0", &ifaddrs, &count),
                          rows[i].rc);
        assert_int_equal (sys.ifaddrs_calls, rows[i].calls);
        assert_true (sys.napped <= 1100);
        assert_int_equal (sys.naps > 0, rows[i].error == ECONNREFUSED);
        assert_int_equal (count, rows[i].rc == 0 ? 1 : 0);
        if (rows[i].rc != 0)
            assert_null (ifaddrs);
        free (ifaddrs);
        /*  Where that cannot be found out, the host counts as having IPv6.  */
        sys.ifaddrs_fails = rows[i].times;
        assert_int_equal (zds_host_view ().has_ipv6, rows[i].rc != 0);
    }
}

static void test_which_host_has_ipv6 (void **state_)
{
    static const struct
    {
        const char *addr;
        bool has;
    } rows[] = {
      {NULL, false},         {"packet", false}, {"192.0.2.1", false},
      {"::1", false},        {"::", false},     {"fe80::1%2", false},
      {"2001:db8::1", true}, {"fd00::1", true}, {"::ffff:192.0.2.1", false},
      {"fec0::1", true},     {"2002::1", true},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        const system_ifaddr_t host[] = {{"lo", "::1", 0, NULL},
                                        {"eth0", rows[i].addr, 0, NULL}};
        system_new ();
        system_has (host, COUNT (host));
        if (zds_host_view ().has_ipv6 != rows[i].has)
            fail_msg ("%s", rows[i].addr);
    }
}

/*  Addresses that do not count do not change the number.  */
static void test_c15_the_network_of_a_host (void **state_)
{
    static const system_ifaddr_t all[] = {{"lo", "::1", 0, NULL},
                                          {"eth0", "fe80::1%2", 0, NULL},
                                          {"eth0", "192.0.2.1", 0, NULL},
                                          {"eth0", "2001:db8::1", 0, NULL},
                                          {"eth0", "fd00::1", 0, NULL}};
    uint64_t network;
    (void) state_;

    system_new ();
    system_has (all, 2);
    assert_int_equal (zds_host_view ().network, 1);
    system_new ();
    system_has (all + 2, 3);
    network = zds_host_view ().network;
    system_new ();
    system_has (all, 5);
    assert_int_equal (zds_host_view ().network, network);
    system_new ();
    system_has (all, 4);
    assert_int_not_equal (zds_host_view ().network, network);
    sys.netlink_errno = EMFILE;
    assert_int_equal (zds_host_view ().network, 0);
}

/*  Reads the settings with stderr in a file, and returns what was written there.  */
static void settings_and_stderr (char *text_, size_t size_)
{
    FILE *const file = tmpfile ();
    const int before = dup (2);
    size_t len;

    assert_non_null (file);
    fflush (stderr);
    dup2 (fileno (file), 2);
    zds_host_settings (ZDS_SETTINGS_FILE);
    fflush (stderr);
    dup2 (before, 2);
    close (before);
    rewind (file);
    len = fread (text_, 1, size_ - 1, file);
    text_[len] = '\0';
    fclose (file);
}

static void test_unknown_words_are_named_once (void **state_)
{
    char text[300];
    (void) state_;

    unsetenv ("ZMQ_DUALSTACK");
    settings_and_stderr (text, sizeof text);
    assert_string_equal (text, "");
    setenv ("ZMQ_DUALSTACK", "off,colour=red", 1);
    settings_and_stderr (text, sizeof text);
    assert_non_null (strstr (text, "ZMQ_DUALSTACK"));
    assert_non_null (strstr (text, "colour=red"));
    assert_null (strstr (text, "off"));
    settings_and_stderr (text, sizeof text);
    assert_string_equal (text, "");
    unsetenv ("ZMQ_DUALSTACK");
}

/*  Literals.  */

static void test_literals_without_memory (void **state_)
{
    zds_local_t local = {.mode = ZDS_MODE_AUTO};
    zds_bind_plan_t plan;
    zds_addr_t addr;
    unsigned families;
    (void) state_;

    system_new ();
    sys.v4.rc = sys.v6.rc = EAI_MEMORY;
    assert_int_equal (zds_addr_parse (&addr, "192.0.2.1", AF_INET), ENOMEM);
    assert_int_equal (
      zds_endpoint_parse (&local.endpoint, "192.0.2.1:5", ZDS_PORT_BIND), 0);
    assert_int_equal (zds_bind_plan_make (&plan, &local, false), ENOMEM);
    assert_int_equal (zds_families (local.mode, &local, NULL, &families),
                      ENOMEM);
    /*  An answer too short for its family.  */
    system_new ();
    sys.v6.addrs[0] = "::1";
    sys.addrlen = sizeof (struct sockaddr_in);
    assert_int_equal (zds_addr_parse (&addr, "::1", AF_INET6), EINVAL);
}

/*  Names.  */

static const system_ifaddr_t host_with_ipv6[] = {
  {"eth0", "2001:db8::1", 0, NULL}};

static zds_answer_t found;

static size_t
look_up (const char *host_, zds_look_t look_, zds_lookup_status_t status_)
{
    memset (&found, 0, sizeof found);
    zds_lookup (host_, look_, &found);
    assert_int_equal (found.status, status_);
    assert_true (found.count <= ZDS_MAX_ADDRS);
    return found.count;
}

static void check_found (const char *const *expected_)
{
    char text[80];
    size_t i;

    for (i = 0; i < found.count; i++) {
        const zds_addr_t addr = addr_of (expected_[i]);
        if (!zds_addr_equal (&found.addr[i], &addr))
            fail_msg ("%zu: %s", i,
                      text_of (&found.addr[i], text, sizeof text));
    }
    assert_null (expected_[found.count]);
}

static void test_how_a_look_up_fails (void **state_)
{
    static const struct
    {
        int rc;
        zds_lookup_status_t status;
    } rows[] = {
      {EAI_AGAIN, ZDS_LOOKUP_TEMPORARY},  {EAI_MEMORY, ZDS_LOOKUP_TEMPORARY},
      {EAI_SYSTEM, ZDS_LOOKUP_TEMPORARY}, {EAI_NONAME, ZDS_LOOKUP_DONE},
      {EAI_NODATA, ZDS_LOOKUP_DONE},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        system_new ();
        system_has (host_with_ipv6, COUNT (host_with_ipv6));
        sys.v6.rc = sys.v4.rc = rows[i].rc;
        assert_int_equal (look_up ("name", ZDS_LOOK_IPV6, rows[i].status), 0);
        assert_int_equal (look_up ("name", ZDS_LOOK_IPV4, rows[i].status), 0);
        assert_int_equal (sys.questions, 2);
    }
}

static void test_answers_of_one_family (void **state_)
{
    static const char *const expected[] = {"192.0.2.1", "192.0.2.2", NULL};
    (void) state_;

    system_new ();
    system_has (host_with_ipv6, COUNT (host_with_ipv6));
    sys.v4 =
      (system_answer_t){0, {"192.0.2.1", "192.0.2.2", NULL, NULL, NULL, NULL}};
    assert_int_equal (look_up ("name", ZDS_LOOK_IPV4, ZDS_LOOKUP_DONE), 2);
    check_found (expected);
    /*  Addresses that are not complete.  */
    sys.addrlen = 4;
    assert_int_equal (look_up ("name", ZDS_LOOK_IPV4, ZDS_LOOKUP_DONE), 0);
}

/*  Both families with one call, in the order and with the scopes of the libc.  */
static void test_a_whole_answer (void **state_)
{
    static const char *const expected[] = {"fe80::9%7", "192.0.2.1",
                                           "2001:db8::1", NULL};
    (void) state_;

    system_new ();
    sys.any = (system_answer_t){
      0, {"fe80::9%7", "192.0.2.1", "2001:db8::1", NULL, NULL, NULL}};
    sys.canonical = "host.example";
    assert_int_equal (look_up ("name", ZDS_LOOK_WHOLE, ZDS_LOOKUP_DONE), 3);
    check_found (expected);
    assert_true (found.host == zds_hash_name ("HOST.example"));
    assert_true (found.host != zds_hash_name ("host.example."));
    assert_true (zds_hash_name ("") == 0 && zds_hash_name (NULL) == 0);
    assert_int_equal (sys.questions, 1);
}

/*  resolv.conf says with how many dots or more a name is first tried as it
    stands.  */
static void test_a_name_as_it_stands (void **state_)
{
    static const struct
    {
        const char *host, *canonical;
        bool is_known; /* what resolv.conf says */
        bool is_exact;
    } rows[] = {
      {"db.example", "db.example", true, true},
      {"db.example", "DB.Example", true, true},
      {"db.example", "db.example.corp", true, false},
      {"db.example", "other.example", true, false},
      {"db.example", "db.example", false, false},
      {"db", "db", true, false},
      {"db.example.", "other.example", false, true},
      {"", "", true, false},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        system_new ();
        sys.any.addrs[0] = "::1";
        sys.canonical = rows[i].canonical;
        _res.ndots = 1;
        _res.options = rows[i].is_known ? RES_INIT : 0;
        look_up (rows[i].host, ZDS_LOOK_WHOLE, ZDS_LOOKUP_DONE);
        if (found.is_exact != rows[i].is_exact)
            fail_msg ("row %zu: %d", i, found.is_exact);
    }
    memset (&_res, 0, sizeof _res);
}

/*  On a host without IPv6, only names of the host itself lead to IPv6.  */
static void test_which_names_have_ipv6 (void **state_)
{
    static const char hosts[] = "127.0.0.1 localhost name\n"
                                "2001:db8::5 remote\n"
                                "fe80::1%lo remote\n"
                                "::1 other here\n";
    static const struct
    {
        const char *host;
        bool asks;
    } rows[] = {
      {"LocalHost", true}, {"a.localhost", true}, {"alocalhost", false},
      {"name", false},     {"remote", false},     {"here", true},
      {"unknown", false},  {"host", false},
    };
    size_t i;
    (void) state_;

    system_new ();
    sys.hosts = hosts;
    for (i = 0; i < COUNT (rows); i++) {
        if (zds_lookup_asks_ipv6 (rows[i].host, false) != rows[i].asks)
            fail_msg ("%s", rows[i].host);
    }
    sys.hosts = NULL;
    assert_false (zds_lookup_asks_ipv6 ("here", false));
    assert_true (zds_lookup_asks_ipv6 ("name", true));
    assert_int_equal (sys.questions, 0);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_flags_come_from_the_kernel),
      cmocka_unit_test (test_a_signal_and_a_message_that_is_too_long),
      cmocka_unit_test (test_nothing_watches_addresses),
      cmocka_unit_test (test_names_and_addresses_from_the_kernel),
      cmocka_unit_test (test_a_kernel_that_does_not_tell),
      cmocka_unit_test (test_what_is_no_address_is_left_out),
      cmocka_unit_test (test_a_host_with_many_addresses),
      cmocka_unit_test (test_getifaddrs_fails),
      cmocka_unit_test (test_which_host_has_ipv6),
      cmocka_unit_test (test_c15_the_network_of_a_host),
      cmocka_unit_test (test_unknown_words_are_named_once),
      cmocka_unit_test (test_literals_without_memory),
      cmocka_unit_test (test_how_a_look_up_fails),
      cmocka_unit_test (test_answers_of_one_family),
      cmocka_unit_test (test_a_whole_answer),
      cmocka_unit_test (test_a_name_as_it_stands),
      cmocka_unit_test (test_which_names_have_ipv6),
    };
    return cmocka_run_group_tests_name ("system", tests, NULL, NULL);
}
