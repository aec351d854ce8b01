/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"
#include "zds_host.h"

static void test_a_line_of_a_hosts_file (void **state_)
{
    static const struct
    {
        const char *line, *host;
        const char *address; /* NULL: not on this line */
    } rows[] = {
      {"::1 localhost ip6-localhost\n", "localhost", "::1"},
      {"::1 localhost ip6-localhost\n", "ip6-localhost", "::1"},
      {"::1 localhost ip6-localhost\n", "IP6-LocalHost", "::1"},
      {"::1 localhost ip6-localhost\n", "local", NULL},
      {"::1 localhost ip6-localhost\n", "localhost.", NULL},
      {"::1 localhost ip6-localhost\n", "::1", NULL},
      {"127.0.0.1 localhost\n", "localhost", NULL},
      {"\t2001:db8::1\thost.test\r\n", "host.test", "2001:db8::1"},
      {"2001:db8::1 a b # c\n", "c", NULL},
      {"2001:db8::1 a b#c\n", "b", "2001:db8::1"},
      {"# 2001:db8::1 a\n", "a", NULL},
      {"2001:db8::1\n", "2001:db8::1", NULL},
      {"2001:db8::g a\n", "a", NULL},
      {"\n", "a", NULL},
      {"", "", NULL},
      {"::1", "", NULL},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_addr_t addr, expected;
        char line[100];
        bool found;
        assert_true (strlen (rows[i].line) < sizeof line);
        strcpy (line, rows[i].line);
        found = zds_lookup_hosts_line (line, rows[i].host, &addr);
        if (found != (rows[i].address != NULL))
            fail_msg ("row %zu: %d", i, found);
        if (!found)
            continue;
        expected = addr_of (rows[i].address);
        assert_true (zds_addr_equal (&addr, &expected));
    }
}

/*  Of the real machine, only what every machine has.  */
static void test_localhost (void **state_)
{
    zds_answer_t answer;
    size_t i;
    (void) state_;

    memset (&answer, 0, sizeof answer);
    zds_lookup ("localhost", ZDS_LOOK_IPV4, &answer);
    assert_int_equal (answer.status, ZDS_LOOKUP_DONE);
    assert_true (answer.count >= 1);
    for (i = 0; i < answer.count; i++) {
        assert_int_equal (zds_addr_family (&answer.addr[i]), AF_INET);
        assert_int_equal (ntohl (answer.addr[i].v4.sin_addr.s_addr) >> 24, 127);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_a_line_of_a_hosts_file),
      cmocka_unit_test (test_localhost),
    };
    return cmocka_run_group_tests_name ("lookup", tests, NULL, NULL);
}
