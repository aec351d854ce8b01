/* SPDX-License-Identifier: MPL-2.0 */

#include "text.h"
#include "zds_history.h"

/*  Most tests are short stories, told in words:

    race:a~B+   a race ends: + won, - failed, ~ silent, / cut, . not tried;
                x before an address: it was withdrawn
                ? the whole answer had not come
                4 the system puts IPv4 first
    race:a=200A.  a race is cut short, while an address is silent for 200 ms
    answer:abA  the whole answer; says what is recalled of each address: + won,
                - failed, ! wrong server, # connection died, a~200 was silent
                for 200 ms, nothing if there is nothing
    answer:?a   the answer of a helper
    late        says whether the whole answer was late, yes or no
    wrong:a     the server at a spoke no ZMTP
    died:a      a connection to a ended because nothing came any more
    gaveup:a200 a connection to a was given up after 200 ms, before its handshake
                was completed
    right:a     a handshake with it was completed
    works:a     a probe of a succeeded; dead:a, it failed
    wait:5000   that many ms go by
    first       says the family that comes first, 6 or 4
    due         says whether a probe is due, yes or no
    gone        says whether nothing at all is remembered, yes or no

    Small letters are IPv6 addresses, capital letters are IPv4 addresses.  */
typedef struct
{
    const char *sentence;
    const char *story;
    const char *expected;
} row_t;

#define KEY "example.org:5555"

static zds_history_t memory;
static uint64_t now;

static const zds_about_t *about (const char *key_, uint64_t now_)
{
    static zds_about_t what;

    what = zds_history_about (&memory, key_, now_);
    return &what;
}

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

/*  "a=200": the attempt in a slot.  */
static const char *
let_run (zds_race_t *race_, size_t candidate_, const char *digits_)
{
    zds_race_slot_t *slot = race_->slot;
    char *end;

    while (slot->candidate >= 0)
        slot++;
    slot->candidate = (int) candidate_;
    slot->started = slot->silent_since = now - strtoul (digits_, &end, 10);
    race_->candidate[candidate_].fate = ZDS_FATE_RUNNING;
    return end;
}

/*  "a~B+".  This is all that the history reads of a race.  */
static void race_of (zds_race_t *race_, const char *text_)
{
    unsigned i;

    memset (race_, 0, sizeof *race_);
    race_->config.attempt_delay = 250;
    race_->first_family = AF_INET6;
    race_->begun = true;
    race_->failed = strpbrk (text_, "+=") == NULL;
    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        race_->slot[i].candidate = -1;
    while (*text_ != '\0') {
        size_t at;
        bool withdrawn;
        if (*text_ == '?') {
            race_->ask.outstanding = ZDS_LOOK_BIT (ZDS_LOOK_WHOLE);
            text_++;
            continue;
        }
        if (*text_ == '4') {
            race_->first_family = AF_INET;
            text_++;
            continue;
        }
        at = race_->count++;
        withdrawn = *text_ == 'x';
        text_ += withdrawn;
        race_->candidate[at] = candidate_of (text_[0]);
        race_->candidate[at].withdrawn = withdrawn;
        if (text_[1] == '=') {
            text_ = let_run (race_, at, text_ + 2);
            continue;
        }
        race_->candidate[at].fate = fate_of (text_[1]);
        race_->ipv6_silent |= text_[0] >= 'a' && text_[1] == '~';
        text_ += 2;
    }
}

/*  A race that has these addresses, and what is recalled of them.  */
static void
recall_for (const char *key_, zds_race_t *race_, const char *letters_)
{
    size_t i;

    memset (race_, 0, sizeof *race_);
    if (*letters_ == '?') {
        race_->ask.outstanding = ZDS_LOOK_BIT (ZDS_LOOK_WHOLE);
        letters_++;
    }
    for (i = 0; letters_[i] != '\0'; i++) {
        race_->candidate[i] = candidate_of (letters_[i]);
        /*  The records that were there before must not count.  */
        race_->candidate[i].record = ZDS_RECORD_FAILED;
        race_->candidate[i].record_time = race_->candidate[i].waited = 77;
    }
    race_->count = i;
    zds_history_recall (about (key_, now), race_);
}

static void recall (char *out_, const char *letters_)
{
    static const char signs[] = {' ', '+', '-', '#', '!'};
    zds_race_t race;
    size_t i;

    recall_for (KEY, &race, letters_);
    if (*letters_ == '?')
        letters_++;
    for (i = 0; i < race.count; i++) {
        const zds_candidate_t *const c = &race.candidate[i];
        out_ += strlen (out_);
        if (c->record != ZDS_RECORD_NONE)
            sprintf (out_, " %c%c", letters_[i], signs[c->record]);
        else if (c->waited > 0)
            sprintf (out_, " %c~%u", letters_[i], c->waited);
        else
            assert_int_equal (c->record_time, 0);
    }
}

/*  The family that won the last time.  */
static int first_family (const char *key_)
{
    const uint64_t host = zds_hash (ZDS_HASH, key_, strlen (key_));
    size_t i;

    for (i = 0; i < memory.count; i++) {
        const zds_history_row_t *const row = &memory.row[i];
        if (row->host == host && row->record == ZDS_RECORD_WON
            && now - row->time < ZDS_HISTORY_SPAN)
            return zds_addr_family (&row->addr);
    }
    return AF_INET6;
}

static bool is_late (void)
{
    zds_race_config_t config;

    zds_race_config_default (&config);
    zds_history_prepare (about (KEY, now), &config);
    return config.hurry;
}

static bool is_empty (void)
{
    return memory.count == 0;
}

static void tell_changing (const char *word_, const char *rest_)
{
    const bool has_addr = rest_[0] >= 'A';
    const zds_addr_t addr = candidate_of (has_addr ? rest_[0] : 'a').addr;
    zds_race_t race;

    if (strcmp (word_, "race") == 0) {
        race_of (&race, rest_);
        zds_history_learn (about (KEY, now), &race);
    } else if (strcmp (word_, "wrong") == 0)
        zds_history_mark (about (KEY, now), &addr, ZDS_RECORD_WRONG);
    else if (strcmp (word_, "died") == 0)
        zds_history_mark (about (KEY, now), &addr, ZDS_RECORD_DIED);
    else if (strcmp (word_, "gaveup") == 0)
        zds_history_given_up (about (KEY, now), &addr,
                              (unsigned) strtoul (rest_ + 1, NULL, 10), 250);
    else if (strcmp (word_, "right") == 0)
        zds_history_right (about (KEY, now), &addr);
    else if (strcmp (word_, "works") == 0)
        zds_history_probed (about (KEY, now), &addr, true);
    else if (strcmp (word_, "dead") == 0)
        zds_history_probed (about (KEY, now), &addr, false);
    else if (strcmp (word_, "wait") == 0)
        now += strtoul (rest_, NULL, 10);
    else
        fail_msg ("the test holds a bad word: %s", word_);
}

/*  Carries one word of a story out, and appends its output.  */
static void tell (char *out_, char *word_)
{
    char *rest = strchr (word_, ':');

    if (rest != NULL)
        *rest++ = '\0';
    else
        rest = word_ + strlen (word_);
    if (strcmp (word_, "answer") == 0)
        recall (out_, rest);
    else if (strcmp (word_, "first") == 0)
        strcat (out_, first_family (KEY) == AF_INET6 ? " 6" : " 4");
    else if (strcmp (word_, "late") == 0)
        strcat (out_, is_late () ? " yes" : " no");
    else if (strcmp (word_, "due") == 0)
        strcat (out_,
                zds_history_probe_due (about (KEY, now)) ? " yes" : " no");
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
      {"the system puts IPv4 first", "race:4a.A+ gone", "yes"},
      {"and IPv6 won", "race:4a+A- answer:aA", "a+ A-"},
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
      {"the whole answer was waited for in vain", "race:?A+ first late",
       "6 yes"},
      {"so it was where IPv6 won", "race:?a+ late", "yes"},
      {"it comes again", "race:?A+ race:a+A. late answer:aA", "no a+"},
      {"who does not wait does not learn that it would come",
       "race:?A+ wait:300000 race:?A+ late wait:300000 late", "yes no"},
      {"another one of the first family was taken then",
       "race:?A-B+ answer:aAB", "A- B+"},
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
      {"even if it was to the winner", "race:a-A+ died:A answer:aA first",
       "a- A# 6"},
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
      {"one more", "race:a~A+ answer:abA gone", "yes"},
      {"one less", "race:a~b-A+ answer:aA gone", "yes"},
      {"another one", "race:a~A+ answer:aB gone", "yes"},
      {"another order is the same set", "race:a~b-A+ answer:Aba gone",
       "A+ b- a- no"},
      {"no answer is no change", "race:a~A+ answer: answer:aA", "a- A+"},
      {"a helper's answer is not the set", "race:a~A+ answer:?a gone", "a- no"},
      {"a race without the whole answer has no set",
       "race:?a~A+ answer:ab answer:abA", "a-"},
      {"withdrawn ones are not in the set", "race:a~A+xb- answer:aA", "a- A+"},
      {"wrong servers come without a set",
       "wrong:a answer:ab answer:ab answer:b gone", "a! a! yes"},
    };
    (void) state_;

    run (rows, COUNT (rows));
}

static void test_races_cut_short (void **state_)
{
    static const row_t rows[] = {
      {"it had only just begun", "race:a=0A. gone", "yes"},
      {"silence is remembered", "race:a=199A. answer:aA", "a~199"},
      {"as failed, when it was the attempt delay", "race:a=250A. answer:aA",
       "a-"},
      {"and who had not had its turn is not", "race:a=300A=50 answer:aA",
       "a- A~50"},
      {"who failed", "race:a-A=10 answer:aA", "a- A~10"},
      {"one address alone has no other", "race:a=200 gone", "yes"},
      {"withdrawn ones do not count", "race:xa=200A=200 gone", "yes"},
      {"it is over when another one wins", "race:a=199A. race:a.A+ answer:aA",
       "a~199 A+"},
      {"and when it wins itself", "race:a=199A. race:a+A. answer:aA first",
       "a+ 6"},
      {"failing altogether forgets it", "race:a=199A. race:a-A- gone", "yes"},
      {"the last winner is silent", "race:a~A+ race:a.A=100 answer:aA first",
       "a- A~100 6"},
      {"those that go last stay", "wrong:a race:a=300A=9 answer:aA", "a! A~9"},
      {"it expires", "race:a=199A. wait:600000 answer:aA gone", "yes"},
    };
    (void) state_;

    run (rows, COUNT (rows));
}

/*  Silence adds up, race by race.  */
static void test_silence_adds_up (void **state_)
{
    zds_race_t race;
    (void) state_;

    start_over ();
    race_of (&race, "a=199A.");
    zds_history_learn (about (KEY, now), &race);
    race_of (&race, "a=50A=1");
    race.candidate[0].waited = 199;
    zds_history_learn (about (KEY, now), &race);
    recall_for (KEY, &race, "aA");
    assert_int_equal (race.candidate[0].record, ZDS_RECORD_NONE);
    assert_int_equal (race.candidate[0].waited, 249);
    race_of (&race, "a=1A.");
    race.candidate[0].waited = 249;
    zds_history_learn (about (KEY, now), &race);
    recall_for (KEY, &race, "aA");
    assert_int_equal (race.candidate[0].record, ZDS_RECORD_FAILED);
    assert_int_equal (race.candidate[0].waited, 250);
    /*  Silence in a race that another one won.  */
    start_over ();
    race_of (&race, "a~A+");
    zds_history_learn (about (KEY, now), &race);
    recall_for (KEY, &race, "aA");
    assert_int_equal (race.candidate[0].record, ZDS_RECORD_FAILED);
    assert_int_equal (race.candidate[0].waited, 250);
    /*  TCP connected just now.  */
    start_over ();
    race_of (&race, "a=200A.");
    race.slot[0].silent_since = now;
    zds_history_learn (about (KEY, now), &race);
    recall_for (KEY, &race, "aA");
    assert_int_equal (race.candidate[0].waited, 200);
    /*  One that is tried first although it is bad, because the others are worse.  */
    zds_history_mark (about (KEY, now), &race.candidate[0].addr,
                      ZDS_RECORD_DIED);
    race_of (&race, "a=100A.");
    zds_history_learn (about (KEY, now), &race);
    recall_for (KEY, &race, "aA");
    assert_int_equal (race.candidate[0].record, ZDS_RECORD_DIED);
    assert_int_equal (race.candidate[0].waited, 100);
}

static void test_connections_that_died (void **state_)
{
    static const row_t rows[] = {
      {"go last", "died:a answer:aA", "a#"},
      {"winning says nothing of them", "died:a race:a+A- answer:aA first",
       "a# A- 6"},
      {"a handshake does not, either", "died:a right:a answer:aA", "a#"},
      {"nor does a look", "died:a works:a answer:aA", "a#"},
      {"a race that fails forgets the others",
       "race:a-A+ died:A race:a-A- "
       "answer:aA",
       "A#"},
      {"it expires", "died:a wait:600000 answer:aA gone", "yes"},
    };
    (void) state_;

    run (rows, COUNT (rows));
}

static void test_connections_given_up (void **state_)
{
    static const row_t rows[] = {
      {"what it was waited for counts as silence", "gaveup:a200 answer:aA",
       "a~200"},
      {"from the attempt delay on, it goes last", "gaveup:a250 answer:aA",
       "a#"},
      {"and a probe says nothing of it", "gaveup:a250 works:a answer:aA", "a#"},
      {"another one who wins goes ahead", "gaveup:a250 race:a.A+ answer:aA",
       "a# A+"},
      {"it goes behind the others that do",
       "wrong:A wait:1 wrong:a wait:1 wrong:b wait:1 gaveup:a10 answer:abA",
       "a! b! A!"},
      {"it does not lift what goes last already",
       "wrong:a gaveup:a10 gaveup:a900 answer:aA", "a!"},
      {"it expires", "gaveup:a200 wait:600000 answer:aA gone", "yes"},
    };
    (void) state_;

    run (rows, COUNT (rows));
}

/*  The network.  */

static bool is_quick (const char *key_, uint64_t network_)
{
    zds_race_config_t config;

    zds_race_config_default (&config);
    config.network = network_;
    zds_history_prepare (about (key_, now), &config);
    return config.quick;
}

static void
learn_on (const char *key_, const char *race_text_, uint64_t network_)
{
    zds_race_t race;

    race_of (&race, race_text_);
    race.config.network = network_;
    zds_history_learn (about (key_, now), &race);
}

static void test_c15_one_network_many_names (void **state_)
{
    static const char silent[] = "a~A+";
    const zds_addr_t a = candidate_of ('a').addr;
    (void) state_;

    start_over ();
    assert_false (is_quick ("x:1|t", 7));
    learn_on ("one:1|t", silent, 7);
    learn_on ("one:2|t", silent, 7);
    assert_false (is_quick ("x:1|t", 7)); /* the same name */
    learn_on ("two:1|t", silent, 7);
    assert_true (is_quick ("x:1|t", 7));
    assert_true (is_quick ("one:1|t", 7));
    /*  With another source, device or proxy, connections go another way.  */
    assert_false (is_quick ("eth1:0;x:1|t", 7));
    assert_false (is_quick ("x:1|teth1", 7));

    /*  IPv4 success says nothing; IPv6 success ends it.  */
    learn_on ("three:1|t", "a.A+", 7);
    assert_true (is_quick ("x:1|t", 7));
    learn_on ("four:1|teth1", "a+A.", 7);
    assert_true (is_quick ("x:1|t", 7));
    learn_on ("four:1|t", "a+A.", 7);
    assert_false (is_quick ("x:1|t", 7));

    /*  Two names in a row are needed.  */
    learn_on ("one:1|t", silent, 7);
    learn_on ("four:1|t", "a+A.", 7);
    learn_on ("two:1|t", silent, 7);
    assert_false (is_quick ("x:1|t", 7));
    learn_on ("three:1|t", silent, 7);
    assert_true (is_quick ("x:1|t", 7));
    /*  A probe that succeeds.  */
    zds_history_probed (about ("two:1|t", now), &a, true);
    assert_false (is_quick ("x:1|t", 7));

    /*  Races cut short, and another scope in between.  */
    learn_on ("one:1|t", "a=250A.", 7);
    learn_on ("two:1|teth1", silent, 7);
    learn_on ("three:1|teth1", silent, 7);
    assert_false (is_quick ("x:1|t", 7));
    assert_true (is_quick ("x:1|teth1", 7));
}

static void test_c8_another_network_forgets_all (void **state_)
{
    zds_race_t race;
    (void) state_;

    start_over ();
    learn_on ("one:1|t", "a~A+", 7);
    learn_on ("two:1|t", "a~A+", 7);
    assert_true (is_quick ("x:1|t", 7));
    /*  An unknown network does not count as another one.  */
    assert_true (is_quick ("x:1|t", 0));
    /*  A race that began before says nothing about this network.  */
    assert_false (is_quick ("x:1|t", 8));
    learn_on ("three:1|t", "a~A+", 7);
    recall_for ("three:1|t", &race, "aA");
    assert_int_equal (race.candidate[0].record, ZDS_RECORD_NONE);
    recall_for ("one:1|t", &race, "aA");
    assert_int_equal (race.candidate[0].record, ZDS_RECORD_NONE);
}

/*  ::1 says nothing about a network.  */
static void test_c15_loopback (void **state_)
{
    zds_race_t race;
    (void) state_;

    start_over ();
    learn_on ("one:1|t", "a~A+", 0);
    learn_on ("two:1|t", "a~A+", 0);
    race_of (&race, "a+A.");
    race.candidate[0].addr = addr_of ("::1");
    zds_history_learn (about ("localhost:1|t", now), &race);
    assert_true (is_quick ("x:1|t", 0));
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
      {"nor because it works for a moment",
       "race:a~A+ due works:a race:a~A+ due wait:5000 due", "yes no yes"},
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
      {"", false},      {"a+A.", false},   {"a+A/", false},  {"a+A-", true},
      {"a+A~", true},   {"a~A+", true},    {"a/A+", true},   {"a.A+", true},
      {"a-A-", false},  {"A+B.", false},   {"A-B+", true},   {"A.a+", false},
      {"xa-b+", false}, {"xa+b.", true},   {"a+xA-", false}, {"?A+", true},
      {"?a+A.", true},  {"4A+a.", false},  {"4A.a+", true},  {"a=9", false},
      {"a=9A.", true},  {"a=9xA.", false},
    };
    zds_race_t race;
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        race_of (&race, rows[i].race);
        if (zds_history_is_news (&race) != rows[i].expected)
            fail_msg ("%s: %d", rows[i].race, !rows[i].expected);
        /*  This, too, is news that changes the memory.  */
        start_over ();
        zds_history_learn (about (KEY, now), &race);
        if (is_empty () == rows[i].expected)
            fail_msg ("%s: learnt: %d", rows[i].race, !is_empty ());
    }
}

/*  What is remembered is the departure from the order of a host of which nothing is
    known, not from the order in which the race tried.  */
static void test_what_the_race_knew_does_not_count (void **state_)
{
    zds_race_t race;
    (void) state_;

    race_of (&race, "a.A+");
    race.candidate[0].record = ZDS_RECORD_FAILED;
    race.candidate[1].record = ZDS_RECORD_WON;
    assert_true (zds_history_is_news (&race));
    race_of (&race, "a+A.");
    race.candidate[0].record = ZDS_RECORD_WRONG;
    assert_false (zds_history_is_news (&race));
}

static void test_c8_what_is_silence (void **state_)
{
    zds_race_t race;
    (void) state_;

    race_of (&race, "a.A.");
    race.slot[1].candidate = 1;
    assert_false (zds_history_is_silence (&race, 1000));
    race.slot[0].candidate = 0;
    race.slot[0].started = 900;
    assert_false (zds_history_is_silence (&race, 999));
    assert_true (zds_history_is_silence (&race, 1000));
}

static void test_the_time_of_a_mark_is_told (void **state_)
{
    const zds_addr_t addr = candidate_of ('a').addr;
    zds_race_t race;
    (void) state_;

    start_over ();
    zds_history_mark (about (KEY, 1234), &addr, ZDS_RECORD_WRONG);
    now = 5678;
    recall_for (KEY, &race, "a");
    assert_int_equal (race.candidate[0].record, ZDS_RECORD_WRONG);
    assert_int_equal (race.candidate[0].record_time, 1234);
}

/*  As where threads take a lock in another order than that in which they read the
    clock.  */
static void test_a_mark_may_be_younger_than_now (void **state_)
{
    const zds_addr_t addr = candidate_of ('a').addr;
    zds_race_t race;
    (void) state_;

    start_over ();
    zds_history_mark (about (KEY, 1001), &addr, ZDS_RECORD_WRONG);
    now = 1000;
    recall_for (KEY, &race, "a");
    assert_int_equal (race.candidate[0].record, ZDS_RECORD_WRONG);
}

/*  Address number 'n_' of a host that has many.  */
static zds_addr_t numbered (unsigned n_)
{
    char text[32];

    snprintf (text, sizeof text, "2001:db8::1:%x", n_);
    return addr_of (text);
}

static zds_record_t recorded (unsigned n_)
{
    zds_race_t race;

    memset (&race, 0, sizeof race);
    race.candidate[0].addr = numbered (n_);
    race.count = 1;
    race.ask.outstanding = 1;
    zds_history_recall (about (KEY, now), &race);
    return race.candidate[0].record;
}

/*  As many as an answer can have: none of them may be tried again and again because
    there is no place for it.  */
static void test_every_address_is_a_wrong_server (void **state_)
{
    unsigned i;
    (void) state_;

    start_over ();
    for (i = 0; i < ZDS_MAX_CANDIDATES; i++) {
        const zds_addr_t wrong = numbered (i);
        now++;
        zds_history_mark (about (KEY, now), &wrong, ZDS_RECORD_WRONG);
    }
    for (i = 0; i < ZDS_MAX_CANDIDATES; i++)
        assert_int_equal (recorded (i), ZDS_RECORD_WRONG);
}

static bool is_known (const char *key_)
{
    return first_family (key_) == AF_INET;
}

static void learn_for (const char *key_)
{
    zds_race_t race;

    race_of (&race, "a~A+");
    zds_history_learn (about (key_, now), &race);
}

static const char *numbered_key (char *buffer_, unsigned n_)
{
    sprintf (buffer_, "host%u:1", n_);
    return buffer_;
}

static void test_hosts_are_apart (void **state_)
{
    const zds_addr_t addr = candidate_of ('a').addr;
    zds_race_t race;
    (void) state_;

    start_over ();
    learn_for ("one:1");
    assert_true (is_known ("one:1"));
    assert_false (is_known ("one:2"));
    assert_false (is_known ("one:"));
    assert_false (is_known ("one:11"));
    recall_for ("two:1", &race, "b");
    zds_history_probed (about ("two:1", now), &addr, true);
    assert_true (is_known ("one:1"));
    learn_for ("two:1");
    zds_history_probed (about ("two:1", now), &addr, true);
    assert_false (is_known ("two:1"));
    assert_true (is_known ("one:1"));
}

static void test_the_oldest_makes_place (void **state_)
{
    const zds_addr_t a = candidate_of ('a').addr, b = candidate_of ('b').addr;
    char key[32];
    unsigned i;
    (void) state_;

    /*  Each has two rows.  */
    start_over ();
    for (i = 0; i < ZDS_HISTORY_ROWS / 2; i++, now++)
        learn_for (numbered_key (key, i));
    assert_int_equal (memory.count, ZDS_HISTORY_ROWS);
    learn_for (numbered_key (key, 0));
    for (i = 0; i < ZDS_HISTORY_ROWS / 2; i++)
        assert_true (is_known (numbered_key (key, i)));
    now++;
    learn_for ("new:1");
    assert_int_equal (memory.count, ZDS_HISTORY_ROWS);
    for (i = 0; i < ZDS_HISTORY_ROWS / 2; i++)
        if (is_known (numbered_key (key, i)) != (i != 1))
            fail_msg ("%s: %d", key, i == 1);
    assert_true (is_known ("new:1"));
    /*  A place that became free is taken first, and one's own.  */
    zds_history_probed (about (numbered_key (key, 9), now), &a, true);
    assert_false (is_known (key));
    learn_for ("newer:1");
    zds_history_mark (about ("newer:1", now), &a, ZDS_RECORD_WRONG);
    assert_true (is_known ("newer:1"));
    assert_true (is_known (numbered_key (key, 2)));
    zds_history_mark (about ("newer:1", now), &b, ZDS_RECORD_WRONG);
    assert_int_equal (memory.count, ZDS_HISTORY_ROWS);
}

static void test_no_key (void **state_)
{
    const zds_addr_t addr = candidate_of ('a').addr;
    zds_race_t race;
    (void) state_;

    start_over ();
    learn_for ("");
    zds_history_mark (about ("", now), &addr, ZDS_RECORD_WRONG);
    zds_history_given_up (about ("", now), &addr, 9, 8);
    zds_history_probed (about ("", now), &addr, true);
    recall_for ("", &race, "a");
    assert_false (zds_history_probe_due (about ("", now)));
    assert_int_equal (race.candidate[0].record, ZDS_RECORD_NONE);
    assert_true (is_empty ());
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_races_won),
      cmocka_unit_test (test_races_failed),
      cmocka_unit_test (test_wrong_servers),
      cmocka_unit_test (test_other_addresses),
      cmocka_unit_test (test_races_cut_short),
      cmocka_unit_test (test_silence_adds_up),
      cmocka_unit_test (test_connections_that_died),
      cmocka_unit_test (test_connections_given_up),
      cmocka_unit_test (test_c15_one_network_many_names),
      cmocka_unit_test (test_c8_another_network_forgets_all),
      cmocka_unit_test (test_c15_loopback),
      cmocka_unit_test (test_marks_expire),
      cmocka_unit_test (test_looks),
      cmocka_unit_test (test_what_is_news),
      cmocka_unit_test (test_c8_what_is_silence),
      cmocka_unit_test (test_what_the_race_knew_does_not_count),
      cmocka_unit_test (test_the_time_of_a_mark_is_told),
      cmocka_unit_test (test_a_mark_may_be_younger_than_now),
      cmocka_unit_test (test_every_address_is_a_wrong_server),
      cmocka_unit_test (test_hosts_are_apart),
      cmocka_unit_test (test_the_oldest_makes_place),
      cmocka_unit_test (test_no_key),
    };
    return cmocka_run_group_tests_name ("memory", tests, NULL, NULL);
}
