/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"
#include "zds_stranger.h"

/*  A race that the first of 'names_' has won: see c9_prospects_of.  */
static zds_race_t
race_won_by (zds_candidate_t *candidates_, size_t count_, unsigned still_asked_)
{
    zds_race_config_t config;
    zds_race_t race;
    zds_race_step_t step;
    unsigned families = still_asked_;
    size_t i;

    for (i = 0; i < count_; i++)
        families |= zds_addr_family (&candidates_[i].addr) == AF_INET6
                      ? ZDS_ASK_IPV6
                      : ZDS_ASK_IPV4;
    zds_race_config_default (&config);
    assert_int_equal (zds_race_init (&race, &config, families, 0), 0);
    if ((families & ~still_asked_ & ZDS_ASK_IPV6) != 0)
        zds_race_answer (&race, AF_INET6, candidates_, count_, 0);
    if ((families & ~still_asked_ & ZDS_ASK_IPV4) != 0)
        zds_race_answer (&race, AF_INET, candidates_, count_, 0);
    for (;;) {
        step = zds_race_next (&race, 1000);
        assert_int_equal (step.op, ZDS_RACE_START);
        if (zds_addr_equal (&step.addr, &candidates_[0].addr))
            break;
        zds_race_failed (&race, step.attempt, ECONNREFUSED, 1000);
    }
    zds_race_connected (&race, step.attempt, 1000);
    return race;
}

static zds_candidate_t candidate (const char *addr_, zds_record_t record_)
{
    zds_candidate_t one;

    memset (&one, 0, sizeof one);
    one.addr = addr_of (addr_);
    one.record = record_;
    return one;
}

/*  "wu": was_wrong w, is_unusual x, has_usual u, has_untried n.  */
static const char *text_of_prospects (const zds_prospects_t *p_, char *text_)
{
    sprintf (text_, "%s%s%s%s", p_->was_wrong ? "w" : "",
             p_->is_unusual ? "x" : "", p_->has_usual ? "u" : "",
             p_->has_untried ? "n" : "");
    return text_;
}

static void test_c9_prospects (void **state_)
{
    static const struct
    {
        zds_mode_t mode;
        const char *winner, *other; /* addresses; NULL: no other */
        zds_record_t winner_record, other_record;
        unsigned still_asked;
        const char *expected;
    } rows[] = {
      /*  IPv6 won in auto: the usual family, IPv4, is there, untried.  */
      {ZDS_MODE_AUTO, "2001:db8::1", "192.0.2.1", ZDS_RECORD_NONE,
       ZDS_RECORD_NONE, 0, "xun"},
      {ZDS_MODE_V6, "2001:db8::1", "192.0.2.1", ZDS_RECORD_NONE,
       ZDS_RECORD_NONE, 0, "n"},
      {ZDS_MODE_AUTO, "2001:db8::1", NULL, ZDS_RECORD_NONE, ZDS_RECORD_NONE, 0,
       "x"},
      {ZDS_MODE_AUTO, "192.0.2.1", NULL, ZDS_RECORD_NONE, ZDS_RECORD_NONE, 0,
       ""},
      {ZDS_MODE_AUTO, "192.0.2.1", NULL, ZDS_RECORD_WRONG, ZDS_RECORD_NONE, 0,
       "w"},
      /*  The answer for the usual family is still to come.  */
      {ZDS_MODE_AUTO, "2001:db8::1", NULL, ZDS_RECORD_NONE, ZDS_RECORD_NONE,
       ZDS_ASK_IPV4, "xu"},
      /*  A wrong server is nothing to go on to; what failed may be.  */
      {ZDS_MODE_AUTO, "2001:db8::1", "192.0.2.1", ZDS_RECORD_NONE,
       ZDS_RECORD_WRONG, 0, "x"},
      {ZDS_MODE_AUTO, "2001:db8::1", "192.0.2.1", ZDS_RECORD_NONE,
       ZDS_RECORD_FAILED, 0, "xu"},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_candidate_t all[2];
        zds_prospects_t prospects;
        zds_race_t race;
        char text[8];
        size_t count = 1;

        all[0] = candidate (rows[i].winner, rows[i].winner_record);
        if (rows[i].other != NULL)
            all[count++] = candidate (rows[i].other, rows[i].other_record);
        race = race_won_by (all, count, rows[i].still_asked);
        prospects = zds_stranger_prospects (&race, rows[i].mode);
        if (strcmp (text_of_prospects (&prospects, text), rows[i].expected)
            != 0)
            fail_msg ("row %d: %s", (int) i, text);
    }
}

static void test_no_prospects_without_a_winner (void **state_)
{
    zds_race_config_t config;
    zds_race_t race;
    zds_prospects_t prospects;
    char text[8];
    (void) state_;

    zds_race_config_default (&config);
    zds_race_init (&race, &config, ZDS_ASK_IPV6 | ZDS_ASK_IPV4, 0);
    prospects = zds_stranger_prospects (&race, ZDS_MODE_AUTO);
    assert_string_equal (text_of_prospects (&prospects, text), "");
}

static void test_c9_how_long (void **state_)
{
    static const struct
    {
        bool has_usual, has_untried, has_interval;
        unsigned times; /* that the session goes on; 99: for ever */
    } rows[] = {
      {true, true, true, 99},
      {true, false, true, 99},
      /*  Without an interval stock would have given up at once.  */
      {true, false, false, ZDS_STRANGER_TIMES},
      {true, true, false, ZDS_STRANGER_TIMES},
      {false, true, true, ZDS_STRANGER_TIMES},
      {false, true, false, ZDS_STRANGER_TIMES},
      {false, false, true, 0},
      {false, false, false, 0},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        const zds_prospects_t prospects = {false, false, rows[i].has_usual,
                                           rows[i].has_untried};
        unsigned times = 0, n = 0;

        while (n < 99
               && zds_stranger_go_on (&prospects, rows[i].has_interval, &times))
            n++;
        if (n != rows[i].times)
            fail_msg ("row %d: %u times", (int) i, n);
    }
}

static void test_c9_who_is_suspect (void **state_)
{
    static const struct
    {
        zds_prospects_t prospects; /* wrong, unusual, usual, untried */
        bool expected;
    } rows[] = {
      {{false, false, false, false}, false},
      {{false, true, false, false}, false},
      {{false, true, true, false}, true},
      {{true, true, true, false}, true},
      {{false, false, true, false}, false},
      {{false, false, false, true}, true},
      {{true, false, false, true}, false},
      {{true, true, false, true}, false},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++)
        if (zds_stranger_is_suspect (&rows[i].prospects) != rows[i].expected)
            fail_msg ("row %d", (int) i);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_c9_prospects),
      cmocka_unit_test (test_no_prospects_without_a_winner),
      cmocka_unit_test (test_c9_how_long),
      cmocka_unit_test (test_c9_who_is_suspect),
    };
    return cmocka_run_group_tests_name ("stranger", tests, NULL, NULL);
}
