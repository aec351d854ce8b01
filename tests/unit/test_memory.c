/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"
#include "zds_memory.h"

/*  Most tests are short stories, told in words:

    race:a~B+   a race ends: + won, - failed, ~ silent, / cut, . not tried;
                x before an address: it was withdrawn
                ? the answer for IPv6 had not come
    answer:abA  the resolver answers; says what is recalled of each address:
                + won, - failed, ! wrong server, nothing if there is nothing
    answer:6    the resolver has no IPv6 address
    wrong:a     the server at a spoke no ZMTP
    died:a      a connection to a died
    right:a     a handshake with it was completed
    works:a     a look at a found that it works; dead:a, that it does not
    wait:5000   that many ms go by
    first       says the family that comes first, 6 or 4
    due         says whether a look is due, yes or no
    gone        says whether nothing at all is remembered, yes or no

    Small letters are IPv6 addresses, p to w with a poor source; capital letters
    are IPv4 addresses.  */
typedef struct
{
    const char *sentence;
    const char *story;
    const char *expected;
} row_t;

#define KEY "example.org:5555"

static zds_memory_t memory;
static uint64_t now;

static zds_candidate_t candidate_of (char letter_)
{
    zds_candidate_t candidate;
    char text[32];

    memset (&candidate, 0, sizeof candidate);
    if (letter_ >= 'a')
        snprintf (text, sizeof text, "2001:db8::%d", letter_ - 'a' + 1);
    else
        snprintf (text, sizeof text, "192.0.2.%d", letter_ - 'A' + 1);
    candidate.addr = addr_of (text);
    zds_addr_set_port (&candidate.addr, 5555);
    candidate.poor_source = letter_ >= 'p';
    return candidate;
}

static zds_fate_t fate_of (char sign_)
{
    static const struct
    {
        char sign;
        zds_fate_t fate;
    } rows[] = {{'+', ZDS_FATE_WON},
                {'-', ZDS_FATE_FAILED},
                {'~', ZDS_FATE_SILENT},
                {'/', ZDS_FATE_CUT},
                {'.', ZDS_FATE_UNTRIED}};
    size_t i;

    for (i = 0; i < COUNT (rows); i++)
        if (rows[i].sign == sign_)
            return rows[i].fate;
    fail_msg ("the test holds a bad sign: %c", sign_);
    return ZDS_FATE_UNTRIED;
}

/*  "a~B+".  Of a race the memory sees only this much.  */
static void race_of (zds_race_t *race_, const char *text_)
{
    memset (race_, 0, sizeof *race_);
    while (*text_ != '\0') {
        size_t at;
        if (*text_ == '?') {
            race_->outstanding = ZDS_ASK_IPV6;
            text_++;
            continue;
        }
        at = race_->count++;
        if (*text_ == 'x') {
            race_->withdrawn[at] = true;
            text_++;
        }
        race_->candidate[at] = candidate_of (text_[0]);
        race_->fate[at] = (uint8_t) fate_of (text_[1]);
        text_ += 2;
    }
}

static void recall (char *out_, const char *letters_, int family_)
{
    static const char signs[] = {' ', '+', '-', '!'};
    zds_candidate_t answer[32];
    char names[32];
    size_t i, n = 0;

    for (i = 0; letters_[i] != '\0'; i++)
        if (letters_[i] >= 'A' && (letters_[i] >= 'a') == (family_ == AF_INET6))
            names[n++] = letters_[i];
    if (n == 0 && strchr (letters_, family_ == AF_INET6 ? '6' : '4') == NULL)
        return;
    for (i = 0; i < n; i++) {
        answer[i] = candidate_of (names[i]);
        /*  What is there before does not count.  */
        answer[i].record = ZDS_RECORD_FAILED;
        answer[i].record_time = 77;
    }
    zds_memory_recall (&memory, KEY, family_, answer, n, now);
    for (i = 0; i < n; i++)
        if (answer[i].record != ZDS_RECORD_NONE)
            sprintf (out_ + strlen (out_), " %c%c", names[i],
                     signs[answer[i].record]);
        else
            assert_int_equal (answer[i].record_time, 0);
}

static bool is_empty (void)
{
    static const zds_memory_t nothing;

    return memcmp (&memory, &nothing, sizeof memory) == 0;
}

static void tell_changing (const char *word_, const char *rest_)
{
    const bool has_addr = rest_[0] >= 'A';
    const zds_addr_t addr = candidate_of (has_addr ? rest_[0] : 'a').addr;
    zds_race_t race;

    if (strcmp (word_, "race") == 0) {
        race_of (&race, rest_);
        zds_memory_learn (&memory, KEY, &race, now);
    } else if (strcmp (word_, "wrong") == 0)
        zds_memory_wrong (&memory, KEY, &addr, now);
    else if (strcmp (word_, "died") == 0)
        zds_memory_died (&memory, KEY, &addr, now);
    else if (strcmp (word_, "right") == 0)
        zds_memory_right (&memory, KEY, &addr, now);
    else if (strcmp (word_, "works") == 0)
        zds_memory_probed (&memory, KEY, &addr, true, now);
    else if (strcmp (word_, "dead") == 0)
        zds_memory_probed (&memory, KEY, &addr, false, now);
    else if (strcmp (word_, "wait") == 0)
        now += strtoul (rest_, NULL, 10);
    else
        fail_msg ("the test holds a bad word: %s", word_);
}

/*  One word of a story; what it says is appended.  */
static void tell (char *out_, char *word_)
{
    char *rest = strchr (word_, ':');

    if (rest != NULL)
        *rest++ = '\0';
    else
        rest = word_ + strlen (word_);
    if (strcmp (word_, "answer") == 0) {
        recall (out_, rest, AF_INET6);
        recall (out_, rest, AF_INET);
    } else if (strcmp (word_, "first") == 0)
        strcat (out_, zds_memory_first_family (&memory, KEY, now) == AF_INET6
                        ? " 6"
                        : " 4");
    else if (strcmp (word_, "due") == 0)
        strcat (out_,
                zds_memory_probe_due (&memory, KEY, now) ? " yes" : " no");
    else if (strcmp (word_, "gone") == 0)
        strcat (out_, is_empty () ? " yes" : " no");
    else
        tell_changing (word_, rest);
}

static void start_over (void)
{
    memset (&memory, 0, sizeof memory);
    now = 1000;
}

static void run (const row_t *rows_, size_t count_)
{
    char story[256], said[256];
    char *word;
    size_t i;

    for (i = 0; i < count_; i++) {
        start_over ();
        assert_true (strlen (rows_[i].story) < sizeof story);
        strcpy (story, rows_[i].story);
        said[0] = '\0';
        for (word = strtok (story, " "); word != NULL;
             word = strtok (NULL, " "))
            tell (said, word);
        if (strcmp (said[0] == ' ' ? said + 1 : said, rows_[i].expected) != 0)
            fail_msg ("%s (%s):%s", rows_[i].sentence, rows_[i].story, said);
    }
}

static void test_races_won (void **state_)
{
    static const row_t rows[] = {
      {"nothing is known at first", "answer:aA first gone", "6 yes"},
      {"the first one won: nothing to remember", "race:a+A. answer:aA gone",
       "yes"},
      {"the second was cut short: that says nothing", "race:a+A/ gone", "yes"},
      {"silent, and who won", "race:a~A+ answer:aA", "a- A+"},
      {"failed, and who won", "race:a-A+ answer:aA", "a- A+"},
      {"cut is not failed", "race:a/A+ answer:aA", "A+"},
      {"not tried is not failed", "race:a.A.b+ answer:abA", "b+"},
      {"the first won, another failed: no winner to remember",
       "race:a+A- answer:aA first", "A- 6"},
      {"the next of the same family", "race:a-b+A. answer:abA first",
       "a- b+ 6"},
      {"with a poor source, IPv6 is not the first", "race:p+A. answer:pA",
       "p+"},
      {"with a poor source, IPv4 is the first", "race:p.A+ gone", "yes"},
      {"IPv4 alone is the first", "race:A+B. gone", "yes"},
      {"another one's win ends the last winner's",
       "race:a~A+B. race:a~A/B+ answer:aAB first", "a- B+ 4"},
      {"a winner that fails", "race:a~A+ race:a+A- answer:aA first", "a+ A- 6"},
      {"the default's first is marked too, once there is an entry",
       "race:a~A+ race:a+A/ answer:aA", "a+"},
      {"one who failed and wins, failed no more",
       "race:a~b~A+ race:b+A/ answer:abA", "a- b+"},
      {"failures of earlier races stay",
       "race:a~A+B. race:A+B- race:A+ answer:aAB", "a- A+ B-"},
      {"a withdrawn address is not to be tried: no mark",
       "race:xa-b.A+ answer:bA first", "A+ 4"},
      {"a withdrawn address does not come first", "race:xa-b+A. gone", "yes"},
      {"a withdrawn winner shows what works", "race:a.xA+ first", "4"},
      {"IPv6 was waited for in vain", "race:?A+ answer:A first", "A+ 4"},
      {"it was not, where it won", "race:?a+ gone", "yes"},
      {"who does not wait does not learn that it would come",
       "race:?A+ wait:300000 race:?A+ wait:300000 first answer:A gone",
       "6 yes"},
      {"but that IPv4 won when it had come",
       "race:?A+ wait:300000 race:a.A+ wait:300000 first", "4"},
      {"a look at what came shows that it works", "race:?A+ works:a gone",
       "yes"},
      {"nor does another port make another address",
       "race:a~A+ answer:aA answer:aA", "a- A+ a- A+"},
    };
    (void) state_;

    run (rows, COUNT (rows));
}

static void test_races_failed (void **state_)
{
    static const row_t rows[] = {
      {"says nothing", "race:a-A- gone", "yes"},
      {"nor if there was nothing to try", "race: gone", "yes"},
      {"all are forgotten", "race:a~A+ race:a-A- gone", "yes"},
      {"but for wrong servers", "race:a~A+B- wrong:B race:a-A-B- answer:aAB",
       "B!"},
      {"which race it was does not matter", "wrong:A race:a-A- answer:aA",
       "A!"},
      {"the family that comes first is the default again",
       "race:a~A+ wrong:B first race:a- first", "4 6"},
    };
    (void) state_;

    run (rows, COUNT (rows));
}

static void test_wrong_servers (void **state_)
{
    static const row_t rows[] = {
      {"is remembered, if nothing else is", "wrong:a answer:aA", "a!"},
      {"until it turns out to be the right one", "wrong:A right:A answer:aA",
       "A+"},
      {"which then is the winner",
       "race:a+A- race:a/A+ wrong:a right:a answer:aA", "a+"},
      {"the right one was right all along",
       "race:a~A+ right:A right:a "
       "answer:aA",
       "a- A+"},
      {"a connection that died is remembered, too", "died:a answer:aA", "a-"},
      {"even if it was to the winner", "race:a-A+ died:A answer:aA first",
       "a- A- 6"},
      {"nothing is learnt of one that is not known", "right:a gone", "yes"},
      {"the winner was a wrong one", "race:a~A+ wrong:A answer:aA first",
       "a- A! 6"},
      {"others may win and fail", "wrong:a race:a.A+B- answer:aAB", "a! A+ B-"},
      {"it connects every time", "wrong:a race:a+ answer:aA first", "a! 6"},
      {"its connecting says nothing of the last winner",
       "race:a-A+ wrong:a race:a+A/ answer:aA", "a! A+"},
      {"but of those that failed then",
       "race:a-b.A+ wrong:b race:A~b+ answer:abA first", "a- b! A- 6"},
      {"failing does not make it better", "wrong:a race:a-A+ answer:aA",
       "a! A+"},
      {"a look does not, either", "wrong:a works:a answer:aA", "a!"},
      {"nor one that failed", "wrong:a wait:599999 dead:a wait:1 answer:aA",
       ""},
      {"it lasts as long as a mark does",
       "wrong:a wait:599999 answer:aA wait:1 answer:aA gone", "a! yes"},
      {"from the last time on",
       "wrong:a wait:599999 wrong:a wait:599999 answer:aA", "a!"},
      {"another one's mark is another",
       "wrong:a wait:100 wrong:A wait:599900 answer:aA", "A!"},
      {"where the addresses change, all is forgotten",
       "wrong:a answer:ab answer:bc gone", "a! yes"},
    };
    (void) state_;

    run (rows, COUNT (rows));
}

static void test_other_addresses (void **state_)
{
    static const row_t rows[] = {
      {"one more", "race:a~A+ answer:ab gone", "yes"},
      {"one less", "race:a~b-A+ answer:a gone", "yes"},
      {"another order is the same set", "race:a~b-A+ answer:ba gone",
       "b- a- no"},
      {"twice is once", "race:a~A+ answer:aa gone", "a- a- no"},
      {"the other family counts", "race:a~A+ answer:a answer:B gone", "a- yes"},
      {"no answer is no change", "race:a~A+ answer:64 answer:aA", "a- A+"},
      {"no answer hides none", "race:a~A+ answer:6 answer:b gone", "yes"},
      {"a family that the race did not know yet",
       "race:a~b+ answer:A answer:ab answer:B gone", "a- b+ yes"},
      {"withdrawn ones are not in the set", "race:a~A+xb- answer:aA", "a- A+"},
      {"wrong servers come without a set",
       "wrong:a answer:ab answer:ab answer:b gone", "a! a! yes"},
    };
    (void) state_;

    run (rows, COUNT (rows));
}

static void test_marks_expire (void **state_)
{
    static const row_t rows[] = {
      {"not before", "race:a~A+ wait:599999 first answer:aA", "4 a- A+"},
      {"then", "race:a~A+ wait:600000 first answer:aA gone", "6 yes"},
      {"each for itself",
       "race:a~A+ wait:100 race:A+ wait:599900 first answer:aA", "4 A+"},
      {"an expired entry is none", "race:a~A+ wait:600000 race:a+A. gone",
       "yes"},
      {"nothing is due then", "race:a~A+ wait:600000 due", "no"},
    };
    (void) state_;

    run (rows, COUNT (rows));
}

static void test_looks (void **state_)
{
    static const row_t rows[] = {
      {"none without an entry", "due", "no"},
      {"at once, then not before the gap is over",
       "race:a~A+ due due wait:4999 due wait:1 due due", "yes no no yes no"},
      {"what works takes its place back", "race:a~A+ works:a answer:aA gone",
       "yes"},
      {"others that failed stay marked", "race:a~b~A+ works:b answer:abA first",
       "a- 6"},
      {"it works already by another road",
       "race:a~A+ race:a+ works:a answer:aA gone", "yes"},
      {"what does not work is looked at longer",
       "race:a~A+ wait:300000 dead:a wait:300000 answer:aA", "a-"},
      {"only what was marked", "race:a~A+ dead:b answer:aA", "a- A+"},
      {"a winner is not marked by it", "race:a~A+ dead:A answer:aA", "a- A+"},
      {"nothing without an entry", "dead:a works:a gone", "yes"},
    };
    (void) state_;

    run (rows, COUNT (rows));
}

static void test_what_is_news (void **state_)
{
    static const struct
    {
        const char *race;
        bool expected;
    } rows[] = {
      {"", false},     {"a+A.", false},  {"a+A/", false}, {"a+A-", true},
      {"a+A~", true},  {"a~A+", true},   {"a/A+", true},  {"a.A+", true},
      {"a-A-", false}, {"A+B.", false},  {"A-B+", true},  {"p.A+", false},
      {"p+A.", true},  {"p+", false},    {"A.a+", false}, {"xa-b+", false},
      {"xa+b.", true}, {"a+xA-", false}, {"?A+", true},   {"?a+A.", false},
    };
    zds_race_t race;
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        race_of (&race, rows[i].race);
        if (zds_memory_is_news (&race) != rows[i].expected)
            fail_msg ("%s: %d", rows[i].race, !rows[i].expected);
        /*  And it is what makes a memory change.  */
        start_over ();
        zds_memory_learn (&memory, KEY, &race, now);
        if (is_empty () == rows[i].expected)
            fail_msg ("%s: learnt: %d", rows[i].race, !is_empty ());
    }
}

/*  The order that is departed from is that of a host of which nothing is
    known, not the one that the race went by.  */
static void test_what_the_race_knew_does_not_count (void **state_)
{
    zds_race_t race;
    (void) state_;

    race_of (&race, "a.A+");
    race.candidate[0].record = ZDS_RECORD_FAILED;
    race.candidate[1].record = ZDS_RECORD_WON;
    assert_true (zds_memory_is_news (&race));
    race_of (&race, "a+A.");
    race.candidate[0].record = ZDS_RECORD_WRONG;
    assert_false (zds_memory_is_news (&race));
}

static void test_the_time_of_a_mark_is_told (void **state_)
{
    zds_candidate_t answer = candidate_of ('a');
    (void) state_;

    start_over ();
    zds_memory_wrong (&memory, KEY, &answer.addr, 1234);
    zds_memory_recall (&memory, KEY, AF_INET6, &answer, 1, 5678);
    assert_int_equal (answer.record, ZDS_RECORD_WRONG);
    assert_int_equal (answer.record_time, 1234);
}

/*  Threads may come to the lock in another order than they looked at the
    clock.  */
static void test_a_mark_may_be_younger_than_now (void **state_)
{
    zds_candidate_t answer = candidate_of ('a');
    (void) state_;

    start_over ();
    zds_memory_wrong (&memory, KEY, &answer.addr, 1001);
    zds_memory_recall (&memory, KEY, AF_INET6, &answer, 1, 1000);
    assert_int_equal (answer.record, ZDS_RECORD_WRONG);
}

/*  Address 'n_' of a host that has many.  */
static zds_addr_t numbered (unsigned n_)
{
    char text[32];

    snprintf (text, sizeof text, "2001:db8::1:%x", n_);
    return addr_of (text);
}

static zds_record_t recorded (unsigned n_)
{
    zds_candidate_t answer;

    memset (&answer, 0, sizeof answer);
    answer.addr = numbered (n_);
    memory.host[0].fingerprint[0] = 0;
    zds_memory_recall (&memory, KEY, AF_INET6, &answer, 1, now);
    return answer.record;
}

static void learn_black_holes (unsigned from_, unsigned count_, char winner_)
{
    zds_race_t race;
    unsigned i;

    memset (&race, 0, sizeof race);
    for (i = 0; i < count_; i++) {
        race.candidate[i].addr = numbered (from_ + i);
        race.fate[i] = ZDS_FATE_SILENT;
    }
    race.candidate[count_] = candidate_of (winner_);
    race.fate[count_] = ZDS_FATE_WON;
    race.count = count_ + 1;
    zds_memory_learn (&memory, KEY, &race, now);
}

static void test_more_addresses_than_marks (void **state_)
{
    enum
    {
        HOLES = ZDS_MEMORY_MARKS + 5,
        WRONG = 99
    };
    zds_addr_t wrong = numbered (WRONG);
    unsigned i;
    (void) state_;

    start_over ();
    zds_memory_wrong (&memory, KEY, &wrong, now);
    now++;
    learn_black_holes (0, HOLES, 'A');
    /*  The winner and the wrong one have their places, the rest goes to the
        first of those that failed.  */
    assert_int_equal (zds_memory_first_family (&memory, KEY, now), AF_INET);
    assert_int_equal (recorded (WRONG), ZDS_RECORD_WRONG);
    for (i = 0; i < HOLES; i++)
        assert_int_equal (recorded (i), i < ZDS_MEMORY_MARKS - 2
                                          ? ZDS_RECORD_FAILED
                                          : ZDS_RECORD_NONE);
    /*  Newer failures take the places of older ones.  */
    now++;
    learn_black_holes (90, 1, 'B');
    assert_int_equal (recorded (90), ZDS_RECORD_FAILED);
    assert_int_equal (recorded (0), ZDS_RECORD_NONE);
    assert_int_equal (recorded (1), ZDS_RECORD_FAILED);
    assert_int_equal (recorded (WRONG), ZDS_RECORD_WRONG);
    assert_int_equal (zds_memory_first_family (&memory, KEY, now), AF_INET);
    /*  More wrong servers than places: the newest.  */
    for (i = 100; i < 100 + HOLES; i++) {
        wrong = numbered (i);
        now++;
        zds_memory_wrong (&memory, KEY, &wrong, now);
    }
    assert_int_equal (recorded (WRONG), ZDS_RECORD_NONE);
    assert_int_equal (recorded (99 + HOLES), ZDS_RECORD_WRONG);
    assert_int_equal (zds_memory_first_family (&memory, KEY, now), AF_INET);
    /*  The next winner still finds one.  */
    learn_black_holes (0, 0, 'b');
    learn_black_holes (0, 1, 'C');
    assert_int_equal (zds_memory_first_family (&memory, KEY, now), AF_INET);
    assert_int_equal (recorded (99 + HOLES), ZDS_RECORD_WRONG);
}

/*  Each of as many addresses as an answer can have: none that is tried again and
    again because there is no place for it.  */
static void test_every_address_is_a_wrong_server (void **state_)
{
    unsigned i;
    (void) state_;

    start_over ();
    for (i = 0; i < ZDS_MAX_CANDIDATES; i++) {
        const zds_addr_t wrong = numbered (i);
        now++;
        zds_memory_wrong (&memory, KEY, &wrong, now);
    }
    for (i = 0; i < ZDS_MAX_CANDIDATES; i++)
        assert_int_equal (recorded (i), ZDS_RECORD_WRONG);
}

static bool is_known (const char *key_)
{
    return zds_memory_first_family (&memory, key_, now) == AF_INET;
}

static void learn_for (const char *key_)
{
    zds_race_t race;

    race_of (&race, "a~A+");
    zds_memory_learn (&memory, key_, &race, now);
}

static const char *numbered_key (char *buffer_, unsigned n_)
{
    sprintf (buffer_, "host%u:1", n_);
    return buffer_;
}

static void test_hosts_are_apart (void **state_)
{
    const zds_addr_t addr = candidate_of ('a').addr;
    zds_candidate_t answer = candidate_of ('b');
    (void) state_;

    start_over ();
    learn_for ("one:1");
    assert_true (is_known ("one:1"));
    assert_false (is_known ("one:2"));
    assert_false (is_known ("one:"));
    assert_false (is_known ("one:11"));
    zds_memory_recall (&memory, "two:1", AF_INET6, &answer, 1, now);
    zds_memory_probed (&memory, "two:1", &addr, true, now);
    assert_true (is_known ("one:1"));
    learn_for ("two:1");
    zds_memory_probed (&memory, "two:1", &addr, true, now);
    assert_false (is_known ("two:1"));
    assert_true (is_known ("one:1"));
}

/*  Each way to use a host counts.  */
static void use (const char *key_, unsigned way_)
{
    const zds_addr_t addr = candidate_of ('b').addr;
    zds_candidate_t answer = candidate_of ('a');

    switch (way_) {
        case 0:
            zds_memory_recall (&memory, key_, AF_INET6, &answer, 1, now);
            break;
        case 1:
            learn_for (key_);
            break;
        case 2:
            zds_memory_wrong (&memory, key_, &addr, now);
            break;
        case 3:
            zds_memory_probe_due (&memory, key_, now);
            break;
        default:
            zds_memory_probed (&memory, key_, &addr, false, now);
    }
}

static void test_the_host_used_longest_ago_makes_place (void **state_)
{
    const zds_addr_t failed = candidate_of ('a').addr;
    char key[32];
    unsigned i;
    (void) state_;

    start_over ();
    for (i = 0; i < ZDS_MEMORY_HOSTS; i++, now++)
        learn_for (numbered_key (key, i));
    for (i = 0; i < 5; i++, now++)
        use (numbered_key (key, i), i);
    for (i = 0; i < ZDS_MEMORY_HOSTS; i++)
        assert_true (is_known (numbered_key (key, i)));
    learn_for ("new:1");
    assert_true (is_known ("new:1"));
    for (i = 0; i < ZDS_MEMORY_HOSTS; i++)
        if (is_known (numbered_key (key, i)) != (i != 5))
            fail_msg ("%s: %d", key, i == 5);
    /*  A place that became free is taken first.  */
    use (numbered_key (key, 9), 1);
    zds_memory_probed (&memory, key, &failed, true, now);
    assert_false (is_known (key));
    learn_for ("newer:1");
    assert_true (is_known ("newer:1"));
    assert_true (is_known (numbered_key (key, 6)));
}

static void test_keys_that_are_none (void **state_)
{
    char key[ZDS_MEMORY_KEY_SIZE + 1];
    const zds_addr_t addr = candidate_of ('a').addr;
    zds_candidate_t answer = candidate_of ('a');
    unsigned i;
    (void) state_;

    memset (key, 'k', sizeof key);
    key[ZDS_MEMORY_KEY_SIZE] = '\0';
    for (i = 0; i < 2; i++) {
        const char *none = i == 0 ? key : "";
        start_over ();
        learn_for (none);
        zds_memory_wrong (&memory, none, &addr, now);
        zds_memory_probed (&memory, none, &addr, true, now);
        zds_memory_recall (&memory, none, AF_INET6, &answer, 1, now);
        assert_false (zds_memory_probe_due (&memory, none, now));
        assert_false (is_known (none));
        assert_int_equal (answer.record, ZDS_RECORD_NONE);
        assert_true (is_empty ());
    }
    /*  One less is one.  */
    key[ZDS_MEMORY_KEY_SIZE - 1] = '\0';
    learn_for (key);
    assert_true (is_known (key));
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_races_won),
      cmocka_unit_test (test_races_failed),
      cmocka_unit_test (test_wrong_servers),
      cmocka_unit_test (test_other_addresses),
      cmocka_unit_test (test_marks_expire),
      cmocka_unit_test (test_looks),
      cmocka_unit_test (test_what_is_news),
      cmocka_unit_test (test_what_the_race_knew_does_not_count),
      cmocka_unit_test (test_the_time_of_a_mark_is_told),
      cmocka_unit_test (test_a_mark_may_be_younger_than_now),
      cmocka_unit_test (test_more_addresses_than_marks),
      cmocka_unit_test (test_every_address_is_a_wrong_server),
      cmocka_unit_test (test_hosts_are_apart),
      cmocka_unit_test (test_the_host_used_longest_ago_makes_place),
      cmocka_unit_test (test_keys_that_are_none),
    };
    return cmocka_run_group_tests_name ("memory", tests, NULL, NULL);
}
