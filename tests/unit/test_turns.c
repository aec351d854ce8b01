/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"
#include "zds_ask.h"

enum
{
    MAX = 8
};

static zds_answer_t answer_of (const char *const *addrs_)
{
    zds_answer_t answer;

    memset (&answer, 0, sizeof answer);
    while (addrs_[answer.count] != NULL) {
        answer.addr[answer.count] = addr_of (addrs_[answer.count]);
        answer.count++;
    }
    return answer;
}

/*  Two answers, and what those get who ask after that: the second answer, in which
    the addresses that moved are turned by one place more each time.  */
static void test_turns (void **state_)
{
    static const struct
    {
        const char *before[MAX], *now[MAX];
        bool moves;
        const char *dealt[3][MAX];
    } rows[] = {
      /*  A name server that rotates.  */
      {{"192.0.2.1", "192.0.2.2", "192.0.2.3", NULL},
       {"192.0.2.2", "192.0.2.3", "192.0.2.1", NULL},
       true,
       {{"192.0.2.2", "192.0.2.3", "192.0.2.1", NULL},
        {"192.0.2.3", "192.0.2.1", "192.0.2.2", NULL},
        {"192.0.2.1", "192.0.2.2", "192.0.2.3", NULL}}},
      /*  A fixed order.  */
      {{"192.0.2.1", "192.0.2.2", NULL},
       {"192.0.2.1", "192.0.2.2", NULL},
       false,
       {{"192.0.2.1", "192.0.2.2", NULL},
        {"192.0.2.1", "192.0.2.2", NULL},
        {"192.0.2.1", "192.0.2.2", NULL}}},
      /*  The nearest one stays first (RFC 6724, rule 9), the others rotate.  */
      {{"2001:db8::1", "2001:db8:1::2", "2001:db8:1::3", NULL},
       {"2001:db8::1", "2001:db8:1::3", "2001:db8:1::2", NULL},
       true,
       {{"2001:db8::1", "2001:db8:1::3", "2001:db8:1::2", NULL},
        {"2001:db8::1", "2001:db8:1::2", "2001:db8:1::3", NULL},
        {"2001:db8::1", "2001:db8:1::3", "2001:db8:1::2", NULL}}},
      /*  Each family rotates by itself, wherever the libc puts it.  */
      {{"2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2", NULL},
       {"192.0.2.1", "2001:db8::2", "2001:db8::1", "192.0.2.2", NULL},
       true,
       {{"192.0.2.1", "2001:db8::2", "2001:db8::1", "192.0.2.2", NULL},
        {"192.0.2.1", "2001:db8::1", "2001:db8::2", "192.0.2.2", NULL},
        {"192.0.2.1", "2001:db8::2", "2001:db8::1", "192.0.2.2", NULL}}},
      /*  Other addresses, as from a pool: the newer ones count.  */
      {{"192.0.2.1", "192.0.2.2", NULL},
       {"192.0.2.3", "192.0.2.4", "192.0.2.5", NULL},
       true,
       {{"192.0.2.3", "192.0.2.4", "192.0.2.5", NULL},
        {"192.0.2.4", "192.0.2.3", "192.0.2.5", NULL},
        {"192.0.2.3", "192.0.2.4", "192.0.2.5", NULL}}},
      /*  There are no addresses any more.  */
      {{"192.0.2.1", "192.0.2.2", NULL},
       {NULL},
       false,
       {{NULL}, {NULL}, {NULL}}},
      {{NULL},
       {"192.0.2.1", NULL},
       false,
       {{"192.0.2.1", NULL}, {"192.0.2.1", NULL}, {"192.0.2.1", NULL}}},
    };
    size_t i, k, turn;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        const zds_answer_t before = answer_of (rows[i].before);
        const zds_answer_t now = answer_of (rows[i].now);
        bool moves[ZDS_MAX_ADDRS];
        if (zds_turns_find (moves, &before, &now) != rows[i].moves)
            fail_msg ("row %zu", i);
        for (turn = 0; turn < 3; turn++) {
            const zds_answer_t expected = answer_of (rows[i].dealt[turn]);
            zds_answer_t answer = now;
            zds_turns_deal (&answer, moves, (unsigned) turn);
            assert_int_equal (answer.count, expected.count);
            for (k = 0; k < answer.count; k++)
                if (!zds_addr_equal (&answer.addr[k], &expected.addr[k]))
                    fail_msg ("row %zu, turn %zu, place %zu", i, turn, k);
        }
    }
}

/*  When the first address is down, all others share the askers that it had.  */
static void test_each_pair_is_in_front_once (void **state_)
{
    static const char *const addrs[] = {"192.0.2.1", "192.0.2.2", "192.0.2.3",
                                        "192.0.2.4", NULL};
    const zds_answer_t now = answer_of (addrs);
    const bool moves[ZDS_MAX_ADDRS] = {true, true, true, true};
    unsigned turn, met[5][5] = {{0}};
    size_t i, k;
    (void) state_;

    for (turn = 0; turn < 12; turn++) {
        zds_answer_t answer = now;
        zds_turns_deal (&answer, moves, turn);
        met[ntohl (answer.addr[0].v4.sin_addr.s_addr) & 7]
           [ntohl (answer.addr[1].v4.sin_addr.s_addr) & 7]++;
    }
    for (i = 1; i <= 4; i++)
        for (k = 1; k <= 4; k++)
            assert_int_equal (met[i][k], i != k);
}

static void test_which_answers_may_rotate (void **state_)
{
    static const struct
    {
        const char *addrs[MAX];
        bool may;
    } rows[] = {
      {{NULL}, false},
      {{"192.0.2.1", NULL}, false},
      {{"2001:db8::1", "192.0.2.1", NULL}, false},
      {{"192.0.2.1", "192.0.2.2", NULL}, true},
      {{"2001:db8::1", "192.0.2.1", "2001:db8::2", NULL}, true},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        const zds_answer_t answer = answer_of (rows[i].addrs);
        if (zds_turns_possible (&answer) != rows[i].may)
            fail_msg ("row %zu", i);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_turns),
      cmocka_unit_test (test_each_pair_is_in_front_once),
      cmocka_unit_test (test_which_answers_may_rotate),
    };
    return cmocka_run_group_tests_name ("turns", tests, NULL, NULL);
}
