/* SPDX-License-Identifier: MPL-2.0 */

//  The C core of the dual-stack TCP transport decides without a socket, a
//  thread or a clock, so that a test can invent the host, the network and the
//  time.

#include "../tests/testutil.hpp"

#include "zds_bind.h"
#include "zds_race.h"
#include "zds_settings.h"

#include <errno.h>
#include <string.h>
#include <unity.h>

void setUp ()
{
}
void tearDown ()
{
}

static zds_addr_t addr_of (const char *text_, uint16_t port_)
{
    zds_addr_t addr;
    const int family = strchr (text_, ':') != NULL ? AF_INET6 : AF_INET;
    TEST_ASSERT_EQUAL_INT (0, zds_addr_parse (&addr, text_, family));
    zds_addr_set_port (&addr, port_);
    return addr;
}

static void expect_addr (const char *text_, uint16_t port_, zds_addr_t addr_)
{
    const zds_addr_t expected = addr_of (text_, port_);
    TEST_ASSERT_TRUE_MESSAGE (zds_addr_equal (&expected, &addr_), text_);
}

// tcp endpoints

static void expect_endpoint (const char *text_,
                             const char *host_,
                             const char *zone_,
                             int port_)
{
    zds_endpoint_t endpoint;
    TEST_ASSERT_EQUAL_INT (
      0, zds_endpoint_parse (&endpoint, text_, ZDS_PORT_BIND));
    TEST_ASSERT_EQUAL_STRING (host_, endpoint.host);
    TEST_ASSERT_EQUAL_STRING (zone_, endpoint.zone);
    TEST_ASSERT_EQUAL_INT (port_, endpoint.port);
}

void test_endpoint ()
{
    expect_endpoint ("*:*", "*", "", 0);
    expect_endpoint ("eth0:5555", "eth0", "", 5555);
    expect_endpoint ("192.0.2.1:0", "192.0.2.1", "", 0);
    expect_endpoint ("[2001:db8::1]:5555", "2001:db8::1", "", 5555);
    expect_endpoint ("[fe80::1%eth0]:5555", "fe80::1", "eth0", 5555);

    zds_endpoint_t endpoint;
    TEST_ASSERT_EQUAL_INT (
      EINVAL, zds_endpoint_parse (&endpoint, "host", ZDS_PORT_CONNECT));
    TEST_ASSERT_EQUAL_INT (
      EINVAL, zds_endpoint_parse (&endpoint, "host:*", ZDS_PORT_CONNECT));
    TEST_ASSERT_EQUAL_STRING ("host:5555",
                              zds_endpoint_destination ("eth0:0;host:5555"));
}

// the sockets of a bind

static size_t invent_host (zds_ifaddr_t ifaddrs_[])
{
    static const struct
    {
        const char *addr;
        unsigned flags;
    } eth0[] = {{"192.0.2.1", 0},
                {"2001:db8::7", ZDS_IFADDR_TEMPORARY},
                {"fd00::1", 0},
                {"2001:db8::1", 0}};
    const size_t count = sizeof eth0 / sizeof eth0[0];
    memset (ifaddrs_, 0, count * sizeof ifaddrs_[0]);
    for (size_t i = 0; i < count; ++i) {
        strcpy (ifaddrs_[i].name, "eth0");
        ifaddrs_[i].addr = addr_of (eth0[i].addr, 0);
        ifaddrs_[i].flags = eth0[i].flags;
    }
    return count;
}

static zds_bind_plan_t plan_for (const char *text_, zds_mode_t mode_)
{
    zds_ifaddr_t ifaddrs[4];
    zds_local_t local;
    local.mode = mode_;
    local.ifaddrs = ifaddrs;
    local.count = invent_host (ifaddrs);
    TEST_ASSERT_EQUAL_INT (
      0, zds_endpoint_parse (&local.endpoint, text_, ZDS_PORT_BIND));
    zds_bind_plan_t plan;
    TEST_ASSERT_EQUAL_INT (0, zds_bind_plan_make (&plan, &local, false));
    return plan;
}

void test_plan_of_wildcard ()
{
    zds_bind_plan_t plan = plan_for ("*:5555", ZDS_MODE_AUTO);
    TEST_ASSERT_EQUAL_INT (1, plan.count);
    expect_addr ("::", 5555, plan.listener[0].addr);
    TEST_ASSERT_EQUAL_INT (ZDS_V6ONLY_OFF, plan.listener[0].v6only);
    TEST_ASSERT_TRUE (plan.listener[0].as_ipv4);

    plan = plan_for ("*:5555", ZDS_MODE_V4);
    TEST_ASSERT_EQUAL_INT (1, plan.count);
    expect_addr ("0.0.0.0", 5555, plan.listener[0].addr);
}

void test_plan_of_interface ()
{
    //  The global address that is neither temporary nor deprecated stands for
    //  the interface.
    zds_bind_plan_t plan = plan_for ("eth0:5555", ZDS_MODE_AUTO);
    TEST_ASSERT_EQUAL_INT (2, plan.count);
    expect_addr ("192.0.2.1", 5555, plan.listener[0].addr);
    expect_addr ("2001:db8::1", 5555, plan.listener[1].addr);
    TEST_ASSERT_EQUAL_INT (ZDS_V6ONLY_ON, plan.listener[1].v6only);

    plan = plan_for ("eth0:5555", ZDS_MODE_V4);
    TEST_ASSERT_EQUAL_INT (1, plan.count);
    expect_addr ("192.0.2.1", 5555, plan.listener[0].addr);
}

//  The port that the system chose for the first socket is taken in the second
//  family: both are closed, and it is the second family's turn to choose.
void test_bind_agrees_on_a_port ()
{
    const zds_bind_plan_t plan = plan_for ("eth0:*", ZDS_MODE_AUTO);
    zds_bind_t bind;
    zds_bind_start (&bind, &plan);

    zds_bind_step_t step = zds_bind_next (&bind);
    TEST_ASSERT_EQUAL_INT (ZDS_BIND_OPEN, step.op);
    expect_addr ("192.0.2.1", 0, step.listener.addr);
    zds_bind_opened (&bind, 1111);

    step = zds_bind_next (&bind);
    TEST_ASSERT_EQUAL_INT (ZDS_BIND_OPEN, step.op);
    expect_addr ("2001:db8::1", 1111, step.listener.addr);
    zds_bind_failed (&bind, ZDS_AT_BIND, EADDRINUSE);

    TEST_ASSERT_EQUAL_INT (ZDS_BIND_CLOSE, zds_bind_next (&bind).op);
    zds_bind_closed (&bind);

    step = zds_bind_next (&bind);
    TEST_ASSERT_EQUAL_INT (ZDS_BIND_OPEN, step.op);
    expect_addr ("2001:db8::1", 0, step.listener.addr);
    zds_bind_opened (&bind, 2222);

    step = zds_bind_next (&bind);
    TEST_ASSERT_EQUAL_INT (ZDS_BIND_OPEN, step.op);
    expect_addr ("192.0.2.1", 2222, step.listener.addr);
    zds_bind_opened (&bind, 2222);
    TEST_ASSERT_EQUAL_INT (ZDS_BIND_DONE, zds_bind_next (&bind).op);
}

void test_bind_is_all_or_nothing ()
{
    const zds_bind_plan_t plan = plan_for ("eth0:5555", ZDS_MODE_AUTO);
    zds_bind_t bind;
    zds_bind_start (&bind, &plan);
    zds_bind_opened (&bind, 5555);
    zds_bind_failed (&bind, ZDS_AT_BIND, EADDRINUSE);
    TEST_ASSERT_EQUAL_INT (ZDS_BIND_CLOSE, zds_bind_next (&bind).op);
    zds_bind_closed (&bind);
    TEST_ASSERT_EQUAL_INT (ZDS_BIND_FAILED, zds_bind_next (&bind).op);
    TEST_ASSERT_EQUAL_INT (EADDRINUSE, zds_bind_next (&bind).error);
}

// races, under virtual time

static void expect_ask (zds_race_t *race_, uint64_t now_, unsigned looks_)
{
    const zds_race_step_t step = zds_race_next (race_, now_);
    TEST_ASSERT_EQUAL_INT (ZDS_RACE_ASK, step.op);
    TEST_ASSERT_EQUAL_INT (looks_, step.looks);
}

static zds_race_t race_for (const char *ipv6_, const char *ipv4_)
{
    zds_race_config_t config;
    zds_race_config_default (&config);
    config.port = 5555;
    zds_race_t race;
    TEST_ASSERT_EQUAL_INT (0, zds_race_init (&race, &config, 0));
    expect_ask (&race, 0, ZDS_LOOK_BIT (ZDS_LOOK_WHOLE));

    zds_answer_t answer;
    memset (&answer, 0, sizeof answer);
    answer.addr[answer.count++] = addr_of (ipv6_, 0);
    answer.addr[answer.count++] = addr_of (ipv4_, 0);
    zds_race_answer (&race, ZDS_LOOK_WHOLE, &answer);
    return race;
}

//  Returns the attempt.
static unsigned
expect_start (zds_race_t *race_, uint64_t now_, const char *text_)
{
    const zds_race_step_t step = zds_race_next (race_, now_);
    TEST_ASSERT_EQUAL_INT (ZDS_RACE_START, step.op);
    expect_addr (text_, 5555, step.addr);
    return step.attempt;
}

static void expect_wait (zds_race_t *race_, uint64_t now_, uint64_t deadline_)
{
    const zds_race_step_t step = zds_race_next (race_, now_);
    TEST_ASSERT_EQUAL_INT (ZDS_RACE_WAIT, step.op);
    TEST_ASSERT_TRUE (deadline_ == step.deadline);
}

void test_race_refused ()
{
    zds_race_t race = race_for ("2001:db8::1", "192.0.2.1");
    zds_race_failed (&race, expect_start (&race, 0, "2001:db8::1"),
                     ECONNREFUSED);
    const unsigned attempt = expect_start (&race, 3, "192.0.2.1");
    zds_race_connected (&race, attempt, 5);
    const zds_race_step_t step = zds_race_next (&race, 5);
    TEST_ASSERT_EQUAL_INT (ZDS_RACE_WON, step.op);
    TEST_ASSERT_EQUAL_INT (attempt, step.attempt);
}

void test_race_silent ()
{
    zds_race_t race = race_for ("2001:db8::1", "192.0.2.1");
    const unsigned silent = expect_start (&race, 0, "2001:db8::1");
    expect_wait (&race, 0, 250);
    const unsigned attempt = expect_start (&race, 250, "192.0.2.1");
    zds_race_connected (&race, attempt, 260);

    const zds_race_step_t step = zds_race_next (&race, 260);
    TEST_ASSERT_EQUAL_INT (ZDS_RACE_CANCEL, step.op);
    TEST_ASSERT_EQUAL_INT (silent, step.attempt);
    TEST_ASSERT_EQUAL_INT (ZDS_RACE_WON, zds_race_next (&race, 260).op);
}

void test_race_all_refused ()
{
    zds_race_t race = race_for ("2001:db8::1", "192.0.2.1");
    zds_race_failed (&race, expect_start (&race, 0, "2001:db8::1"),
                     ECONNREFUSED);
    zds_race_failed (&race, expect_start (&race, 1, "192.0.2.1"), ECONNREFUSED);
    const zds_race_step_t step = zds_race_next (&race, 2);
    TEST_ASSERT_EQUAL_INT (ZDS_RACE_FAILED, step.op);
    TEST_ASSERT_EQUAL_INT (ECONNREFUSED, step.error);
}

//  RFC 8305 section 3: a late answer for one family costs 50 ms.
void test_race_resolution_delay ()
{
    zds_race_config_t config;
    zds_race_config_default (&config);
    config.port = 5555;
    zds_race_t race;
    TEST_ASSERT_EQUAL_INT (0, zds_race_init (&race, &config, 100));
    zds_answer_t answer;
    memset (&answer, 0, sizeof answer);
    answer.addr[answer.count++] = addr_of ("192.0.2.1", 0);

    expect_ask (&race, 100, ZDS_LOOK_BIT (ZDS_LOOK_WHOLE));
    zds_ask_runs (&race.ask, 100);
    expect_wait (&race, 100, 150);
    expect_ask (&race, 150,
                ZDS_LOOK_BIT (ZDS_LOOK_IPV4) | ZDS_LOOK_BIT (ZDS_LOOK_IPV6));
    zds_race_answer (&race, ZDS_LOOK_IPV4, &answer);
    expect_start (&race, 151, "192.0.2.1");
}

// ZMQ_DUALSTACK

void test_settings ()
{
    zds_settings_t settings;
    char complaint[64] = "";
    zds_settings_default (&settings);
    zds_settings_words (&settings, NULL, complaint, sizeof complaint);
    TEST_ASSERT_FALSE (settings.off);
    TEST_ASSERT_EQUAL_INT (250, settings.attempt_delay);

    zds_settings_words (&settings, "off,attempt-delay=100,attempt-delay=9,nix",
                        complaint, sizeof complaint);
    TEST_ASSERT_TRUE (settings.off);
    TEST_ASSERT_EQUAL_INT (100, settings.attempt_delay);
    TEST_ASSERT_EQUAL_STRING (
      "attempt-delay=9 (out of bounds 10..2000), nix (not known)", complaint);
}

int main ()
{
    setup_test_environment ();

    UNITY_BEGIN ();
    RUN_TEST (test_endpoint);
    RUN_TEST (test_plan_of_wildcard);
    RUN_TEST (test_plan_of_interface);
    RUN_TEST (test_bind_agrees_on_a_port);
    RUN_TEST (test_bind_is_all_or_nothing);
    RUN_TEST (test_race_refused);
    RUN_TEST (test_race_silent);
    RUN_TEST (test_race_all_refused);
    RUN_TEST (test_race_resolution_delay);
    RUN_TEST (test_settings);
    return UNITY_END ();
}
