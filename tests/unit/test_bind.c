/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"
#include "zds_bind.h"

/*  A host with a bit of everything.  */
typedef struct
{
    const char *name;
    const char *addr;
    unsigned flags;
} interface_t;

static const interface_t host[] = {
  {"lo", "127.0.0.1", 0},
  {"eth0", "192.0.2.1", 0},
  {"eth0", "192.0.2.2", 0},
  {"eth0:1", "192.0.2.3", 0},
  {"v4", "198.51.100.1", 0},
  {"lo", "2001:db8::53", 0},
  {"lo", "::1", 0},
  {"eth0", "2001:db8::a", ZDS_IFADDR_TEMPORARY},
  {"eth0", "fe80::1%2", 0},
  {"eth0", "2001:db8::b", ZDS_IFADDR_DEPRECATED},
  {"eth0", "fd00::1", 0},
  {"eth0", "2001:db8::c", 0},
  {"eth0", "2001:db8::d", 0},
  {"temp", "fd00::2", 0},
  {"temp", "2001:db8::e", ZDS_IFADDR_TEMPORARY},
  {"ula", "fe80::2%4", 0},
  {"ula", "fd00::3", ZDS_IFADDR_DEPRECATED},
  {"ula", "fd00::4", 0},
  {"link", "fe80::3%5", 0},
  {"dad", "192.0.2.9", 0},
  {"dad", "2001:db8::f", ZDS_IFADDR_TENTATIVE},
  {"dup", "192.0.2.10", 0},
  {"dup", "2001:db8::10", ZDS_IFADDR_TENTATIVE | ZDS_IFADDR_DUPLICATE},
  {"10", "203.0.113.1", 0},
};

static size_t ifaddrs_of_host (zds_ifaddr_t *ifaddrs_)
{
    size_t i;

    for (i = 0; i < COUNT (host); i++) {
        memset (&ifaddrs_[i], 0, sizeof ifaddrs_[i]);
        strcpy (ifaddrs_[i].name, host[i].name);
        ifaddrs_[i].addr = addr_of (host[i].addr);
        ifaddrs_[i].flags = host[i].flags;
    }
    return COUNT (host);
}

/*  "[::]:5 off as4, 0.0.0.0:5 opt": the sockets of a plan, each with its flags.  */
static const char *
text_of_plan (const zds_bind_plan_t *plan_, char *buffer_, size_t size_)
{
    static const char *const v6only[] = {"", " off", " on"};
    char addr[80];
    size_t used = 0;
    unsigned i;

    buffer_[0] = '\0';
    for (i = 0; i < plan_->count; i++) {
        const zds_listener_t *one = &plan_->listener[i];
        used += (size_t) snprintf (
          buffer_ + used, size_ - used, "%s%s%s%s%s%s", i > 0 ? ", " : "",
          text_of (&one->addr, addr, sizeof addr), v6only[one->v6only],
          one->freebind ? " free" : "", one->optional ? " opt" : "",
          one->as_ipv4 ? " as4" : "");
    }
    return buffer_;
}

/*  What this host's if_nametoindex says about the zones in the tables.  */
static uint32_t zone_of (const zds_endpoint_t *endpoint_)
{
    if (strcmp (endpoint_->zone, "eth0") == 0)
        return 2;
    return endpoint_->zone[0] == '\0' ? 0 : 77;
}

static int plan (zds_bind_plan_t *plan_, const char *text_, zds_mode_t mode_)
{
    zds_ifaddr_t ifaddrs[COUNT (host)];
    zds_local_t local = {.mode = mode_, .ifaddrs = ifaddrs};

    local.count = ifaddrs_of_host (ifaddrs);
    assert_int_equal (
      zds_endpoint_parse (&local.endpoint, text_, ZDS_PORT_BIND), 0);
    local.endpoint.scope = zone_of (&local.endpoint);
    return zds_bind_plan_make (plan_, &local, false);
}

typedef struct
{
    const char *text;
    const char *in_auto, *in_v6, *in_v4; /* NULL: ENODEV */
} row_t;

static void
check_plan (const char *text_, zds_mode_t mode_, const char *expected_)
{
    zds_bind_plan_t made;
    char text[200];
    const int rc = plan (&made, text_, mode_);

    if (expected_ == NULL) {
        if (rc != ENODEV)
            fail_msg ("%s in mode %d: %d", text_, mode_, rc);
        return;
    }
    if (rc != 0)
        fail_msg ("%s in mode %d: errno %d", text_, mode_, rc);
    if (strcmp (text_of_plan (&made, text, sizeof text), expected_) != 0)
        fail_msg ("%s in mode %d: %s", text_, mode_, text);
    assert_true (made.why[0] != '\0');
}

static void check_rows (const row_t *rows_, size_t count_)
{
    size_t i;

    for (i = 0; i < count_; i++) {
        check_plan (rows_[i].text, ZDS_MODE_AUTO, rows_[i].in_auto);
        check_plan (rows_[i].text, ZDS_MODE_V6, rows_[i].in_v6);
        check_plan (rows_[i].text, ZDS_MODE_V4, rows_[i].in_v4);
    }
}

static void test_b1_wildcard (void **state_)
{
    static const row_t rows[] = {
      {"*:5", "[::]:5 off as4", "[::]:5 off", "0.0.0.0:5"},
      {"*:*", "[::]:0 off as4", "[::]:0 off", "0.0.0.0:0"},
      {"[*]:0", "[::]:0 off as4", "[::]:0 off", "0.0.0.0:0"},
    };
    (void) state_;
    check_rows (rows, COUNT (rows));
}

static void test_b2_interface (void **state_)
{
    static const row_t rows[] = {
      /*  Of the IPv6 addresses, the first global one that is neither temporary nor
          deprecated.  */
      {"eth0:5", "192.0.2.1:5, [2001:db8::c]:5 on opt",
       "[2001:db8::c]:5 on, 192.0.2.1:5 opt", "192.0.2.1:5"},
      {"eth0:1:5", "192.0.2.3:5", "192.0.2.3:5", "192.0.2.3:5"},
      {"v4:5", "198.51.100.1:5", "198.51.100.1:5", "198.51.100.1:5"},
      {"lo:5", "127.0.0.1:5, [::1]:5 on opt", "[::1]:5 on, 127.0.0.1:5 opt",
       "127.0.0.1:5"},
      {"temp:5", "[2001:db8::e]:5 on", "[2001:db8::e]:5 on", NULL},
      {"ula:5", "[fd00::4]:5 on", "[fd00::4]:5 on", NULL},
      {"link:5", "[fe80::3%5]:5 on", "[fe80::3%5]:5 on", NULL},
      {"dad:5", "192.0.2.9:5, [2001:db8::f]:5 on free opt",
       "[2001:db8::f]:5 on free, 192.0.2.9:5 opt", "192.0.2.9:5"},
      {"dup:5", "192.0.2.10:5", "192.0.2.10:5", "192.0.2.10:5"},
      {"nosuch:5", NULL, NULL, NULL},
      {"ETH0:5", NULL, NULL, NULL},
      {":5", NULL, NULL, NULL},
      /*  An interface comes before a literal of the same spelling.  */
      {"10:5", "203.0.113.1:5", "203.0.113.1:5", "203.0.113.1:5"},
    };
    (void) state_;
    check_rows (rows, COUNT (rows));
}

static void test_b3_literal (void **state_)
{
    static const row_t rows[] = {
      {"127.0.0.1:5", "127.0.0.1:5", "[::ffff:127.0.0.1]:5 off", "127.0.0.1:5"},
      {"127.1:5", "127.0.0.1:5", "[::ffff:127.0.0.1]:5 off", "127.0.0.1:5"},
      {"0.0.0.0:5", "0.0.0.0:5", "[::ffff:0.0.0.0]:5 off", "0.0.0.0:5"},
      {"[::]:5", "[::]:5 on", "[::]:5 off", NULL},
      {"[::1]:5", "[::1]:5 on", "[::1]:5 off", NULL},
      {"::1:5", "[::1]:5 on", "[::1]:5 off", NULL},
      {"[fe80::1%eth0]:5", "[fe80::1%2]:5 on", "[fe80::1%2]:5 off", NULL},
      {"[::ffff:127.0.0.1]:5", "127.0.0.1:5", "[::ffff:127.0.0.1]:5 off",
       "127.0.0.1:5"},
      {"localhost:5", NULL, NULL, NULL},
      {"[::1:5", NULL, NULL, NULL},
    };
    (void) state_;
    check_rows (rows, COUNT (rows));
}

static void test_b8_names (void **state_)
{
    static const struct
    {
        const char *answers[4];
        const char *in_auto, *in_v6, *in_v4;
    } rows[] = {
      {{"10.0.0.1", "10.0.0.2", "2001:db8::1", "2001:db8::2"},
       "10.0.0.1:5, [2001:db8::1]:5 on opt",
       "[2001:db8::1]:5 off, 10.0.0.1:5 opt",
       "10.0.0.1:5"},
      {{"10.0.0.1"}, "10.0.0.1:5", "[::ffff:10.0.0.1]:5 off", "10.0.0.1:5"},
      {{"2001:db8::1"}, "[2001:db8::1]:5 on", "[2001:db8::1]:5 off", NULL},
      /*  A dual-stack wildcard leaves nothing for a second socket.  */
      {{"::", "10.0.0.1"},
       "10.0.0.1:5, [::]:5 on opt",
       "[::]:5 off",
       "10.0.0.1:5"},
      {{NULL}, NULL, NULL, NULL},
    };
    zds_local_t local;
    size_t i, n, mode;
    (void) state_;

    memset (&local, 0, sizeof local);
    zds_endpoint_parse (&local.endpoint, "name:5", ZDS_PORT_BIND);
    for (i = 0; i < COUNT (rows); i++) {
        const char *const expected[] = {rows[i].in_auto, rows[i].in_v6,
                                        rows[i].in_v4};
        zds_addr_t addrs[4];

        for (n = 0; n < 4 && rows[i].answers[n] != NULL; n++)
            addrs[n] = addr_of (rows[i].answers[n]);
        for (mode = ZDS_MODE_AUTO; mode <= ZDS_MODE_V4; mode++) {
            zds_bind_plan_t made;
            char text[200];
            int rc;
            local.mode = (zds_mode_t) mode;
            rc = zds_bind_plan_names (&made, &local, addrs, n);
            assert_int_equal (rc, expected[mode] == NULL ? ENODEV : 0);
            if (rc == 0)
                assert_string_equal (text_of_plan (&made, text, sizeof text),
                                     expected[mode]);
        }
    }
}

/*  A zone is that of the IPv6 address, as in libzmq.  */
static void test_b8_a_name_in_a_zone (void **state_)
{
    const zds_addr_t addrs[] = {addr_of ("10.0.0.1"), addr_of ("fe80::1")};
    zds_local_t local = {.mode = ZDS_MODE_V6};
    zds_bind_plan_t made;
    char text[200];
    (void) state_;

    zds_endpoint_parse (&local.endpoint, "name%eth0:5", ZDS_PORT_BIND);
    local.endpoint.scope = 2;
    assert_int_equal (zds_bind_plan_names (&made, &local, addrs, 2), 0);
    assert_string_equal (text_of_plan (&made, text, sizeof text),
                         "[fe80::1%2]:5 off, 10.0.0.1:5 opt");
}

/*  Carries a plan out on an invented system, which has one answer for each socket
    that is opened, in order.  The result is the log of the steps.  */
typedef struct
{
    zds_bind_stage_t stage; /* where it fails */
    int error;              /* 0: it succeeds ... */
    uint16_t port;          /* ... on this port */
} answer_t;

static const char *name_of (int error_)
{
    static const struct
    {
        int error;
        const char *name;
    } names[] = {
      {EADDRINUSE, "EADDRINUSE"}, {EADDRNOTAVAIL, "EADDRNOTAVAIL"},
      {EACCES, "EACCES"},         {EPERM, "EPERM"},
      {EMFILE, "EMFILE"},         {ENODEV, "ENODEV"},
      {EINVAL, "EINVAL"},         {EAFNOSUPPORT, "EAFNOSUPPORT"},
    };
    size_t i;

    for (i = 0; i < COUNT (names); i++)
        if (names[i].error == error_)
            return names[i].name;
    return "an errno that the test does not know";
}

static const char *
run (zds_bind_plan_t *plan_, const answer_t *answers_, char *log_, size_t size_)
{
    static const char *const v6only[] = {"", " off", " on"};
    zds_bind_t bind;
    char addr[80];
    size_t used = 0;
    unsigned steps;

    zds_bind_start (&bind, plan_);
    for (steps = 0; steps < 1000; steps++) {
        const zds_bind_step_t step = zds_bind_next (&bind);
        const zds_bind_step_t again = zds_bind_next (&bind);

        assert_memory_equal (&step, &again, sizeof step);
        switch (step.op) {
            case ZDS_BIND_OPEN:
                used += (size_t) snprintf (
                  log_ + used, size_ - used, "%u=%s%s ", step.slot,
                  text_of (&step.listener.addr, addr, sizeof addr),
                  v6only[step.listener.v6only]);
                if (answers_->error == 0)
                    zds_bind_opened (&bind, answers_->port);
                else
                    zds_bind_failed (&bind, answers_->stage, answers_->error);
                answers_++;
                break;
            case ZDS_BIND_CLOSE:
                used += (size_t) snprintf (log_ + used, size_ - used,
                                           "close%u ", step.slot);
                zds_bind_closed (&bind);
                break;
            case ZDS_BIND_DONE:
                snprintf (log_ + used, size_ - used, "done%u", step.slot);
                return log_;
            case ZDS_BIND_FAILED:
                snprintf (log_ + used, size_ - used, "%s",
                          name_of (step.error));
                return log_;
        }
    }
    fail_msg ("no end after %s", log_);
    return NULL;
}

typedef struct
{
    const char *text;
    zds_mode_t mode;
    answer_t answers[8];
    const char *expected;
} run_row_t;

static void check_runs (const run_row_t *rows_, size_t count_)
{
    size_t i;

    for (i = 0; i < count_; i++) {
        zds_bind_plan_t made;
        char log[500];

        assert_int_equal (plan (&made, rows_[i].text, rows_[i].mode), 0);
        run (&made, rows_[i].answers, log, sizeof log);
        if (strcmp (log, rows_[i].expected) != 0)
            fail_msg ("%s: %s", rows_[i].text, log);
    }
}

#define AUTO ZDS_MODE_AUTO
#define V6 ZDS_MODE_V6
#define V4 ZDS_MODE_V4

static void test_b4_one_port_for_both_families (void **state_)
{
    static const run_row_t rows[] = {
      {"eth0:5",
       AUTO,
       {{0, 0, 5}, {0, 0, 5}},
       "0=192.0.2.1:5 1=[2001:db8::c]:5 on done2"},
      {"eth0:*",
       AUTO,
       {{0, 0, 7}, {0, 0, 7}},
       "0=192.0.2.1:0 1=[2001:db8::c]:7 on done2"},
      {"eth0:*",
       V6,
       {{0, 0, 7}, {0, 0, 7}},
       "0=[2001:db8::c]:0 on 1=192.0.2.1:7 done2"},
      /*  The port is taken in the second family: a new one for both.  */
      {"eth0:*",
       AUTO,
       {{0, 0, 7}, {ZDS_AT_BIND, EADDRINUSE, 0}, {0, 0, 8}, {0, 0, 8}},
       "0=192.0.2.1:0 1=[2001:db8::c]:7 on close0 "
       "1=[2001:db8::c]:0 on 0=192.0.2.1:8 done2"},
    };
    (void) state_;
    check_runs (rows, COUNT (rows));
}

static void test_b4_gives_up_in_the_end (void **state_)
{
    zds_bind_plan_t made;
    zds_bind_t bind;
    unsigned opened = 0, closed = 0;
    (void) state_;

    plan (&made, "eth0:*", AUTO);
    zds_bind_start (&bind, &made);
    for (;;) {
        const zds_bind_step_t step = zds_bind_next (&bind);
        if (step.op == ZDS_BIND_FAILED) {
            assert_int_equal (step.error, EADDRINUSE);
            break;
        }
        if (step.op == ZDS_BIND_CLOSE) {
            closed++;
            zds_bind_closed (&bind);
        } else if (zds_addr_port (&step.listener.addr) == 0) {
            /*  The families take turns in choosing the port.  */
            assert_int_equal (step.slot, opened % 2);
            opened++;
            zds_bind_opened (&bind, (uint16_t) (1000 + opened));
        } else
            zds_bind_failed (&bind, ZDS_AT_BIND, EADDRINUSE);
    }
    assert_int_equal (opened, ZDS_BIND_MAX_TRIES);
    assert_int_equal (closed, opened);
}

static void test_b5_all_or_nothing (void **state_)
{
    static const run_row_t rows[] = {
      {"eth0:5",
       AUTO,
       {{0, 0, 5}, {ZDS_AT_BIND, EADDRINUSE, 0}},
       "0=192.0.2.1:5 1=[2001:db8::c]:5 on close0 EADDRINUSE"},
      {"eth0:*",
       AUTO,
       {{0, 0, 7}, {ZDS_AT_BIND, EACCES, 0}},
       "0=192.0.2.1:0 1=[2001:db8::c]:7 on close0 EACCES"},
      {"eth0:5",
       AUTO,
       {{0, 0, 5}, {ZDS_AT_SOCKET, EMFILE, 0}},
       "0=192.0.2.1:5 1=[2001:db8::c]:5 on close0 EMFILE"},
      {"eth0:5",
       AUTO,
       {{ZDS_AT_BIND, EADDRINUSE, 0}},
       "0=192.0.2.1:5 EADDRINUSE"},
      {"eth0:5",
       AUTO,
       {{ZDS_AT_BIND, EADDRNOTAVAIL, 0}},
       "0=192.0.2.1:5 EADDRNOTAVAIL"},
      {"*:5", AUTO, {{ZDS_AT_BIND, EADDRINUSE, 0}}, "0=[::]:5 off EADDRINUSE"},
      {"*:5", AUTO, {{ZDS_AT_SOCKET, EMFILE, 0}}, "0=[::]:5 off EMFILE"},
      {"*:5",
       AUTO,
       {{ZDS_AT_OPTION, EPERM, 0}, {ZDS_AT_OPTION, EPERM, 0}},
       "0=[::]:5 off 0=0.0.0.0:5 EPERM"},
      {"127.0.0.1:5",
       AUTO,
       {{ZDS_AT_BIND, EADDRINUSE, 0}},
       "0=127.0.0.1:5 EADDRINUSE"},
      {"[::1]:5",
       AUTO,
       {{ZDS_AT_SOCKET, EAFNOSUPPORT, 0}},
       "0=[::1]:5 on ENODEV"},
    };
    (void) state_;
    check_runs (rows, COUNT (rows));
}

static void test_b7_hosts_without_ipv6 (void **state_)
{
    static const run_row_t rows[] = {
      {"*:5",
       AUTO,
       {{ZDS_AT_SOCKET, EAFNOSUPPORT, 0}, {0, 0, 5}},
       "0=[::]:5 off 0=0.0.0.0:5 done1"},
      {"*:*",
       V6,
       {{ZDS_AT_SOCKET, EAFNOSUPPORT, 0}, {0, 0, 9}},
       "0=[::]:0 off 0=0.0.0.0:0 done1"},
      {"*:5",
       AUTO,
       {{ZDS_AT_BIND, EADDRNOTAVAIL, 0}, {0, 0, 5}},
       "0=[::]:5 off 0=0.0.0.0:5 done1"},
      /*  A sandbox that forbids IPv6.  */
      {"*:5",
       AUTO,
       {{ZDS_AT_SOCKET, EACCES, 0}, {0, 0, 5}},
       "0=[::]:5 off 0=0.0.0.0:5 done1"},
      {"*:5",
       AUTO,
       {{ZDS_AT_SOCKET, EAFNOSUPPORT, 0}, {ZDS_AT_BIND, EADDRINUSE, 0}},
       "0=[::]:5 off 0=0.0.0.0:5 EADDRINUSE"},
      {"eth0:5",
       AUTO,
       {{0, 0, 5}, {ZDS_AT_SOCKET, EAFNOSUPPORT, 0}},
       "0=192.0.2.1:5 1=[2001:db8::c]:5 on done1"},
      /*  An interface has a family that the process may not use.  */
      {"eth0:5",
       AUTO,
       {{0, 0, 5}, {ZDS_AT_SOCKET, EACCES, 0}},
       "0=192.0.2.1:5 1=[2001:db8::c]:5 on done1"},
      /*  The address is gone meanwhile, or a sandbox forbids to bind its family.  */
      {"eth0:5",
       AUTO,
       {{0, 0, 5}, {ZDS_AT_BIND, EADDRNOTAVAIL, 0}},
       "0=192.0.2.1:5 1=[2001:db8::c]:5 on done1"},
      {"*:5",
       AUTO,
       {{ZDS_AT_BIND, EPERM, 0}, {0, 0, 5}},
       "0=[::]:5 off 0=0.0.0.0:5 done1"},
      {"*:5",
       AUTO,
       {{ZDS_AT_V6ONLY, EPERM, 0}, {0, 0, 5}, {ZDS_AT_BIND, EACCES, 0}},
       "0=[::]:5 off 0=0.0.0.0:5 1=[::]:5 on done1"},
      {"eth0:5",
       AUTO,
       {{0, 0, 5}, {ZDS_AT_OPTION, ENOSYS, 0}},
       "0=192.0.2.1:5 1=[2001:db8::c]:5 on done1"},
      {"*:80",
       AUTO,
       {{ZDS_AT_BIND, EACCES, 0}, {ZDS_AT_BIND, EACCES, 0}},
       "0=[::]:80 off 0=0.0.0.0:80 EACCES"},
      {"127.0.0.1:5",
       AUTO,
       {{ZDS_AT_SOCKET, EAFNOSUPPORT, 0}},
       "0=127.0.0.1:5 EAFNOSUPPORT"},
      /*  Tentative, and no IP_FREEBIND here.  */
      {"dad:5",
       AUTO,
       {{0, 0, 5}, {ZDS_AT_BIND, EADDRNOTAVAIL, 0}},
       "0=192.0.2.9:5 1=[2001:db8::f]:5 on done1"},
      {"127.0.0.1:5",
       V6,
       {{ZDS_AT_SOCKET, EAFNOSUPPORT, 0}, {0, 0, 5}},
       "0=[::ffff:127.0.0.1]:5 off 0=127.0.0.1:5 done1"},
      {"[::1]:5",
       V6,
       {{ZDS_AT_SOCKET, EAFNOSUPPORT, 0}},
       "0=[::1]:5 off ENODEV"},
      /*  As stock: an interface's IPv4 address alone where IPv6 sockets cannot be
          made, but for no other reason.  */
      {"eth0:5",
       V6,
       {{ZDS_AT_SOCKET, EAFNOSUPPORT, 0}, {0, 0, 5}},
       "0=[2001:db8::c]:5 on 0=192.0.2.1:5 done1"},
      {"eth0:5",
       V6,
       {{ZDS_AT_SOCKET, EAFNOSUPPORT, 0}, {ZDS_AT_BIND, EADDRNOTAVAIL, 0}},
       "0=[2001:db8::c]:5 on 0=192.0.2.1:5 EADDRNOTAVAIL"},
      {"eth0:5",
       V6,
       {{ZDS_AT_SOCKET, EMFILE, 0}},
       "0=[2001:db8::c]:5 on EMFILE"},
      {"eth0:5",
       V6,
       {{ZDS_AT_BIND, EADDRNOTAVAIL, 0}},
       "0=[2001:db8::c]:5 on EADDRNOTAVAIL"},
    };
    (void) state_;
    check_runs (rows, COUNT (rows));
}

/*  Then a name means its IPv4 address, as with stock.  */
static void test_b7_a_name_without_ipv6 (void **state_)
{
    static const answer_t answers[] = {{ZDS_AT_SOCKET, EAFNOSUPPORT, 0},
                                       {0, 0, 5}};
    const zds_addr_t addrs[] = {addr_of ("::1"), addr_of ("127.0.0.1")};
    zds_local_t local = {.mode = V6};
    zds_bind_plan_t made;
    char log[200];
    (void) state_;

    zds_endpoint_parse (&local.endpoint, "name:5", ZDS_PORT_BIND);
    zds_bind_plan_names (&made, &local, addrs, COUNT (addrs));
    assert_string_equal (run (&made, answers, log, sizeof log),
                         "0=[::1]:5 off 0=127.0.0.1:5 done1");
}

static void test_b1_systems_without_dual_sockets (void **state_)
{
    static const run_row_t rows[] = {
      {"*:5",
       AUTO,
       {{ZDS_AT_V6ONLY, EINVAL, 0}, {0, 0, 5}, {0, 0, 5}},
       "0=[::]:5 off 0=0.0.0.0:5 1=[::]:5 on done2"},
      {"*:*",
       V6,
       {{ZDS_AT_V6ONLY, EINVAL, 0}, {0, 0, 7}, {0, 0, 7}},
       "0=[::]:0 off 0=[::]:0 on 1=0.0.0.0:7 done2"},
      {"*:*",
       AUTO,
       {{ZDS_AT_V6ONLY, EINVAL, 0},
        {0, 0, 7},
        {ZDS_AT_BIND, EADDRINUSE, 0},
        {0, 0, 8},
        {0, 0, 8}},
       "0=[::]:0 off 0=0.0.0.0:0 1=[::]:7 on close0 1=[::]:0 on 0=0.0.0.0:8 "
       "done2"},
      {"*:5",
       AUTO,
       {{ZDS_AT_V6ONLY, EINVAL, 0}, {0, 0, 5}, {ZDS_AT_BIND, EADDRINUSE, 0}},
       "0=[::]:5 off 0=0.0.0.0:5 1=[::]:5 on close0 EADDRINUSE"},
      /*  Where IPV6_V6ONLY cannot be set, there is IPv4, as with stock.  */
      {"*:5",
       AUTO,
       {{ZDS_AT_V6ONLY, EPERM, 0}, {0, 0, 5}, {ZDS_AT_V6ONLY, ENOSYS, 0}},
       "0=[::]:5 off 0=0.0.0.0:5 1=[::]:5 on done1"},
      {"*:5",
       V6,
       {{ZDS_AT_V6ONLY, EPERM, 0}, {ZDS_AT_V6ONLY, EPERM, 0}, {0, 0, 5}},
       "0=[::]:5 off 0=[::]:5 on 0=0.0.0.0:5 done1"},
      {"127.0.0.1:5",
       V6,
       {{ZDS_AT_V6ONLY, EINVAL, 0}, {0, 0, 5}},
       "0=[::ffff:127.0.0.1]:5 off 0=127.0.0.1:5 done1"},
    };
    (void) state_;
    check_runs (rows, COUNT (rows));
}

/*  The verdict on each address of the host: an address stands for its interface
    exactly if the plan has it, and the reason names what decided.  */
static void test_b2_why_an_address_was_chosen (void **state_)
{
    static const struct
    {
        const char *name, *addr;
        bool chosen;
        const char *word; /* in the reason */
    } rows[] = {
      {"lo", "127.0.0.1", true, "first IPv4"},
      {"lo", "::1", true, "loopback"},
      {"lo", "2001:db8::53", false, "loopback"},
      {"eth0", "192.0.2.1", true, "first IPv4"},
      {"eth0", "192.0.2.2", false, "another IPv4"},
      {"eth0:1", "192.0.2.3", true, "first IPv4"},
      {"eth0", "2001:db8::a", false, "temporary"},
      {"eth0", "fe80::1%2", false, "a global address comes first"},
      {"eth0", "2001:db8::b", false, "deprecated"},
      {"eth0", "fd00::1", false, "a global address comes first"},
      {"eth0", "2001:db8::c", true, "that lasts"},
      {"eth0", "2001:db8::d", false, "of its kind"},
      {"temp", "2001:db8::e", true, "none that lasts"},
      {"temp", "fd00::2", false, "a global address comes first"},
      {"ula", "fd00::4", true, "no global one"},
      {"ula", "fd00::3", false, "deprecated"},
      {"ula", "fe80::2%4", false, "a unique-local address comes first"},
      {"link", "fe80::3%5", true, "no other"},
      {"dad", "2001:db8::f", true, "that lasts"},
      {"dup", "2001:db8::10", false, "duplicate"},
    };
    zds_ifaddr_t ifaddrs[COUNT (host)];
    const size_t count = ifaddrs_of_host (ifaddrs);
    size_t i, at;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        const zds_addr_t addr = addr_of (rows[i].addr);
        const char *why;
        bool chosen;

        for (at = 0; strcmp (ifaddrs[at].name, rows[i].name) != 0
                     || !zds_addr_equal (&ifaddrs[at].addr, &addr);
             at++)
            assert_true (at + 1 < count);
        why = zds_ifaddr_why (ifaddrs, count, at, ZDS_MODE_AUTO, &chosen);
        if (chosen != rows[i].chosen || strstr (why, rows[i].word) == NULL)
            fail_msg ("%s %s: %d, %s", rows[i].name, rows[i].addr, chosen, why);
        why = zds_ifaddr_why (ifaddrs, count, at, ZDS_MODE_V4, &chosen);
        if (zds_addr_family (&addr) == AF_INET6)
            assert_string_equal (why, "the socket is IPv4-only");
        assert_int_equal (chosen,
                          rows[i].chosen && zds_addr_family (&addr) == AF_INET);
    }
}

static bool is_planned (const zds_bind_plan_t *plan_, const zds_addr_t *addr_)
{
    unsigned i;

    for (i = 0; i < plan_->count; i++)
        if (zds_addr_equal (&plan_->listener[i].addr, addr_))
            return true;
    return false;
}

static void test_b2_the_reason_agrees_with_the_plan (void **state_)
{
    zds_ifaddr_t ifaddrs[COUNT (host)];
    const size_t count = ifaddrs_of_host (ifaddrs);
    zds_bind_plan_t made;
    zds_mode_t mode;
    size_t i;
    (void) state_;

    for (mode = ZDS_MODE_AUTO; mode <= ZDS_MODE_V4; mode++)
        for (i = 0; i < count; i++) {
            char text[300];
            bool chosen, planned;

            snprintf (text, sizeof text, "%.255s:0", ifaddrs[i].name);
            planned = plan (&made, text, mode) == 0
                      && is_planned (&made, &ifaddrs[i].addr);
            zds_ifaddr_why (ifaddrs, count, i, mode, &chosen);
            if (chosen != planned)
                fail_msg ("%s, address %zu, mode %d", text, i, mode);
        }
}

static void test_who_needs_v6only (void **state_)
{
    static const struct
    {
        const char *addr;
        zds_v6only_t v6only;
        bool needs;
    } rows[] = {
      {"192.0.2.1", ZDS_V6ONLY_NONE, false},
      {"::", ZDS_V6ONLY_ON, true},
      {"::", ZDS_V6ONLY_OFF, true},
      {"::ffff:192.0.2.1", ZDS_V6ONLY_OFF, true},
      {"2001:db8::1", ZDS_V6ONLY_ON, false},
      {"::1", ZDS_V6ONLY_OFF, false},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_listener_t listener;
        memset (&listener, 0, sizeof listener);
        listener.addr = addr_of (rows[i].addr);
        listener.v6only = rows[i].v6only;
        if (zds_listener_needs_v6only (&listener) != rows[i].needs)
            fail_msg ("%s", rows[i].addr);
    }
}

/*  C-10: the source of a connection is of the destination's scope.  */
static void test_c10_address_for_a_destination (void **state_)
{
    static const struct
    {
        const char *name, *destination, *wanted;
    } rows[] = {
      {"eth0", "2001:db8::77", "2001:db8::c"},
      {"eth0", "fe80::77%2", "fe80::1%2"},
      {"eth0", "fd00::77", "fd00::1"},
      {"eth0", "::1", "2001:db8::c"},
      {"ula", "fd00::77", "fd00::4"},
      {"ula", "fe80::77%4", "fe80::2%4"},
      {"ula", "2001:db8::77", "fd00::4"},
      {"link", "fd00::77", "fe80::3%5"},
      {"temp", "2001:db8::77", "2001:db8::e"},
      {"half", "2001:db8::77", "fd00::5"},
      {"dad", "2001:db8::77", "2001:db8::f"},
      {"dup", "2001:db8::77", NULL},
      {"v4", "2001:db8::77", NULL},
      {"eth0", "192.0.2.77", "192.0.2.1"},
    };
    zds_ifaddr_t ifaddrs[COUNT (host) + 2];
    size_t count = ifaddrs_of_host (ifaddrs), i;
    (void) state_;

    memset (&ifaddrs[count], 0, 2 * sizeof ifaddrs[0]);
    strcpy (ifaddrs[count].name, "half");
    ifaddrs[count].addr = addr_of ("2001:db8::11");
    ifaddrs[count++].flags = ZDS_IFADDR_TENTATIVE;
    strcpy (ifaddrs[count].name, "half");
    ifaddrs[count++].addr = addr_of ("fd00::5");
    for (i = 0; i < COUNT (rows); i++) {
        const zds_addr_t destination = addr_of (rows[i].destination);
        const zds_ifaddr_t *const chosen =
          zds_ifaddr_choose (rows[i].name, zds_addr_family (&destination),
                             &destination, ifaddrs, count);
        if (rows[i].wanted == NULL) {
            assert_null (chosen);
        } else {
            const zds_addr_t wanted = addr_of (rows[i].wanted);
            assert_non_null (chosen);
            if (!zds_addr_equal (&chosen->addr, &wanted))
                fail_msg ("%s to %s", rows[i].name, rows[i].destination);
        }
    }
}

/*  B-11: the administrator may want 0.0.0.0 to be *.  */
static void test_b11_any (void **state_)
{
    static const struct
    {
        const char *text;
        zds_mode_t mode;
        const char *plan;
    } rows[] = {
      {"0.0.0.0:5", AUTO, "[::]:5 off as4"},
      {"0:5", AUTO, "[::]:5 off as4"},
      {"0.0.0.0:5", V6, "[::]:5 off"},
      {"0.0.0.0:5", V4, "0.0.0.0:5"},
      {"[::]:5", AUTO, "[::]:5 on"},
      {"[::ffff:0.0.0.0]:5", AUTO, "[::]:5 off as4"},
      {"127.0.0.1:5", AUTO, "127.0.0.1:5"},
      {"0.0.0.1:5", AUTO, "0.0.0.1:5"},
    };
    zds_local_t local;
    zds_bind_plan_t made;
    char text[200];
    size_t i;
    (void) state_;

    memset (&local, 0, sizeof local);
    for (i = 0; i < COUNT (rows); i++) {
        zds_endpoint_parse (&local.endpoint, rows[i].text, ZDS_PORT_BIND);
        local.mode = rows[i].mode;
        assert_int_equal (zds_bind_plan_make (&made, &local, true), 0);
        assert_string_equal (text_of_plan (&made, text, sizeof text),
                             rows[i].plan);
    }
}

/*  B-12: where a bind to an interface goes when the interface has these addresses.  */
typedef struct
{
    const char *bound; /* NULL: nothing */
    interface_t has[4];
    const char *does; /* "stay", "close", or the address to move to */
} follow_row_t;

#define TENTATIVE ZDS_IFADDR_TENTATIVE
#define DEPRECATED ZDS_IFADDR_DEPRECATED

static const follow_row_t follow_rows[] = {
  {NULL, {{NULL, NULL, 0}}, "stay"},
  {NULL, {{"eth0", "192.0.2.1", 0}}, "stay"},
  {NULL, {{"eth1", "2001:db8::1", 0}}, "stay"},
  {NULL, {{"eth0", "fe80::1%2", 0}}, "fe80::1%2"},
  {NULL, {{"eth0", "2001:db8::1", TENTATIVE}}, "2001:db8::1 free"},
  {NULL, {{"eth0", "2001:db8::1", ZDS_IFADDR_DUPLICATE}}, "stay"},
  {NULL,
   {{"eth0", "2001:db8::1", TENTATIVE}, {"eth0", "fe80::1%2", 0}},
   "fe80::1%2"},
  /*  The router's advertisement.  */
  {"fe80::1%2",
   {{"eth0", "fe80::1%2", 0}, {"eth0", "2001:db8::1", TENTATIVE}},
   "stay"},
  {"fe80::1%2",
   {{"eth0", "fe80::1%2", 0}, {"eth0", "2001:db8::1", 0}},
   "2001:db8::1"},
  {"fe80::1%2", {{"eth0", "fe80::1%2", 0}, {"eth1", "2001:db8::1", 0}}, "stay"},
  {"fd00::1",
   {{"eth0", "2001:db8::1", ZDS_IFADDR_TEMPORARY}, {"eth0", "fd00::1", 0}},
   "2001:db8::1"},
  /*  No move between equals, nor back to a worse address.  */
  {"2001:db8::1",
   {{"eth0", "2001:db8::2", 0}, {"eth0", "2001:db8::1", 0}},
   "stay"},
  {"2001:db8::1", {{"eth0", "fd00::1", 0}, {"eth0", "2001:db8::1", 0}}, "stay"},
  {"2001:db8::1", {{"eth0", "2001:db8::1", TENTATIVE}}, "stay"},
  /*  Renumbering.  */
  {"2001:db8::1",
   {{"eth0", "2001:db8::1", DEPRECATED}, {"eth0", "2001:db8:1::1", 0}},
   "2001:db8:1::1"},
  {"2001:db8::1",
   {{"eth0", "2001:db8::1", DEPRECATED}, {"eth0", "2001:db8:1::1", TENTATIVE}},
   "stay"},
  {"2001:db8::1", {{"eth0", "2001:db8:1::1", 0}}, "2001:db8:1::1"},
  {"2001:db8::1", {{"eth0", "fe80::1%2", 0}}, "fe80::1%2"},
  /*  The link went down; somebody else has the address; the address is on another
      interface.  */
  {"2001:db8::1", {{"eth0", "192.0.2.1", 0}}, "close"},
  {"2001:db8::1", {{"eth0", "2001:db8::1", ZDS_IFADDR_DUPLICATE}}, "close"},
  {"2001:db8::1", {{"eth1", "2001:db8::1", 0}}, "close"},
  {"fe80::1%2", {{"eth0", "fe80::1%3", 0}}, "fe80::1%3"},
  /*  Nobody wants into lo from outside.  */
  {"::1", {{"eth0", "2001:db8::1", 0}, {"eth0", "::1", 0}}, "stay"},
};

static void test_b12_follow_an_interface (void **state_)
{
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (follow_rows); i++) {
        const follow_row_t *const row = &follow_rows[i];
        zds_ifaddr_t ifaddrs[COUNT (row->has)];
        zds_follow_t follow;
        zds_follow_step_t step;
        char text[80] = "stay";
        size_t count;

        memset (&follow, 0, sizeof follow);
        memset (ifaddrs, 0, sizeof ifaddrs);
        strcpy (follow.name, "eth0");
        follow.port = 5555;
        if (row->bound != NULL)
            follow.bound = addr_of (row->bound);
        zds_addr_set_port (&follow.bound, row->bound != NULL ? 5555 : 0);
        for (count = 0; count < COUNT (row->has) && row->has[count].name;
             count++) {
            strcpy (ifaddrs[count].name, row->has[count].name);
            ifaddrs[count].addr = addr_of (row->has[count].addr);
            ifaddrs[count].flags = row->has[count].flags;
        }
        step = zds_follow_next (&follow, ifaddrs, count);
        if (step.listener.addr.sa.sa_family != 0) {
            assert_int_equal (zds_addr_port (&step.listener.addr), 5555);
            assert_int_equal (step.listener.v6only, ZDS_V6ONLY_ON);
            assert_non_null (step.why);
            text_of (&step.listener.addr, text, sizeof text);
            *strchr (text, ']') = '\0';
            memmove (text, text + 1, strlen (text));
            if (step.listener.freebind)
                strcat (text, " free");
        } else if (step.why != NULL)
            strcpy (text, "close");
        if (strcmp (text, row->does) != 0)
            fail_msg ("row %zu: %s", i, text);
    }
}

/*  A bind begins to follow from the address that it has bound.  */
static void test_b12_start (void **state_)
{
    static const struct
    {
        const char *text;
        zds_mode_t mode;
        const char *bound;
    } rows[] = {
      {"eth0:*", AUTO, "[2001:db8::c]:7"},
      {"eth0:*", V6, "[2001:db8::c]:7"},
      {"v4:*", AUTO, NULL},
      {"link:*", AUTO, "[fe80::3%5]:7"},
      {"eth0:*", V4, NULL},
      {"*:*", AUTO, NULL},
      {"127.0.0.1:*", AUTO, NULL},
      {"[::1]:*", AUTO, NULL},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_endpoint_t endpoint;
        zds_bind_plan_t made;
        zds_bind_t bind;
        zds_follow_t follow;
        char text[80];

        zds_endpoint_parse (&endpoint, rows[i].text, ZDS_PORT_BIND);
        assert_int_equal (plan (&made, rows[i].text, rows[i].mode), 0);
        assert_int_equal (made.follows,
                          i < 4); /* an interface, and not in mode v4 */
        zds_bind_start (&bind, &made);
        while (zds_bind_next (&bind).op == ZDS_BIND_OPEN)
            zds_bind_opened (&bind, 7);
        if (!made.follows)
            continue;
        zds_follow_start (&follow, &endpoint, &bind);
        assert_int_equal (follow.port, 7);
        if (rows[i].bound == NULL)
            assert_int_equal (zds_addr_family (&follow.bound), 0);
        else
            assert_string_equal (text_of (&follow.bound, text, sizeof text),
                                 rows[i].bound);
    }
}

/*  If the system does not tell the port, no other socket can share it.  */
static void test_b4_a_port_that_is_not_told (void **state_)
{
    zds_bind_plan_t made;
    zds_bind_t bind;
    (void) state_;

    assert_int_equal (plan (&made, "eth0:*", AUTO), 0);
    zds_bind_start (&bind, &made);
    zds_bind_opened (&bind, 0);
    assert_int_equal (zds_bind_next (&bind).op, ZDS_BIND_DONE);
    assert_int_equal (zds_bind_next (&bind).slot, 1);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_b1_wildcard),
      cmocka_unit_test (test_b2_interface),
      cmocka_unit_test (test_b2_why_an_address_was_chosen),
      cmocka_unit_test (test_b2_the_reason_agrees_with_the_plan),
      cmocka_unit_test (test_who_needs_v6only),
      cmocka_unit_test (test_b3_literal),
      cmocka_unit_test (test_b8_names),
      cmocka_unit_test (test_b8_a_name_in_a_zone),
      cmocka_unit_test (test_b7_a_name_without_ipv6),
      cmocka_unit_test (test_b4_one_port_for_both_families),
      cmocka_unit_test (test_b4_gives_up_in_the_end),
      cmocka_unit_test (test_b5_all_or_nothing),
      cmocka_unit_test (test_b7_hosts_without_ipv6),
      cmocka_unit_test (test_b1_systems_without_dual_sockets),
      cmocka_unit_test (test_c10_address_for_a_destination),
      cmocka_unit_test (test_b4_a_port_that_is_not_told),
      cmocka_unit_test (test_b11_any),
      cmocka_unit_test (test_b12_follow_an_interface),
      cmocka_unit_test (test_b12_start),
    };
    return cmocka_run_group_tests_name ("bind", tests, NULL, NULL);
}
