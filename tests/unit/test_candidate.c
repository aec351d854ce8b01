/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"
#include "zds_race.h"

enum
{
    MANY = ZDS_FAMILIES * ZDS_MAX_CANDIDATES
};

/*  "2001:db8::1*": an address with marks behind it: * won the last time, !
    failed, ?7 spoke no ZMTP, and #7 a connection to it died, at the time 7.  */
static zds_candidate_t candidate_of (const char *token_)
{
    zds_candidate_t candidate;
    char text[64];
    char *mark;

    memset (&candidate, 0, sizeof candidate);
    assert_true (strlen (token_) < sizeof text);
    strcpy (text, token_);
    mark = text + strcspn (text, "*!?#");
    while (*mark != '\0') {
        const char what = *mark;
        *mark++ = '\0';
        if (what == '*')
            candidate.record = ZDS_RECORD_WON;
        else if (what == '!')
            candidate.record = ZDS_RECORD_FAILED;
        else {
            candidate.record = what == '#' ? ZDS_RECORD_DIED : ZDS_RECORD_WRONG;
            candidate.record_time = strtoull (mark, &mark, 10);
        }
    }
    candidate.addr = addr_of (text);
    zds_addr_set_port (&candidate.addr, 5555);
    return candidate;
}

/*  The number of candidates in the text, between spaces.  */
static size_t candidates_of (const char *text_, zds_candidate_t *candidates_)
{
    char text[600];
    char *token, *rest;
    size_t n = 0;

    assert_true (strlen (text_) < sizeof text);
    strcpy (text, text_);
    for (token = strtok_r (text, " ", &rest); token != NULL;
         token = strtok_r (NULL, " ", &rest))
        candidates_[n++] = candidate_of (token);
    return n;
}

static const char *text_of_order (const zds_candidate_t *candidates_,
                                  const uint8_t *order_,
                                  size_t count_,
                                  char *buffer_,
                                  size_t size_)
{
    char host[INET6_ADDRSTRLEN];
    size_t used = 0, i;

    buffer_[0] = '\0';
    for (i = 0; i < count_; i++) {
        const zds_addr_t *const addr = &candidates_[order_[i]].addr;
        if (addr->sa.sa_family == AF_INET)
            inet_ntop (AF_INET, &addr->v4.sin_addr, host, sizeof host);
        else
            inet_ntop (AF_INET6, &addr->v6.sin6_addr, host, sizeof host);
        used += (size_t) snprintf (buffer_ + used, size_ - used, "%s%s",
                                   i > 0 ? " " : "", host);
    }
    return buffer_;
}

typedef struct
{
    int first_family;
    const char *known, *expected;
} order_row_t;

static void check_orders (const order_row_t *rows_, size_t count_)
{
    size_t i;

    for (i = 0; i < count_; i++) {
        zds_candidate_t candidates[MANY];
        uint8_t order[MANY];
        char text[600];
        const size_t n = candidates_of (rows_[i].known, candidates);

        zds_candidates_order (candidates, n, rows_[i].first_family, order);
        text_of_order (candidates, order, n, text, sizeof text);
        if (strcmp (text, rows_[i].expected) != 0)
            fail_msg ("row %d, %s: %s", (int) i, rows_[i].known, text);
    }
}

static void test_rfc8305_4_families_take_turns (void **state_)
{
    static const order_row_t rows[] = {
      {AF_INET6, "", ""},
      {AF_INET6, "2001:db8::1", "2001:db8::1"},
      {AF_INET6, "192.0.2.1", "192.0.2.1"},
      {AF_INET6, "192.0.2.1 2001:db8::1", "2001:db8::1 192.0.2.1"},
      {AF_INET6, "2001:db8::1 2001:db8::2 192.0.2.1 192.0.2.2",
       "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2"},
      {AF_INET6, "192.0.2.1 192.0.2.2 2001:db8::1 2001:db8::2",
       "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2"},
      {AF_INET6, "192.0.2.1 2001:db8::1 2001:db8::2 192.0.2.2",
       "2001:db8::1 192.0.2.1 2001:db8::2 192.0.2.2"},
      {AF_INET6, "2001:db8::1 2001:db8::2 2001:db8::3 192.0.2.1",
       "2001:db8::1 192.0.2.1 2001:db8::2 2001:db8::3"},
      {AF_INET6, "2001:db8::1 192.0.2.1 192.0.2.2 192.0.2.3",
       "2001:db8::1 192.0.2.1 192.0.2.2 192.0.2.3"},
      {AF_INET, "2001:db8::1 2001:db8::2 192.0.2.1 192.0.2.2",
       "192.0.2.1 2001:db8::1 192.0.2.2 2001:db8::2"},
      {AF_INET, "2001:db8::1 2001:db8::2", "2001:db8::1 2001:db8::2"},
    };
    (void) state_;
    check_orders (rows, COUNT (rows));
}

/*  The resolver has sorted by RFC 6724; the addresses' numbers mean nothing.  */
static void test_rfc8305_4_resolvers_order_stays (void **state_)
{
    static const order_row_t rows[] = {
      {AF_INET6, "2001:db8::9 2001:db8::1 fd00::1 2001:db8::5",
       "2001:db8::9 2001:db8::1 fd00::1 2001:db8::5"},
      {AF_INET6, "192.0.2.9 192.0.2.1 10.0.0.1",
       "192.0.2.9 192.0.2.1 10.0.0.1"},
      {AF_INET6, "fe80::1%2 2001:db8::1 127.0.0.1 ::1",
       "fe80::1 127.0.0.1 2001:db8::1 ::1"},
    };
    (void) state_;
    check_orders (rows, COUNT (rows));
}

/*  The family comes first, not the address: the order within it may be DNS's
    rotation.  */
static void test_c8_the_family_that_won_comes_first (void **state_)
{
    static const order_row_t rows[] = {
      {AF_INET6, "2001:db8::1 2001:db8::2* 192.0.2.1",
       "2001:db8::1 192.0.2.1 2001:db8::2"},
      {AF_INET6, "2001:db8::1 192.0.2.1 192.0.2.2*",
       "192.0.2.1 2001:db8::1 192.0.2.2"},
      {AF_INET6, "2001:db8::1 2001:db8::2 192.0.2.1 192.0.2.2*",
       "192.0.2.1 2001:db8::1 192.0.2.2 2001:db8::2"},
      {AF_INET, "2001:db8::1* 192.0.2.1 192.0.2.2",
       "2001:db8::1 192.0.2.1 192.0.2.2"},
      {AF_INET6, "2001:db8::1 192.0.2.1! 192.0.2.2 192.0.2.3*",
       "192.0.2.2 2001:db8::1 192.0.2.3 192.0.2.1"},
      {AF_INET6, "2001:db8::1! 192.0.2.1*", "192.0.2.1 2001:db8::1"},
    };
    (void) state_;
    check_orders (rows, COUNT (rows));
}

static void test_c8_what_failed_comes_late (void **state_)
{
    static const order_row_t rows[] = {
      {AF_INET6, "2001:db8::1! 192.0.2.1", "192.0.2.1 2001:db8::1"},
      {AF_INET6, "2001:db8::1! 2001:db8::2 192.0.2.1",
       "2001:db8::2 192.0.2.1 2001:db8::1"},
      {AF_INET6, "2001:db8::1! 2001:db8::2! 192.0.2.1",
       "192.0.2.1 2001:db8::1 2001:db8::2"},
      {AF_INET6, "2001:db8::1! 192.0.2.1!", "2001:db8::1 192.0.2.1"},
      {AF_INET, "2001:db8::1! 192.0.2.1!", "192.0.2.1 2001:db8::1"},
    };
    (void) state_;
    check_orders (rows, COUNT (rows));
}

static void test_c9_wrong_servers_go_last (void **state_)
{
    static const order_row_t rows[] = {
      {AF_INET6, "2001:db8::1?5 192.0.2.1!", "192.0.2.1 2001:db8::1"},
      {AF_INET6, "2001:db8::1?5 192.0.2.1?3", "192.0.2.1 2001:db8::1"},
      {AF_INET6, "2001:db8::1?3 192.0.2.1?5", "2001:db8::1 192.0.2.1"},
      {AF_INET6, "2001:db8::1?9 2001:db8::2?7 192.0.2.1?8 192.0.2.2?6",
       "192.0.2.2 2001:db8::2 192.0.2.1 2001:db8::1"},
      {AF_INET6, "2001:db8::1?0 2001:db8::2?18446744073709551615 192.0.2.1?1",
       "2001:db8::1 192.0.2.1 2001:db8::2"},
      {AF_INET6, "2001:db8::1?1 2001:db8::2! 2001:db8::4 192.0.2.1* 192.0.2.2",
       "192.0.2.1 2001:db8::4 192.0.2.2 2001:db8::2 2001:db8::1"},
      /*  Together with those whose connection died.  */
      {AF_INET6, "2001:db8::1?5 192.0.2.1#3 2001:db8::2!",
       "2001:db8::2 192.0.2.1 2001:db8::1"},
      {AF_INET6, "2001:db8::1?3 192.0.2.1#5", "2001:db8::1 192.0.2.1"},
    };
    (void) state_;
    check_orders (rows, COUNT (rows));
}

/*  Random candidates, and what is true of any order.  */

static unsigned draw (uint32_t *random_, unsigned below_)
{
    *random_ = *random_ * 1664525u + 1013904223u;
    return (*random_ >> 8) % below_;
}

/*  WON, in turns, FAILED, DIED and WRONG.  */
static int group_of (const zds_candidate_t *candidate_)
{
    static const int groups[] = {1, 1, 3, 4, 4};

    return groups[candidate_->record];
}

static size_t
draw_candidates (uint32_t *random_, zds_candidate_t *candidates_, bool plain_)
{
    const size_t count = draw (random_, MANY + 1);
    size_t in_family[2] = {0, 0}, i;
    bool has_won = false;

    memset (candidates_, 0, MANY * sizeof *candidates_);
    for (i = 0; i < count; i++) {
        zds_candidate_t *const c = &candidates_[i];
        unsigned f = draw (random_, 2);
        char text[40];
        if (in_family[f] == ZDS_MAX_CANDIDATES)
            f = 1 - f;
        snprintf (text, sizeof text, f == 0 ? "2001:db8::%u" : "192.0.2.%u",
                  (unsigned) ++in_family[f]);
        c->addr = addr_of (text);
        if (plain_)
            continue;
        if (draw (random_, 2) == 0)
            c->record = (zds_record_t) draw (random_, 5);
        /*  Only one has.  */
        if (c->record == ZDS_RECORD_WON && has_won)
            c->record = ZDS_RECORD_NONE;
        has_won = has_won || c->record == ZDS_RECORD_WON;
        c->record_time = draw (random_, 1000) * 1000 + i;
    }
    return count;
}

static void check_laws (const zds_candidate_t *candidates_,
                        size_t count_,
                        const uint8_t *order_)
{
    bool seen[MANY] = {false};
    size_t i, j;

    for (i = 0; i < count_; i++) {
        assert_true (order_[i] < count_);
        assert_false (seen[order_[i]]);
        seen[order_[i]] = true;
    }
    for (i = 0; i + 1 < count_; i++) {
        const zds_candidate_t *const a = &candidates_[order_[i]];
        const zds_candidate_t *const b = &candidates_[order_[i + 1]];
        const int group = group_of (a);
        bool other_waits = false;

        assert_true (group <= group_of (b));
        if (group != group_of (b))
            continue;
        if (group == 4) {
            assert_true (a->record_time <= b->record_time);
            continue;
        }
        if (a->addr.sa.sa_family != b->addr.sa.sa_family)
            continue;
        /*  Two of one family in a row: in the resolver's order, and only because the
            other family has none left.  */
        assert_true (order_[i] < order_[i + 1]);
        for (j = i + 2; j < count_; j++)
            if (group_of (&candidates_[order_[j]]) == group
                && candidates_[order_[j]].addr.sa.sa_family
                     != a->addr.sa.sa_family)
                other_waits = true;
        assert_false (other_waits);
    }
    /*  Within a family and a group the order is the resolver's, however far apart the
        two are.  */
    for (i = 0; i < count_; i++)
        for (j = i + 1; j < count_; j++)
            if (group_of (&candidates_[order_[i]]) != 4
                && group_of (&candidates_[order_[i]])
                     == group_of (&candidates_[order_[j]])
                && candidates_[order_[i]].addr.sa.sa_family
                     == candidates_[order_[j]].addr.sa.sa_family)
                assert_true (order_[i] < order_[j]);
}

static void test_laws_of_the_order (void **state_)
{
    static const int families[] = {AF_INET6, AF_INET};
    uint32_t random = 8305;
    unsigned run;
    (void) state_;

    for (run = 0; run < 3000; run++) {
        zds_candidate_t candidates[MANY];
        uint8_t order[MANY];
        const int first = families[draw (&random, 2)];
        const size_t count =
          draw_candidates (&random, candidates, run % 4 == 0);
        size_t i, winners = 0;

        zds_candidates_order (candidates, count, first, order);
        check_laws (candidates, count, order);
        /*  None has won: the first family begins, if it has a good address.  */
        for (i = 0; i < count; i++)
            winners += candidates[i].record == ZDS_RECORD_WON;
        for (i = 0; winners == 0 && i < count; i++)
            if (group_of (&candidates[i]) == 1
                && candidates[i].addr.sa.sa_family == first) {
                assert_int_equal (candidates[order[0]].addr.sa.sa_family,
                                  first);
                break;
            }
    }
}

/*  "how the families are mixed does not matter"  */
static void test_mixture_does_not_matter (void **state_)
{
    uint32_t random = 6724;
    unsigned run;
    (void) state_;

    for (run = 0; run < 1000; run++) {
        zds_candidate_t mixed[MANY], sorted[MANY];
        uint8_t order[MANY], other[MANY];
        const size_t count = draw_candidates (&random, mixed, run % 2 == 0);
        size_t i, n = 0;

        for (i = 0; i < count; i++)
            if (mixed[i].addr.sa.sa_family == AF_INET)
                sorted[n++] = mixed[i];
        for (i = 0; i < count; i++)
            if (mixed[i].addr.sa.sa_family == AF_INET6)
                sorted[n++] = mixed[i];
        zds_candidates_order (mixed, count, AF_INET6, order);
        zds_candidates_order (sorted, count, AF_INET6, other);
        for (i = 0; i < count; i++)
            assert_true (
              zds_addr_equal (&mixed[order[i]].addr, &sorted[other[i]].addr));
    }
}

/*  The number of a set of addresses, which is the sum of its members' numbers.  */
static uint64_t fingerprint (const char *text_)
{
    zds_candidate_t candidates[MANY];
    const size_t n = candidates_of (text_, candidates);
    uint64_t sum = 0;
    size_t i;

    for (i = 0; i < n; i++)
        sum += zds_addr_hash (&candidates[i].addr);
    return sum;
}

static void test_c8_fingerprint (void **state_)
{
    static const struct
    {
        const char *one, *other;
        bool same;
    } rows[] = {
      {"2001:db8::1 2001:db8::2", "2001:db8::2 2001:db8::1", true},
      {"192.0.2.1 2001:db8::1", "2001:db8::1 192.0.2.1", true},
      {"fe80::1%2", "fe80::1%2*", true},
      {"2001:db8::1", "2001:db8::2", false},
      {"2001:db8::1", "2001:db8:1::1", false},
      {"2001:db8::1", "2001:db8::1 2001:db8::2", false},
      {"2001:db8::1 2001:db8::4", "2001:db8::2 2001:db8::3", false},
      {"2001:db8::1", "", false},
      {"fe80::1%2", "fe80::1%3", false},
      {"192.0.2.1", "192.0.2.2", false},
      {"192.0.2.1 192.0.2.4", "192.0.2.2 192.0.2.3", false},
      {"192.0.2.1 198.51.100.2", "192.0.2.2 198.51.100.1", false},
      {"1.2.3.4", "4.3.2.1", false},
      {"0.0.0.0", "", false},
      {"::", "", false},
    };
    zds_addr_t a = addr_of ("2001:db8::1"), b = a;
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++)
        if ((fingerprint (rows[i].one) == fingerprint (rows[i].other))
            != rows[i].same)
            fail_msg ("%s and %s", rows[i].one, rows[i].other);
    /*  Ports do not count.  */
    zds_addr_set_port (&a, 1);
    b.v6.sin6_flowinfo = 77;
    assert_int_equal (zds_addr_hash (&a), zds_addr_hash (&b));
}

/*  One reason for each place, in the order of the places.  */
static void test_every_place_has_its_reason (void **state_)
{
    static const struct
    {
        int first_family;
        const char *known;
        const char *reasons[4];
    } rows[] = {
      {AF_INET6,
       "2001:db8::1 192.0.2.1 2001:db8::2 2001:db8::3",
       {"IPv6 comes first, as the system orders", "the families take turns",
        "the families take turns", "next of its family, as the system orders"}},
      {AF_INET6, "192.0.2.1", {"there is no better IPv6 address"}},
      {AF_INET, "2001:db8::1", {"there is no better IPv4 address"}},
      {AF_INET,
       "2001:db8::1 192.0.2.1",
       {"IPv4 comes first, as the system orders", "the families take turns"}},
      {AF_INET,
       "2001:db8::1! 192.0.2.1*",
       {"it won the last time", "it failed the last time: after the others"}},
      {AF_INET6,
       "2001:db8::1 192.0.2.1 192.0.2.2*",
       {"its family won the last time", "the families take turns",
        "the families take turns"}},
      {AF_INET6,
       "2001:db8::1?7 192.0.2.1 192.0.2.2#8",
       {"there is no better IPv6 address", "somebody else answered there: last",
        "its last connection died: last"}},
    };
    size_t i, place;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        static zds_race_t race;
        uint8_t order[MANY];

        race.count = candidates_of (rows[i].known, race.candidate);
        race.first_family = rows[i].first_family;
        zds_candidates_order (race.candidate, race.count, race.first_family,
                              order);
        for (place = 0; place < race.count; place++)
            assert_string_equal (zds_race_why (&race, order[place]),
                                 rows[i].reasons[place]);
    }
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_rfc8305_4_families_take_turns),
      cmocka_unit_test (test_rfc8305_4_resolvers_order_stays),
      cmocka_unit_test (test_c8_the_family_that_won_comes_first),
      cmocka_unit_test (test_c8_what_failed_comes_late),
      cmocka_unit_test (test_c9_wrong_servers_go_last),
      cmocka_unit_test (test_laws_of_the_order),
      cmocka_unit_test (test_mixture_does_not_matter),
      cmocka_unit_test (test_every_place_has_its_reason),
      cmocka_unit_test (test_c8_fingerprint),
    };
    return cmocka_run_group_tests_name ("candidate", tests, NULL, NULL);
}
