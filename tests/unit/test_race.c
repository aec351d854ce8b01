/* SPDX-License-Identifier: MPL-2.0 */

/*  The rules of a race, one by one, under virtual time.  "rfc8305_5_..." is about
    RFC 8305 section 5, "c6_..." about C-6 of the specification.

    A case is a script.  Each row is a time in ms, what happens then, and what
    the race says to do: all steps up to that time until which it waits.  A row
    without an event is a wake-up; the race must have asked for it.

    Addresses have names of one letter (IPv6) or digit (IPv4).  In an answer,
    marks may follow:  a*  won the last time, a!  failed, a?7  spoke no ZMTP at
    the time 7, a~  has a poor source.

    Events:  AAAA a b, A 1 2   an answer; AAAA alone is a negative one
             ok a              TCP connected
             greet a           its peer sent the signature of a greeting
             unsigned a        its peer sent what may be ZMTP 1.0
             refuse a          it failed with ECONNREFUSED
             fail a E          it failed with E
             sync a E          from now on connecting to it fails at once
             again AAAA A      the reconnect interval is over, families asked anew
             look              a wake-up that the race has not asked for  */

#include "text.h"
#include "zds_race.h"

typedef struct
{
    unsigned time;
    const char *event;
    const char *steps;
} row_t;

typedef struct
{
    const char *name;
    const char *config; /* "delay=100 ask=4": what is not the default */
    row_t rows[16];
    const char *fates;    /* in the end, "a=won 1=cut" */
    const char *untested; /* NULL: not asked for; "": none */
} case_t;

static const struct
{
    int error;
    const char *name;
} errors[] = {
  {ECONNREFUSED, "ECONNREFUSED"},
  {EHOSTUNREACH, "EHOSTUNREACH"},
  {ENETUNREACH, "ENETUNREACH"},
  {ENETDOWN, "ENETDOWN"},
  {EACCES, "EACCES"},
  {EPERM, "EPERM"},
  {EINVAL, "EINVAL"},
  {EADDRNOTAVAIL, "EADDRNOTAVAIL"},
  {EAFNOSUPPORT, "EAFNOSUPPORT"},
  {ETIMEDOUT, "ETIMEDOUT"},
  {ECONNRESET, "ECONNRESET"},
  {EMFILE, "EMFILE"},
  {ENFILE, "ENFILE"},
  {ENOBUFS, "ENOBUFS"},
  {EHOSTDOWN, "EHOSTDOWN"},
  {ECONNABORTED, "ECONNABORTED"},
};

static const char *name_of_error (int error_)
{
    size_t i;

    for (i = 0; i < COUNT (errors); i++)
        if (errors[i].error == error_)
            return errors[i].name;
    return "an errno that the test does not know";
}

static int error_of (const char *name_)
{
    size_t i;

    for (i = 0; i < COUNT (errors); i++)
        if (strcmp (errors[i].name, name_) == 0)
            return errors[i].error;
    fail_msg ("the test holds a bad errno: %s", name_);
    return 0;
}

static zds_addr_t addr_of_name (char name_)
{
    char text[40];

    if (name_ >= 'a' && name_ <= 'z')
        snprintf (text, sizeof text, "2001:db8::%x", name_);
    else
        snprintf (text, sizeof text, "192.0.2.%d", name_);
    return addr_of (text);
}

static char name_of_addr (const zds_addr_t *addr_)
{
    if (addr_->sa.sa_family == AF_INET6)
        return (char) addr_->v6.sin6_addr.s6_addr[15];
    return (char) (ntohl (addr_->v4.sin_addr.s_addr) & 255);
}

static zds_candidate_t candidate_of (const char *token_)
{
    zds_candidate_t candidate;

    memset (&candidate, 0, sizeof candidate);
    candidate.addr = addr_of_name (token_[0]);
    switch (token_[1]) {
        case '*':
            candidate.record = ZDS_RECORD_WON;
            break;
        case '!':
            candidate.record = ZDS_RECORD_FAILED;
            break;
        case '?':
            candidate.record = ZDS_RECORD_WRONG;
            candidate.record_time = strtoull (token_ + 2, NULL, 10);
            break;
        case '~':
            candidate.poor_source = true;
            break;
        case '\0':
            break;
        default:
            fail_msg ("the test holds a bad mark: %s", token_);
    }
    if (token_[1] != '\0' && token_[1] != '?' && token_[2] == '~')
        candidate.poor_source = true;
    return candidate;
}

/*  What plays a case.  */
typedef struct
{
    const char *name;
    zds_race_t race;
    uint64_t base, now, deadline;
    char attempt[ZDS_RACE_MAX_RUNNING]; /* names; 0: none */
    int at_once[128];                   /* errno by name */
    zds_race_step_t last;
    char log[400];
} player_t;

static void note (player_t *p_, const char *format_, ...)
{
    const size_t used = strlen (p_->log);
    va_list args;

    va_start (args, format_);
    if (used > 0)
        strcat (p_->log, ", ");
    vsnprintf (p_->log + strlen (p_->log),
               sizeof p_->log - strlen (p_->log) - 10, format_, args);
    va_end (args);
}

/*  One step as the user of a race does it; false when there is no more.  */
static bool do_step (player_t *p_)
{
    const zds_race_step_t step = zds_race_next (&p_->race, p_->now);
    char name;

    p_->last = step;
    switch (step.op) {
        case ZDS_RACE_WAIT:
            assert_true (step.deadline > p_->now);
            p_->deadline = step.deadline;
            if (step.deadline == ZDS_NEVER)
                note (p_, "wait");
            else
                note (p_, "wait %u", (unsigned) (step.deadline - p_->base));
            return false;
        case ZDS_RACE_START:
            assert_true (step.attempt < ZDS_RACE_MAX_RUNNING);
            assert_int_equal (p_->attempt[step.attempt], 0);
            name = name_of_addr (&step.addr);
            note (p_, "start %c", name);
            if (p_->at_once[(int) name] != 0)
                zds_race_failed (&p_->race, step.attempt,
                                 p_->at_once[(int) name], p_->now);
            else
                p_->attempt[step.attempt] = name;
            return true;
        case ZDS_RACE_CANCEL:
            assert_true (step.attempt < ZDS_RACE_MAX_RUNNING);
            assert_int_not_equal (p_->attempt[step.attempt], 0);
            note (p_, "cancel %c%s%s", p_->attempt[step.attempt],
                  step.error != 0 ? " " : "",
                  step.error != 0 ? name_of_error (step.error) : "");
            p_->attempt[step.attempt] = 0;
            return true;
        case ZDS_RACE_RETRY:
            note (p_, "retry");
            return true;
        case ZDS_RACE_WON:
            name = name_of_addr (&step.addr);
            assert_int_equal (p_->attempt[step.attempt], name);
            note (p_, "won %c", name);
            p_->deadline = ZDS_NEVER;
            return false;
        case ZDS_RACE_FAILED:
            note (p_, "failed %s", name_of_error (step.error));
            p_->deadline = ZDS_NEVER;
            return false;
    }
    fail_msg ("%s: no such step: %d", p_->name, (int) step.op);
    return false;
}

static bool is_same (const zds_race_step_t *a_, const zds_race_step_t *b_)
{
    if (a_->op != b_->op)
        return false;
    if (a_->op == ZDS_RACE_WAIT)
        return a_->deadline == b_->deadline;
    if (a_->op == ZDS_RACE_WON)
        return a_->attempt == b_->attempt
               && zds_addr_equal (&a_->addr, &b_->addr);
    return a_->error == b_->error;
}

static void do_steps (player_t *p_)
{
    zds_race_step_t again;
    unsigned steps;

    for (steps = 0; do_step (p_); steps++)
        if (steps > 100)
            fail_msg ("%s: no end of steps: %s", p_->name, p_->log);
    /*  The last step repeats.  */
    again = zds_race_next (&p_->race, p_->now);
    if (!is_same (&again, &p_->last))
        fail_msg ("%s: another answer to the same question", p_->name);
}

/*  The number of the attempt to this address, or "#3" literally.  */
static unsigned attempt_of (const player_t *p_, const char *token_)
{
    unsigned i;

    if (token_ == NULL)
        fail_msg ("%s: an address is missing", p_->name);
    if (token_[0] == '#')
        return (unsigned) strtoul (token_ + 1, NULL, 10);
    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        if (p_->attempt[i] == token_[0])
            return i;
    fail_msg ("%s: %s does not run", p_->name, token_);
    return 0;
}

static void fail_attempt (player_t *p_, const char *token_, int error_)
{
    const unsigned attempt = attempt_of (p_, token_);

    zds_race_failed (&p_->race, attempt, error_, p_->now);
    /*  A number that is said literally is of no attempt, or of one that is not
        the race's business any more.  */
    if (token_[0] != '#')
        p_->attempt[attempt] = 0;
}

static void answer (player_t *p_, int family_, char **rest_)
{
    zds_candidate_t list[80];
    size_t n = 0;
    const char *token;

    while ((token = strtok_r (NULL, " ", rest_)) != NULL)
        list[n++] = candidate_of (token);
    zds_race_answer (&p_->race, family_, list, n, p_->now);
}

static void happens (player_t *p_, char *event_)
{
    char *rest;
    const char *const verb = strtok_r (event_, " ", &rest);
    const char *token;

    if (strcmp (verb, "AAAA") == 0)
        answer (p_, AF_INET6, &rest);
    else if (strcmp (verb, "A") == 0)
        answer (p_, AF_INET, &rest);
    else if (strcmp (verb, "lost") == 0) {
        token = strtok_r (NULL, " ", &rest);
        zds_race_lost (&p_->race, strcmp (token, "A") == 0 ? AF_INET : AF_INET6,
                       p_->now);
    } else if (strcmp (verb, "NONE") == 0)
        answer (p_, AF_UNSPEC, &rest);
    else if (strcmp (verb, "ok") == 0)
        zds_race_connected (
          &p_->race, attempt_of (p_, strtok_r (NULL, " ", &rest)), p_->now);
    else if (strcmp (verb, "greet") == 0)
        zds_race_greeted (
          &p_->race, attempt_of (p_, strtok_r (NULL, " ", &rest)), p_->now);
    else if (strcmp (verb, "unsigned") == 0)
        zds_race_unsigned (&p_->race,
                           attempt_of (p_, strtok_r (NULL, " ", &rest)));
    else if (strcmp (verb, "refuse") == 0)
        fail_attempt (p_, strtok_r (NULL, " ", &rest), ECONNREFUSED);
    else if (strcmp (verb, "fail") == 0) {
        token = strtok_r (NULL, " ", &rest);
        fail_attempt (p_, token, error_of (strtok_r (NULL, " ", &rest)));
    } else if (strcmp (verb, "sync") == 0) {
        token = strtok_r (NULL, " ", &rest);
        p_->at_once[(int) token[0]] = error_of (strtok_r (NULL, " ", &rest));
    } else if (strcmp (verb, "again") == 0) {
        unsigned families = 0;
        while ((token = strtok_r (NULL, " ", &rest)) != NULL)
            families |= strcmp (token, "A") == 0 ? ZDS_ASK_IPV4 : ZDS_ASK_IPV6;
        zds_race_again (&p_->race, families, p_->now);
    } else if (strcmp (verb, "look") != 0)
        fail_msg ("%s: no such event: %s", p_->name, verb);
}

static void play_row (player_t *p_, const row_t *row_)
{
    char events[200];
    char *event, *rest;

    p_->now = p_->base + row_->time;
    if (*row_->event == '\0' && p_->deadline != p_->now)
        fail_msg ("%s at %u: did not ask to be woken then", p_->name,
                  row_->time);
    if (p_->deadline < p_->now)
        fail_msg ("%s at %u: asked to be woken before, at %u", p_->name,
                  row_->time, (unsigned) (p_->deadline - p_->base));

    assert_true (strlen (row_->event) < sizeof events);
    strcpy (events, row_->event);
    for (event = strtok_r (events, ";", &rest); event != NULL;
         event = strtok_r (NULL, ";", &rest))
        happens (p_, event);

    p_->log[0] = '\0';
    do_steps (p_);
    if (strcmp (p_->log, row_->steps) != 0)
        fail_msg ("%s at %u: %s: \"%s\", not \"%s\"", p_->name, row_->time,
                  row_->event, p_->log, row_->steps);
}

static unsigned read_config (const char *text_, zds_race_config_t *config_)
{
    unsigned ask = 6 + 4;
    char text[100];
    char *word, *rest;

    zds_race_config_default (config_);
    strcpy (text, text_);
    for (word = strtok_r (text, " ", &rest); word != NULL;
         word = strtok_r (NULL, " ", &rest)) {
        char key[20];
        unsigned value;

        assert_int_equal (sscanf (word, "%19[a-z]=%u", key, &value), 2);
        if (strcmp (key, "delay") == 0)
            config_->attempt_delay = value;
        else if (strcmp (key, "resolution") == 0)
            config_->resolution_delay = value;
        else if (strcmp (key, "count") == 0)
            config_->first_count = value;
        else if (strcmp (key, "first") == 0)
            config_->first_family = value == 4 ? AF_INET : AF_INET6;
        else if (strcmp (key, "timeout") == 0)
            config_->attempt_timeout = value;
        else if (strcmp (key, "greets") == 0)
            config_->greets = value != 0;
        else if (strcmp (key, "greeting") == 0)
            config_->greeting_timeout = value;
        else if (strcmp (key, "mode") == 0)
            config_->mode = value == 6 ? ZDS_MODE_V6 : ZDS_MODE_AUTO;
        else if (strcmp (key, "ask") == 0)
            ask = value;
        else
            fail_msg ("the test holds a bad word: %s", word);
    }
    return ask == 6   ? ZDS_ASK_IPV6
           : ask == 4 ? ZDS_ASK_IPV4
                      : ZDS_ASK_IPV6 | ZDS_ASK_IPV4;
}

static void check_fates (const player_t *p_, const char *expected_)
{
    static const char *const names[] = {"untried", "running", "failed",
                                        "won",     "silent",  "cut"};
    char text[200];
    char *word, *rest;
    size_t i;

    strcpy (text, expected_);
    for (word = strtok_r (text, " ", &rest); word != NULL;
         word = strtok_r (NULL, " ", &rest)) {
        const zds_addr_t addr = addr_of_name (word[0]);
        for (i = 0; i < p_->race.count; i++)
            if (zds_addr_equal (&p_->race.candidate[i].addr, &addr))
                break;
        if (i == p_->race.count)
            fail_msg ("%s: %c is not known", p_->name, word[0]);
        if (strcmp (names[p_->race.fate[i]], word + 2) != 0)
            fail_msg ("%s: %s is %s", p_->name, word, names[p_->race.fate[i]]);
    }
}

static void check_untested (const player_t *p_, const char *expected_)
{
    const zds_candidate_t *const untested = zds_race_untested (&p_->race);
    const char name = untested == NULL ? '\0' : name_of_addr (&untested->addr);

    if (name != expected_[0])
        fail_msg ("%s: untested is '%c'", p_->name, name);
}

/*  What is final stays, come what may.  */
static void check_end (player_t *p_)
{
    const zds_race_step_t last = p_->last;
    const zds_candidate_t late = candidate_of ("z");
    unsigned i;

    if (last.op != ZDS_RACE_WON && last.op != ZDS_RACE_FAILED)
        return;
    for (i = 0; i < 10; i++) {
        zds_race_step_t again;
        p_->now += 1000;
        switch (i) {
            case 1:
                zds_race_failed (&p_->race, last.attempt, EIO, p_->now);
                break;
            case 2:
                zds_race_answer (&p_->race, AF_INET6, &late, 1, p_->now);
                break;
            case 3:
                zds_race_again (&p_->race, ZDS_ASK_IPV6, p_->now);
                break;
            case 4:
                zds_race_connected (&p_->race, (last.attempt + 1) % 6, p_->now);
                break;
            default:
                break;
        }
        again = zds_race_next (&p_->race, p_->now);
        if (!is_same (&again, &last))
            fail_msg ("%s: the outcome changed", p_->name);
    }
}

static void play (player_t *p_, const case_t *case_, uint64_t base_)
{
    zds_race_config_t config;
    const unsigned families = read_config (case_->config, &config);
    size_t i;

    memset (p_, 0, sizeof *p_);
    p_->name = case_->name;
    p_->base = p_->now = base_;
    assert_int_equal (zds_race_init (&p_->race, &config, families, base_), 0);
    do_steps (p_);
    assert_string_equal (p_->log, "wait");

    for (i = 0; i < COUNT (case_->rows) && case_->rows[i].event != NULL; i++)
        play_row (p_, &case_->rows[i]);
    if (case_->fates != NULL)
        check_fates (p_, case_->fates);
    if (case_->untested != NULL)
        check_untested (p_, case_->untested);
    check_end (p_);
}

static void test_case (void **state_)
{
    static player_t player;

    play (&player, *state_, 0);
    play (&player, *state_, 1);
    play (&player, *state_, UINT64_C (1) << 40);
}

static const case_t cases[] = {
  /*  C-16: the race is decided by ZMTP.  */
  {"c16_the_first_to_greet_wins",
   "greets=1",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {3, "ok a", "wait 253"},
    {4, "greet a", "won a"}},
   "a=won 1=untried",
   ""},
  {"c16_mute_the_timer_starts_anew_when_it_connected",
   "greets=1",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {100, "ok a", "wait 350"},
    {350, "", "start 1, wait"},
    {351, "ok 1", "wait 601"},
    {352, "greet 1", "cancel a, won 1"}},
   "a=silent 1=won",
   NULL},
  {"c16_a_mute_one_may_still_greet_first",
   "greets=1",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {0, "ok a", "wait 250"},
    {250, "", "start 1, wait"},
    {260, "ok 1; greet a", "cancel 1, won a"}},
   "a=won 1=cut",
   NULL},
  {"c16_closes_before_it_greets_the_next_at_once",
   "greets=1",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {2, "ok a", "wait 252"},
    {3, "fail a ECONNRESET", "start 1, wait 253"},
    {4, "ok 1", "won 1"}},
   "a=failed 1=won",
   NULL},
  {"c16_closes_the_next_not_within_the_gap",
   "greets=1",
   {{0, "AAAA a b; A 1", "start a, wait 250"},
    {0, "ok a", "wait 250"},
    {250, "", "start 1, wait 500"},
    {252, "fail a ECONNRESET", "wait 260"},
    {260, "", "start b, wait 510"}},
   NULL,
   NULL},
  {"c16_nothing_else_could_win_handed_over_at_once",
   "greets=1",
   {{0, "AAAA; A 1", "start 1, wait"}, {1, "ok 1", "won 1"}},
   "1=won",
   NULL},
  {"c16_numeric_handed_over_at_once",
   "greets=1 ask=6",
   {{0, "AAAA a", "start a, wait"}, {1, "ok a", "won a"}},
   "a=won",
   NULL},
  {"c16_the_others_failed_handed_over_at_once",
   "greets=1",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {1, "refuse a", "start 1, wait 251"},
    {2, "ok 1", "won 1"}},
   "a=failed 1=won",
   NULL},
  {"c16_the_last_other_one_fails_handed_over_at_once",
   "greets=1 first=4",
   {{0, "AAAA a; A 1", "start 1, wait 250"},
    {1, "ok 1", "wait 251"},
    {251, "", "start a, wait 501"},
    {252, "refuse a", "won 1"}},
   "a=failed 1=won",
   NULL},
  {"c16_an_answer_is_still_to_come",
   "greets=1",
   {{0, "A 1", "wait 50"},
    {50, "", "start 1, wait"},
    {51, "ok 1", "wait 301"},
    {60, "AAAA", "won 1"}},
   "1=won",
   NULL},
  {"c16_mute_while_an_answer_is_still_to_come",
   "greets=1",
   {{0, "A 1", "wait 50"},
    {50, "", "start 1, wait"},
    {51, "ok 1", "wait 301"},
    {301, "", "won 1"}},
   "1=won",
   NULL},
  {"c16_all_mute_the_one_of_one_family_is_handed_over",
   "greets=1",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {0, "ok a", "wait 250"},
    {250, "", "start 1, wait"},
    {251, "ok 1", "wait 501"},
    {501, "", "cancel a, won 1"}},
   "a=silent 1=won",
   NULL},
  {"c16_all_mute_in_mode_v6",
   "greets=1 mode=6",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {0, "ok a", "wait 250"},
    {250, "", "start 1, wait 500"},
    {251, "ok 1", "wait 501"},
    {501, "", "cancel 1, won a"}},
   "a=won 1=silent",
   NULL},
  {"c16_all_mute_without_the_usual_family",
   "greets=1",
   {{0, "AAAA a b; A", "start a, wait 250"},
    {0, "ok a", "wait 250"},
    {250, "", "start b, wait 500"},
    {251, "ok b", "wait 501"},
    {501, "", "cancel b, won a"}},
   "a=won b=silent",
   NULL},
  {"c16_all_mute_but_one_silent",
   "greets=1",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {250, "", "start 1, wait"},
    {251, "ok 1", "wait 501"},
    {501, "", "cancel a, won 1"}},
   "a=silent 1=won",
   NULL},
  {"c16_one_that_a_single_family_would_not_have_has_to_greet",
   "greets=1 first=4",
   {{0, "AAAA a; A 1", "start 1, wait 250"},
    {1, "refuse 1", "start a, wait 251"},
    {2, "ok a", "wait 252"},
    {252, "", "retry, wait"},
    {300, "greet a", "won a"}},
   "a=won 1=failed",
   NULL},
  {"c16_zmtp_1_0_loses_against_a_greeting",
   "greets=1",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {2, "ok a; unsigned a; unsigned a", "wait 10"},
    {10, "", "start 1, wait"},
    {11, "ok 1; greet 1", "cancel a, won 1"}},
   "a=silent 1=won",
   NULL},
  {"c16_zmtp_1_0_wins_when_nobody_greets",
   "greets=1 first=4",
   {{0, "AAAA a; A 1", "start 1, wait 250"},
    {2, "ok 1; unsigned 1", "wait 10"},
    {10, "", "start a, wait 260"},
    {11, "ok a", "wait 261"},
    {261, "", "cancel a, won 1"}},
   "a=silent 1=won",
   NULL},
  {"c16_before_it_connected_nothing_is_said",
   "greets=1",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {2, "unsigned a", "wait 250"},
    {3, "ok a; ok a", "wait 253"}},
   NULL,
   NULL},
  {"c7_a_mute_one_does_not_hold_up_what_failed",
   "greets=1",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {0, "ok a", "wait 250"},
    {250, "", "start 1, wait"},
    {251, "refuse 1", "wait 500"},
    {500, "", "retry, wait"},
    {600, "again", "start 1, wait"},
    {601, "ok 1; greet 1", "cancel a, won 1"}},
   "a=silent 1=won",
   NULL},
  {"c16_a_mute_one_ends_with_the_handshake_interval",
   "greets=1 greeting=3000 timeout=100",
   {{0, "AAAA a; A 1", "start a, wait 100"},
    {50, "ok a", "wait 300"},
    {300, "", "start 1, wait 400"},
    {301, "refuse 1", "wait 550"},
    {550, "", "retry, wait 3050"},
    {3050, "", "cancel a ETIMEDOUT, failed ETIMEDOUT"}},
   "a=failed 1=failed",
   NULL},
  /*  Section 3: when the first attempt starts.  */
  {"rfc8305_3_aaaa_first_starts_at_once",
   "",
   {{20, "AAAA a", "start a, wait"},
    {30, "A 1", "wait 270"},
    {270, "", "start 1, wait"}},
   "a=running 1=running",
   ""},
  {"rfc8305_3_both_at_once_start_one",
   "",
   {{20, "A 1; AAAA a", "start a, wait 270"}, {270, "", "start 1, wait"}},
   NULL,
   NULL},
  {"rfc8305_3_a_first_waits_for_the_resolution_delay",
   "",
   {{20, "A 1", "wait 70"}, {70, "", "start 1, wait"}},
   NULL,
   NULL},
  {"rfc8305_3_aaaa_within_the_delay_starts_at_once",
   "",
   {{20, "A 1", "wait 70"},
    {69, "AAAA a", "start a, wait 319"},
    {319, "", "start 1, wait"}},
   NULL,
   NULL},
  {"rfc8305_3_aaaa_at_the_end_of_the_delay_still_comes_first",
   "",
   {{20, "A 1", "wait 70"}, {70, "AAAA a", "start a, wait 320"}},
   NULL,
   NULL},
  {"rfc8305_3_negative_aaaa_ends_the_delay",
   "",
   {{20, "A 1", "wait 70"}, {21, "AAAA", "start 1, wait"}},
   NULL,
   NULL},
  {"rfc8305_3_negative_aaaa_first_means_no_delay",
   "",
   {{20, "AAAA", "wait"}, {30, "A 1", "start 1, wait"}},
   NULL,
   NULL},
  {"rfc8305_3_negative_a_first_starts_no_delay",
   "",
   {{5, "A", "wait"}, {400, "AAAA a", "start a, wait"}},
   NULL,
   NULL},
  {"rfc8305_3_delay_over_then_aaaa_joins",
   "",
   {{20, "A 1 2", "wait 70"},
    {70, "", "start 1, wait 320"},
    {100, "AAAA a", "wait 320"},
    {320, "", "start a, wait 570"},
    {570, "", "start 2, wait"}},
   NULL,
   NULL},
  {"rfc8305_3_delay_is_counted_from_the_first_positive_answer",
   "",
   {{20, "A 1", "wait 70"},
    {40, "A 1 2", "wait 70"},
    {50, "look", "wait 70"},
    {70, "", "start 1, wait 320"}},
   NULL,
   NULL},
  {"rfc8305_3_resolution_delay_of_none",
   "resolution=0",
   {{0, "A 1", "start 1, wait"}, {1, "AAAA a", "wait 250"}},
   NULL,
   NULL},
  {"rfc8305_3_resolution_delay_is_configured",
   "resolution=2000",
   {{20, "A 1", "wait 2020"}, {2020, "", "start 1, wait"}},
   NULL,
   NULL},
  {"rfc8305_3_only_a_asked_starts_at_once",
   "ask=4",
   {{20, "A 1 2", "start 1, wait 270"}, {270, "", "start 2, wait"}},
   NULL,
   NULL},
  {"rfc8305_3_only_aaaa_asked",
   "ask=6",
   {{20, "AAAA a", "start a, wait"}, {30, "refuse a", "failed ECONNREFUSED"}},
   NULL,
   NULL},
  {"rfc8305_3_all_negative_fails",
   "",
   {{5, "A", "wait"}, {6, "AAAA", "failed EHOSTUNREACH"}},
   NULL,
   ""},
  {"rfc8305_3_all_negative_fails_aaaa_first",
   "",
   {{5, "AAAA", "wait"}, {6000, "A", "failed EHOSTUNREACH"}},
   NULL,
   NULL},
  {"rfc8305_3_only_one_asked_and_negative_fails",
   "ask=4",
   {{5, "A", "failed EHOSTUNREACH"}},
   NULL,
   NULL},
  {"rfc8305_3_an_answer_of_the_other_family_is_negative",
   "",
   {{5, "AAAA 1", "wait"}, {6, "A a", "failed EHOSTUNREACH"}},
   NULL,
   NULL},

  /*  Section 4: the order.  */
  {"rfc8305_4_families_take_turns",
   "delay=10",
   {{0, "AAAA a b c d; A 1 2", "start a, wait 10"},
    {10, "", "start 1, wait 20"},
    {20, "", "start b, wait 30"},
    {30, "", "start 2, wait 40"},
    {40, "", "start c, wait 50"},
    {50, "", "start d, wait"}},
   NULL,
   NULL},
  {"rfc8305_4_more_of_ipv4",
   "delay=10",
   {{0, "AAAA a; A 3 2 1", "start a, wait 10"},
    {10, "", "start 3, wait 20"},
    {20, "", "start 2, wait 30"},
    {30, "", "start 1, wait"}},
   NULL,
   NULL},
  {"rfc8305_4_the_resolvers_order_within_a_family",
   "delay=10 ask=6",
   {{0, "AAAA c a b", "start c, wait 10"},
    {10, "", "start a, wait 20"},
    {20, "", "start b, wait"}},
   NULL,
   NULL},
  {"rfc8305_4_first_address_family_count",
   "delay=10 count=2",
   {{0, "AAAA a b c; A 1 2", "start a, wait 10"},
    {10, "", "start b, wait 20"},
    {20, "", "start 1, wait 30"},
    {30, "", "start c, wait 40"},
    {40, "", "start 2, wait"}},
   NULL,
   NULL},
  {"rfc8305_4_first_address_family_count_beyond_what_there_is",
   "delay=10 count=3",
   {{0, "AAAA a; A 1 2", "start a, wait 10"},
    {10, "", "start 1, wait 20"},
    {20, "", "start 2, wait"}},
   NULL,
   NULL},
  {"c3_poor_source_goes_after_ipv4",
   "delay=10",
   {{0, "AAAA a~ b c~; A 1 2", "start b, wait 10"},
    {10, "", "start 1, wait 20"},
    {20, "", "start 2, wait 30"},
    {30, "", "start a, wait 40"},
    {40, "", "start c, wait"}},
   NULL,
   NULL},
  {"c3_duplicates_are_removed",
   "delay=10",
   {{0, "AAAA a a b a b; A 1 1", "start a, wait 10"},
    {10, "", "start 1, wait 20"},
    {20, "", "start b, wait"}},
   NULL,
   NULL},
  {"c3_other_families_are_left_out",
   "delay=10",
   {{0, "AAAA 1 a 2; A 3", "start a, wait 10"}, {10, "", "start 3, wait"}},
   NULL,
   NULL},

  /*  What may be waited for: only an answer that could be better.  */
  {"c4_poor_source_waits_for_a",
   "",
   {{10, "AAAA a~", "wait 60"},
    {20, "A 1", "start 1, wait 270"},
    {270, "", "start a, wait"}},
   NULL,
   NULL},
  {"c4_poor_source_waits_no_longer_than_the_delay",
   "",
   {{10, "AAAA a~", "wait 60"}, {60, "", "start a, wait"}},
   NULL,
   NULL},
  {"c4_poor_source_starts_when_there_is_no_a",
   "",
   {{10, "AAAA a~", "wait 60"}, {30, "A", "start a, wait"}},
   NULL,
   NULL},
  {"c4_poor_source_alone_is_asked_for",
   "ask=6",
   {{10, "AAAA a~", "start a, wait"}},
   NULL,
   NULL},
  {"c4_a_good_one_behind_a_poor_one_starts_at_once",
   "",
   {{10, "AAAA a~ b", "start b, wait 260"}, {260, "", "start a, wait"}},
   NULL,
   NULL},
  {"c8_first_family_ipv4_starts_at_once",
   "first=4",
   {{10, "A 1", "start 1, wait"},
    {20, "AAAA a", "wait 260"},
    {260, "", "start a, wait"}},
   NULL,
   NULL},
  {"c8_first_family_ipv4_aaaa_waits",
   "first=4",
   {{10, "AAAA a", "wait 60"}, {60, "", "start a, wait"}},
   NULL,
   NULL},
  {"c8_first_family_ipv4_negative_a",
   "first=4",
   {{10, "AAAA a", "wait 60"}, {20, "A", "start a, wait"}},
   NULL,
   NULL},
  {"c8_first_family_ipv4_order",
   "first=4 delay=10",
   {{0, "AAAA a b; A 1 2", "start 1, wait 10"},
    {10, "", "start a, wait 20"},
    {20, "", "start 2, wait 30"},
    {30, "", "start b, wait"}},
   NULL,
   NULL},
  {"c8_the_last_winner_starts_at_once",
   "",
   {{10, "A 1 2*", "start 2, wait 260"},
    {20, "AAAA a", "wait 260"},
    {260, "", "start a, wait 510"},
    {510, "", "start 1, wait"}},
   NULL,
   NULL},
  {"c8_the_last_winner_comes_first",
   "",
   {{10, "AAAA a b*; A 1", "start b, wait 260"},
    {260, "", "start 1, wait 510"},
    {510, "", "start a, wait"}},
   NULL,
   NULL},
  {"c8_what_failed_waits_for_the_other_family",
   "",
   {{10, "AAAA a!", "wait 60"},
    {20, "A 1", "start 1, wait 270"},
    {270, "", "start a, wait"}},
   NULL,
   NULL},
  {"c8_what_failed_is_tried_when_there_is_nothing_else",
   "",
   {{10, "AAAA a!", "wait 60"}, {60, "", "start a, wait"}},
   NULL,
   NULL},
  {"c8_what_failed_goes_behind_poor_sources",
   "delay=10",
   {{0, "AAAA a! b~ c d!; A 1", "start c, wait 10"},
    {10, "", "start 1, wait 20"},
    {20, "", "start b, wait 30"},
    {30, "", "start a, wait 40"},
    {40, "", "start d, wait"}},
   NULL,
   NULL},
  {"c9_wrong_servers_go_last",
   "delay=10",
   {{0, "AAAA a?9 b! c?5; A 1 2?7", "start 1, wait 10"},
    {10, "", "start b, wait 20"},
    {20, "", "start c, wait 30"},
    {30, "", "start 2, wait 40"},
    {40, "", "start a, wait"}},
   NULL,
   NULL},
  {"c9_a_wrong_server_waits_for_the_other_family",
   "",
   {{10, "AAAA a?1", "wait 60"}, {60, "", "start a, wait"}},
   NULL,
   NULL},

  /*  Section 5: the attempts.  */
  {"rfc8305_5_one_at_a_time_after_the_delay",
   "",
   {{0, "AAAA a b; A 1", "start a, wait 250"},
    {100, "look", "wait 250"},
    {249, "look", "wait 250"},
    {250, "", "start 1, wait 500"},
    {500, "", "start b, wait"},
    {9999, "look", "wait"}},
   "a=running b=running 1=running",
   NULL},
  {"rfc8305_5_attempt_delay_is_configured",
   "delay=2000",
   {{0, "AAAA a b", "start a, wait 2000"}, {2000, "", "start b, wait"}},
   NULL,
   NULL},
  {"rfc8305_5_a_late_wake_up_moves_what_follows",
   "ask=6",
   {{0, "AAAA a b c", "start a, wait 250"},
    {250, "", "start b, wait 500"},
    {500, "", "start c, wait"}},
   NULL,
   NULL},
  {"rfc8305_5_success_cancels_the_others",
   "",
   {{0, "AAAA a b; A 1 2", "start a, wait 250"},
    {250, "", "start 1, wait 500"},
    {500, "", "start b, wait 750"},
    {600, "ok 1", "cancel a, cancel b, won 1"}},
   "a=silent b=cut 1=won 2=untried",
   ""},
  {"rfc8305_5_success_of_the_first",
   "",
   {{0, "AAAA a; A 1", "start a, wait 250"}, {30, "ok a", "won a"}},
   "a=won 1=untried",
   ""},
  {"rfc8305_5_success_ignores_what_was_not_tried",
   "ask=6",
   {{0, "AAAA a b c", "start a, wait 250"},
    {250, "", "start b, wait 500"},
    {499, "ok b", "cancel a, won b"},
    {500, "look", "won b"},
    {750, "look", "won b"}},
   "a=silent b=won c=untried",
   NULL},
  {"rfc8305_5_success_just_before_the_next_start",
   "",
   {{0, "AAAA a; A 1", "start a, wait 250"}, {250, "ok a", "won a"}},
   "1=untried",
   NULL},
  {"rfc8305_5_late_answers_after_success_are_ignored",
   "",
   {{0, "AAAA a", "start a, wait"},
    {30, "ok a", "won a"},
    {40, "A 1 2", "won a"},
    {50, "AAAA b", "won a"}},
   "a=won",
   ""},
  {"rfc8305_5_success_before_the_answer_of_the_other_family",
   "",
   {{0, "A 1", "wait 50"}, {50, "", "start 1, wait"}, {51, "ok 1", "won 1"}},
   "1=won",
   NULL},
  {"rfc8305_5_two_connect_and_the_first_wins",
   "",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {250, "", "start 1, wait"},
    {260, "ok 1; ok a", "cancel a, won 1"}},
   "a=silent 1=won",
   NULL},
  {"rfc8305_5_silent_from_the_attempt_delay_on",
   "",
   {{0, "AAAA a b; A 1", "start a, wait 250"},
    {250, "", "start 1, wait 500"},
    {499, "ok a", "cancel 1, won a"}},
   "1=cut b=untried",
   NULL},
  {"rfc8305_5_silent_at_the_attempt_delay",
   "",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {250, "", "start 1, wait"},
    {500, "ok a", "cancel 1, won a"}},
   "1=silent",
   NULL},
  {"rfc8305_5_min_gap_10ms",
   "",
   {{0, "AAAA a b; A 1", "start a, wait 250"},
    {250, "", "start 1, wait 500"},
    {252, "refuse 1", "wait 260"},
    {260, "", "start b, wait 510"}},
   "1=failed",
   NULL},
  {"rfc8305_5_min_gap_10ms_when_an_older_one_fails",
   "",
   {{0, "AAAA a b; A 1", "start a, wait 250"},
    {250, "", "start 1, wait 500"},
    {259, "refuse a", "wait 260"},
    {260, "", "start b, wait 510"}},
   NULL,
   NULL},
  {"rfc8305_5_min_gap_10ms_for_errors_at_once",
   "",
   {{0, "sync 1 ENETUNREACH; sync b EACCES", "wait"},
    {0, "AAAA a b c; A 1 2", "start a, wait 250"},
    {250, "", "start 1, wait 260"},
    {260, "", "start b, wait 270"},
    {270, "", "start 2, wait 520"},
    {520, "", "start c, wait 770"}},
   NULL,
   NULL},
  {"rfc8305_5_min_gap_is_the_least_attempt_delay",
   "delay=10",
   {{0, "AAAA a b; A 1", "start a, wait 10"},
    {9, "look", "wait 10"},
    {10, "", "start 1, wait 20"},
    {15, "refuse 1", "wait 20"},
    {20, "", "start b, wait 30"}},
   NULL,
   NULL},
  {"rfc8305_5_each_failure_brings_one_start_forward",
   "",
   {{0, "AAAA a b c d; A 1 2", "start a, wait 250"},
    {250, "", "start 1, wait 500"},
    {500, "", "start b, wait 750"},
    {505, "refuse a; refuse 1", "wait 510"},
    {510, "", "start 2, wait 520"},
    {520, "", "start c, wait 770"},
    {770, "", "start d, wait 1020"}},
   NULL,
   NULL},
  {"rfc8305_5_no_timer_at_the_end_of_the_list",
   "ask=6",
   {{0, "AAAA a", "start a, wait"}, {100000, "look", "wait"}},
   NULL,
   NULL},

  /*  Section 6: answers that change.  */
  {"rfc8305_6_after_a_lone_ipv6_attempt_ipv4_comes_next",
   "",
   {{0, "AAAA a b c", "start a, wait 250"},
    {100, "A 1 2", "wait 250"},
    {250, "", "start 1, wait 500"},
    {500, "", "start b, wait 750"},
    {750, "", "start 2, wait 1000"},
    {1000, "", "start c, wait"}},
   NULL,
   NULL},
  {"rfc8305_6_place_as_if_known_from_the_start",
   "",
   {{0, "AAAA a b c", "start a, wait 250"},
    {250, "", "start b, wait 500"},
    {300, "A 1 2 3", "wait 500"},
    {500, "", "start 1, wait 750"},
    {750, "", "start 2, wait 1000"},
    {1000, "", "start c, wait 1250"},
    {1250, "", "start 3, wait"}},
   NULL,
   NULL},
  {"rfc8305_6_an_answer_alone_does_not_move_the_timer",
   "",
   {{0, "AAAA a b", "start a, wait 250"},
    {240, "A 1", "wait 250"},
    {245, "AAAA a b c", "wait 250"},
    {250, "", "start 1, wait 500"}},
   NULL,
   NULL},
  {"rfc8305_6_late_answer_when_the_delay_is_over",
   "",
   {{0, "AAAA a", "start a, wait"}, {5000, "A 1", "start 1, wait"}},
   NULL,
   NULL},
  {"rfc8305_6_late_answer_when_all_failed",
   "",
   {{0, "AAAA a", "start a, wait"},
    {5, "refuse a", "wait 250"},
    {7, "A 1", "start 1, wait 257"}},
   NULL,
   NULL},
  {"rfc8305_6_late_negative_answer_when_all_failed",
   "",
   {{0, "AAAA a", "start a, wait"},
    {5, "refuse a", "wait 250"},
    {7, "A", "failed ECONNREFUSED"}},
   NULL,
   NULL},
  {"rfc8305_6_withdrawn_and_untried_is_not_tried",
   "",
   {{0, "AAAA a b c; A 1", "start a, wait 250"},
    {100, "AAAA a c", "wait 250"},
    {250, "", "start 1, wait 500"},
    {500, "", "start c, wait"}},
   NULL,
   NULL},
  {"rfc8305_6_withdrawn_and_running_goes_on",
   "ask=6",
   {{0, "AAAA a b", "start a, wait 250"},
    {100, "AAAA b", "wait 250"},
    {250, "", "start b, wait"},
    {300, "ok a", "cancel b, won a"}},
   "a=won b=cut",
   NULL},
  {"rfc8305_6_withdrawn_and_failed_is_not_retried",
   "ask=6",
   {{0, "AAAA a b", "start a, wait 250"},
    {100, "AAAA b", "wait 250"},
    {200, "refuse a", "start b, wait"},
    {300, "again", "wait"},
    {900, "refuse b", "failed ECONNREFUSED"}},
   NULL,
   NULL},
  {"rfc8305_6_withdrawn_and_back_while_it_runs",
   "ask=6",
   {{0, "AAAA a b", "start a, wait 250"},
    {100, "AAAA b", "wait 250"},
    {150, "AAAA a b", "wait 250"},
    {250, "", "start b, wait"},
    {300, "refuse a", "wait 500"},
    {500, "", "retry, wait"},
    {600, "again", "start a, wait"}},
   "a=running b=running",
   NULL},
  {"rfc8305_6_withdrawn_and_failed_and_back_in_another_round",
   "",
   {{0, "AAAA a b; A 1", "start a, wait 250"},
    {100, "AAAA b", "wait 250"},
    {200, "refuse a", "start b, wait 450"},
    {450, "", "start 1, wait"},
    {460, "refuse b", "wait 700"},
    {700, "again AAAA", "start b, wait"},
    {960, "AAAA a b", "start a, wait"}},
   NULL,
   NULL},
  {"rfc8305_6_an_empty_answer_withdraws_nothing",
   "",
   {{0, "AAAA a b; A 1", "start a, wait 250"},
    {100, "AAAA", "wait 250"},
    {250, "", "start 1, wait 500"},
    {500, "", "start b, wait"}},
   NULL,
   NULL},
  {"rfc8305_6_added_first_of_all",
   "ask=6",
   {{0, "AAAA a b", "start a, wait 250"},
    {100, "AAAA c a b", "wait 250"},
    {250, "", "start c, wait 500"},
    {500, "", "start b, wait"}},
   NULL,
   NULL},
  {"rfc8305_6_all_that_was_known_is_replaced_before_the_start",
   "",
   {{0, "A 1 2", "wait 50"}, {10, "A 3", "wait 50"}, {50, "", "start 3, wait"}},
   NULL,
   NULL},

  /*  C-5: hard errors.  */
  {"c5_hard_error_next_starts_at_once",
   "",
   {{0, "AAAA a b; A 1", "start a, wait 250"},
    {20, "refuse a", "start 1, wait 270"},
    {30, "fail 1 EHOSTUNREACH", "start b, wait 280"},
    {40, "ok b", "won b"}},
   "a=failed 1=failed b=won",
   ""},
  {"c5_no_gap_when_nothing_runs",
   "",
   {{0, "AAAA a b; A 1", "start a, wait 250"},
    {1, "refuse a", "start 1, wait 251"},
    {2, "refuse 1", "start b, wait 252"}},
   NULL,
   NULL},
  {"c5_hard_error_while_another_runs",
   "",
   {{0, "AAAA a b; A 1", "start a, wait 250"},
    {250, "", "start 1, wait 500"},
    {300, "refuse a", "start b, wait 550"}},
   NULL,
   NULL},
  {"c5_all_fail_at_once",
   "",
   {{0, "sync a EHOSTUNREACH; sync b ENETUNREACH; sync 1 ECONNREFUSED", "wait"},
    {10, "AAAA a b; A 1", "start a, start 1, start b, failed ENETUNREACH"}},
   "a=failed b=failed 1=failed",
   NULL},
  {"c5_without_ipv6_route_ipv4_starts_at_once",
   "",
   {{0, "sync a ENETUNREACH", "wait"},
    {10, "AAAA a; A 1", "start a, start 1, wait 260"},
    {30, "ok 1", "won 1"}},
   "a=failed 1=won",
   NULL},
  {"c5_no_socket_left_is_a_failed_attempt",
   "",
   {{0, "sync a EMFILE; sync 1 EMFILE", "wait"},
    {10, "AAAA a; A 1", "start a, start 1, failed EMFILE"}},
   NULL,
   NULL},
  {"c5_failure_is_owed_to_an_answer_that_comes_late",
   "",
   {{0, "AAAA a b", "start a, wait 250"},
    {250, "", "start b, wait"},
    {300, "refuse b", "wait 500"},
    {310, "A 1", "start 1, wait 560"}},
   NULL,
   NULL},

  /*  C-6: black holes.  */
  {"c6_black_hole_ipv6",
   "",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {250, "", "start 1, wait"},
    {280, "ok 1", "cancel a, won 1"}},
   "a=silent 1=won",
   ""},
  {"c6_at_most_six",
   "ask=6",
   {{0, "AAAA a b c d e f g h", "start a, wait 250"},
    {250, "", "start b, wait 500"},
    {500, "", "start c, wait 750"},
    {750, "", "start d, wait 1000"},
    {1000, "", "start e, wait 1250"},
    {1250, "", "start f, wait 4000"},
    {3000, "look", "wait 4000"},
    {4000, "", "cancel a ETIMEDOUT, start g, wait 4250"},
    {4250, "", "cancel b ETIMEDOUT, start h, wait 4500"},
    {4500, "", "retry, wait"},
    {90000, "look", "wait"},
    {90001, "ok h", "cancel g, cancel c, cancel d, cancel e, cancel f, won h"}},
   "a=failed b=failed c=silent h=won",
   NULL},
  {"c6_a_place_that_becomes_free_is_taken",
   "ask=6",
   {{0, "AAAA a b c d e f g h", "start a, wait 250"},
    {250, "", "start b, wait 500"},
    {500, "", "start c, wait 750"},
    {750, "", "start d, wait 1000"},
    {1000, "", "start e, wait 1250"},
    {1250, "", "start f, wait 4000"},
    {2000, "refuse c", "start g, wait 4000"},
    {2001, "refuse d", "wait 2010"},
    {2010, "", "start h, wait 2260"}},
   NULL,
   NULL},
  {"c6_patience_only_when_one_waits",
   "ask=6",
   {{0, "AAAA a b c d e f", "start a, wait 250"},
    {250, "", "start b, wait 500"},
    {500, "", "start c, wait 750"},
    {750, "", "start d, wait 1000"},
    {1000, "", "start e, wait 1250"},
    {1250, "", "start f, wait"},
    {60000, "look", "wait"}},
   NULL,
   NULL},
  {"c6_patience_is_over_when_a_late_one_comes",
   "",
   {{0, "AAAA a b c d e f", "start a, wait 250"},
    {250, "", "start b, wait 500"},
    {500, "", "start c, wait 750"},
    {750, "", "start d, wait 1000"},
    {1000, "", "start e, wait 1250"},
    {1250, "", "start f, wait"},
    {5500, "A 1 2", "cancel a ETIMEDOUT, start 1, wait 5750"},
    {5750, "", "cancel b ETIMEDOUT, start 2, wait 6000"}},
   NULL,
   NULL},
  /*  A place is made for one whose turn has come, not before.  */
  {"c6_patience_keeps_to_the_attempt_delay",
   "ask=6 delay=2000",
   {{0, "AAAA a b c d e f g h", "start a, wait 2000"},
    {2000, "", "start b, wait 4000"},
    {4000, "", "start c, wait 6000"},
    {6000, "", "start d, wait 8000"},
    {8000, "", "start e, wait 10000"},
    {10000, "", "start f, wait 12000"},
    {11000, "look", "wait 12000"},
    {12000, "", "cancel a ETIMEDOUT, start g, wait 14000"},
    {14000, "", "cancel b ETIMEDOUT, start h, wait 16000"}},
   NULL,
   NULL},

  /*  C-7: the end of the list.  */
  {"c7_all_refused",
   "",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {10, "refuse a", "start 1, wait 260"},
    {20, "refuse 1", "failed ECONNREFUSED"}},
   "a=failed 1=failed",
   ""},
  {"c7_one_was_not_refused",
   "",
   {{0, "AAAA a b; A 1", "start a, wait 250"},
    {10, "refuse a", "start 1, wait 260"},
    {20, "fail 1 EHOSTUNREACH", "start b, wait 270"},
    {30, "refuse b", "failed EHOSTUNREACH"}},
   NULL,
   NULL},
  {"c7_the_last_other_error",
   "",
   {{0, "AAAA a b; A 1", "start a, wait 250"},
    {10, "fail a ENETUNREACH", "start 1, wait 260"},
    {20, "fail 1 ENETDOWN", "start b, wait 270"},
    {30, "refuse b", "failed ENETDOWN"}},
   NULL,
   NULL},
  {"c7_refused_in_one_round_is_not_refused_in_all",
   "",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {10, "fail a ETIMEDOUT", "start 1, wait 260"},
    {260, "", "retry, wait"},
    {300, "again", "start a, wait"},
    {310, "refuse a", "wait 550"},
    {320, "refuse 1", "failed ETIMEDOUT"}},
   NULL,
   NULL},
  {"c7_silence_does_not_hold_up_the_failed_ones",
   "",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {250, "", "start 1, wait"},
    {251, "refuse 1", "wait 500"},
    {500, "", "retry, wait"},
    {600, "again", "start 1, wait"},
    {601, "refuse 1", "wait 850"},
    {850, "", "retry, wait"},
    {950, "again", "start 1, wait"},
    {953, "ok 1", "cancel a, won 1"}},
   "a=silent 1=won",
   NULL},
  /*  What is left may end the race in a moment.  */
  {"c7_retry_waits_for_the_attempt_delay",
   "ask=6",
   {{0, "AAAA a b", "start a, wait 250"},
    {20, "refuse a", "start b, wait 270"},
    {269, "look", "wait 270"},
    {270, "", "retry, wait"},
    {271, "refuse b", "failed ECONNREFUSED"}},
   NULL,
   NULL},
  {"c7_retry_at_once_when_the_silence_is_long_enough",
   "",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {250, "", "start 1, wait"},
    {3000, "refuse 1", "retry, wait"}},
   NULL,
   NULL},
  {"c7_retry_is_said_once",
   "",
   {{0, "AAAA a b; A 1", "start a, wait 250"},
    {10, "refuse a", "start 1, wait 260"},
    {20, "refuse 1", "start b, wait 270"},
    {270, "", "retry, wait"},
    {5000, "look", "wait"}},
   NULL,
   NULL},
  /*  Failures of the round before do not make the next one a burst.  */
  {"c7_retry_once_for_all_that_failed",
   "",
   {{0, "AAAA a b; A 1", "start a, wait 250"},
    {250, "", "start 1, wait 500"},
    {500, "", "start b, wait"},
    {600, "refuse a", "wait 750"},
    {650, "refuse b", "wait 750"},
    {750, "", "retry, wait"},
    {850, "again", "start a, wait 1100"},
    {1100, "", "start b, wait"}},
   NULL,
   NULL},
  {"c7_retry_keeps_the_order_and_the_delay",
   "",
   {{0, "AAAA a b; A 1 2", "start a, wait 250"},
    {10, "refuse a", "start 1, wait 260"},
    {20, "refuse 1", "start b, wait 270"},
    {30, "refuse b", "start 2, wait 280"},
    {280, "", "retry, wait"},
    {281, "again", "start a, wait 531"},
    {531, "", "start 1, wait 781"},
    {781, "", "start b, wait"}},
   NULL,
   NULL},
  {"c7_no_retry_while_one_is_untried",
   "",
   {{0, "AAAA a b; A 1", "start a, wait 250"},
    {250, "", "start 1, wait 500"},
    {255, "refuse a", "wait 260"},
    {260, "", "start b, wait 510"}},
   NULL,
   NULL},
  {"c7_no_retry_when_nothing_failed",
   "",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {250, "", "start 1, wait"},
    {900, "again", "wait"},
    {1000, "refuse a", "retry, wait"}},
   NULL,
   NULL},
  {"c7_retry_while_an_answer_is_outstanding",
   "",
   {{0, "AAAA a", "start a, wait"},
    {5, "refuse a", "wait 250"},
    {250, "", "retry, wait"},
    {350, "again", "start a, wait"},
    {360, "refuse a", "wait 600"},
    {600, "", "retry, wait"},
    {700, "again", "start a, wait"},
    {720, "ok a", "won a"}},
   "a=won",
   NULL},
  {"c7_retry_of_a_lookup",
   "",
   {{0, "AAAA a; lost A", "start a, wait 250"},
    {250, "", "retry, wait"},
    {350, "again A", "wait"},
    {360, "A 1", "start 1, wait"},
    {370, "refuse 1", "wait 610"},
    {380, "ok a", "won a"}},
   "a=won 1=failed",
   NULL},
  {"c7_retry_of_a_lookup_beside_another",
   "",
   {{0, "lost A", "wait 250"},
    {250, "", "retry, wait"},
    {350, "again A", "wait"},
    {360, "lost A", "retry, wait"},
    {400, "AAAA", "failed EHOSTUNREACH"}},
   NULL,
   NULL},
  {"c7_a_lookup_that_was_lost_is_answered",
   "",
   {{0, "lost A; AAAA a", "start a, wait 250"},
    {20, "A", "wait"},
    {900, "refuse a", "failed ECONNREFUSED"}},
   NULL,
   NULL},
  {"c7_a_lookup_that_was_lost_is_no_refusal",
   "",
   {{0, "lost A; AAAA a", "start a, wait 250"},
    {20, "refuse a", "failed EHOSTUNREACH"}},
   "a=failed",
   NULL},
  {"c7_no_retry_when_all_is_over",
   "ask=6",
   {{0, "AAAA a b", "start a, wait 250"},
    {5, "refuse a", "start b, wait 255"},
    {6, "refuse b", "failed ECONNREFUSED"},
    {7, "again AAAA A", "failed ECONNREFUSED"}},
   NULL,
   NULL},
  {"c7_asked_anew",
   "",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {250, "", "start 1, wait"},
    {260, "refuse 1", "wait 500"},
    {500, "", "retry, wait"},
    {600, "again AAAA A", "start 1, wait"},
    {610, "refuse 1", "wait 850"},
    {640, "A 2", "start 2, wait"},
    {660, "refuse 2", "wait 890"},
    {670, "refuse a", "wait 890"},
    {680, "AAAA", "failed ECONNREFUSED"}},
   NULL,
   NULL},
  {"c7_asked_anew_and_not_failed_before_the_answer",
   "",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {10, "refuse a", "start 1, wait 260"},
    {110, "again A", "wait 260"},
    {120, "refuse 1", "start a, wait 370"},
    {130, "refuse a", "wait 370"},
    {140, "A 2", "start 2, wait 390"},
    {150, "refuse 2", "failed ECONNREFUSED"}},
   NULL,
   NULL},

  /*  C-11: ZMQ_CONNECT_TIMEOUT.  */
  {"c11_attempt_timeout",
   "ask=6 timeout=1000",
   {{0, "AAAA a", "start a, wait 1000"},
    {999, "look", "wait 1000"},
    {1000, "", "cancel a ETIMEDOUT, failed ETIMEDOUT"}},
   "a=failed",
   NULL},
  {"c11_attempt_timeout_brings_the_next_start_forward",
   "ask=6 timeout=300",
   {{0, "AAAA a b c", "start a, wait 250"},
    {250, "", "start b, wait 300"},
    {300, "", "cancel a ETIMEDOUT, start c, wait 550"},
    {550, "", "cancel b ETIMEDOUT, retry, wait 600"},
    {560, "ok c", "won c"}},
   "a=failed b=failed c=won",
   NULL},
  {"c11_attempt_timeout_and_min_gap",
   "ask=6 timeout=255",
   {{0, "AAAA a b c", "start a, wait 250"},
    {250, "", "start b, wait 255"},
    {255, "", "cancel a ETIMEDOUT, wait 260"},
    {260, "", "start c, wait 505"}},
   NULL,
   NULL},
  {"c11_attempt_timeout_shorter_than_the_delay",
   "timeout=100",
   {{0, "AAAA a; A 1", "start a, wait 100"},
    {100, "", "cancel a ETIMEDOUT, start 1, wait 200"},
    {200, "", "cancel 1 ETIMEDOUT, failed ETIMEDOUT"}},
   NULL,
   NULL},
  {"c11_attempt_timeout_comes_before_patience",
   "ask=6 timeout=2000",
   {{0, "AAAA a b c d e f g", "start a, wait 250"},
    {250, "", "start b, wait 500"},
    {500, "", "start c, wait 750"},
    {750, "", "start d, wait 1000"},
    {1000, "", "start e, wait 1250"},
    {1250, "", "start f, wait 2000"},
    {2000, "", "cancel a ETIMEDOUT, start g, wait 2250"}},
   NULL,
   NULL},
  {"c11_connected_at_the_time_out",
   "ask=6 timeout=100",
   {{0, "AAAA a", "start a, wait 100"}, {100, "ok a", "won a"}},
   NULL,
   NULL},

  /*  Events that mean nothing.  */
  {"ignored_numbers_that_do_not_run",
   "",
   {{0, "ok #0; refuse #0; ok #5; refuse #6; ok #4000000000", "wait"},
    {10, "AAAA a; A 1", "start a, wait 260"},
    {11, "ok #1; refuse #5; ok #6; refuse #4294967295", "wait 260"},
    {12, "refuse a", "start 1, wait 262"},
    {13, "ok #1; refuse #1; ok #2", "wait 262"}},
   "a=failed 1=running",
   NULL},
  {"ignored_failure_and_success_of_a_failed_attempt",
   "",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {250, "", "start 1, wait"},
    {260, "refuse a; refuse #0; ok #0", "wait 500"}},
   "a=failed 1=running",
   NULL},
  {"ignored_failure_of_the_winner",
   "",
   {{0, "AAAA a; A 1", "start a, wait 250"},
    {250, "", "start 1, wait"},
    {260, "ok a; refuse #0; fail #0 EPERM", "cancel 1, won a"}},
   "a=won 1=cut",
   NULL},
  {"ignored_again_before_anything_happened",
   "",
   {{0, "again", "wait"}, {10, "AAAA a", "start a, wait"}},
   NULL,
   NULL},
  {"ignored_answer_of_no_family",
   "",
   {{0, "NONE a 1", "wait"},
    {10, "A 1", "wait 60"},
    {20, "NONE", "wait 60"},
    {60, "", "start 1, wait"}},
   NULL,
   NULL},

  /*  C-8: what a race tells about an address that it did not try.  */
  {"c8_untested_is_what_failed_the_last_time",
   "first=4",
   {{0, "AAAA a!; A 1*", "start 1, wait 250"}, {20, "ok 1", "won 1"}},
   "a=untried 1=won",
   "a"},
  {"c8_untested_is_the_first_of_those",
   "first=4",
   {{0, "AAAA a! b!; A 1* 2", "start 1, wait 250"}, {20, "ok 1", "won 1"}},
   NULL,
   "a"},
  {"c8_untested_is_none_that_was_tried",
   "first=4",
   {{0, "AAAA a!; A 1*", "start 1, wait 250"},
    {250, "", "start a, wait"},
    {300, "ok 1", "cancel a, won 1"}},
   "a=cut 1=won",
   ""},
  {"c8_untested_is_none_behind_the_winner",
   "",
   {{0, "AAAA a*; A 1!", "start a, wait 250"}, {20, "ok a", "won a"}},
   NULL,
   ""},
  {"c8_untested_is_no_wrong_server",
   "",
   {{0, "AAAA a?5; A 1*", "start 1, wait 250"}, {20, "ok 1", "won 1"}},
   NULL,
   ""},
  {"c8_untested_is_no_poor_source",
   "",
   {{0, "AAAA a!~; A 1", "start 1, wait 250"}, {20, "ok 1", "won 1"}},
   NULL,
   ""},
  {"c8_untested_without_memory",
   "",
   {{0, "AAAA a b; A 1", "start a, wait 250"},
    {10, "refuse a", "start 1, wait 260"},
    {20, "ok 1", "won 1"}},
   NULL,
   ""},
  {"c8_untested_before_the_end",
   "",
   {{0, "AAAA a!; A 1*", "start 1, wait 250"}},
   NULL,
   ""},
  {"c8_untested_when_all_failed",
   "",
   {{0, "sync 1 EPERM; sync a EPERM", "wait"},
    {0, "AAAA a!; A 1*", "start 1, start a, failed EPERM"}},
   NULL,
   ""},
};

static void test_rfc8305_8_defaults (void **state_)
{
    zds_race_config_t config;
    (void) state_;

    zds_race_config_default (&config);
    assert_int_equal (config.attempt_delay, 250);
    assert_int_equal (config.resolution_delay, 50);
    assert_int_equal (config.first_count, 1);
    assert_int_equal (config.first_family, AF_INET6);
    assert_int_equal (config.attempt_timeout, 0);
}

static void test_rfc8305_8_bounds (void **state_)
{
    static const struct
    {
        unsigned attempt_delay, resolution_delay, first_count;
        int first_family;
        unsigned families;
        int expected;
    } rows[] = {
      {250, 50, 1, AF_INET6, 3, 0},
      {10, 0, 1, AF_INET6, 3, 0},
      {2000, 2000, 1000000, AF_INET, 1, 0},
      {250, 50, 1, AF_INET6, 2, 0},
      {0, 50, 1, AF_INET6, 3, EINVAL},
      {9, 50, 1, AF_INET6, 3, EINVAL},
      {2001, 50, 1, AF_INET6, 3, EINVAL},
      {UINT32_MAX, 50, 1, AF_INET6, 3, EINVAL},
      {250, 2001, 1, AF_INET6, 3, EINVAL},
      {250, UINT32_MAX, 1, AF_INET6, 3, EINVAL},
      {250, 50, 0, AF_INET6, 3, EINVAL},
      {250, 50, 1, 0, 3, EINVAL},
      {250, 50, 1, AF_UNIX, 3, EINVAL},
      {250, 50, 1, AF_INET6, 0, EINVAL},
      {250, 50, 1, AF_INET6, 4, EINVAL},
      {250, 50, 1, AF_INET6, 7, EINVAL},
    };
    zds_race_t race;
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        const zds_race_config_t config = {
          .attempt_delay = rows[i].attempt_delay,
          .resolution_delay = rows[i].resolution_delay,
          .first_count = rows[i].first_count,
          .first_family = rows[i].first_family};
        const int rc = zds_race_init (&race, &config, rows[i].families, 0);
        if (rc != rows[i].expected)
            fail_msg ("row %d: %d", (int) i, rc);
    }
}

/*  A race for both families with answers given.  */
static void begin (zds_race_t *race_, const char *aaaa_, const char *a_)
{
    zds_race_config_t config;
    zds_candidate_t list[8];
    size_t n;

    zds_race_config_default (&config);
    assert_int_equal (
      zds_race_init (race_, &config, ZDS_ASK_IPV6 | ZDS_ASK_IPV4, 0), 0);
    for (n = 0; aaaa_[n] != '\0'; n++) {
        const char name[] = {aaaa_[n], '\0'};
        list[n] = candidate_of (name);
    }
    zds_race_answer (race_, AF_INET6, list, n, 0);
    for (n = 0; a_[n] != '\0'; n++) {
        const char name[] = {a_[n], '\0'};
        list[n] = candidate_of (name);
    }
    zds_race_answer (race_, AF_INET, list, n, 0);
}

static void test_c5_every_error_starts_the_next (void **state_)
{
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (errors); i++) {
        zds_race_t race;
        zds_race_step_t step;

        begin (&race, "a", "1");
        step = zds_race_next (&race, 0);
        assert_int_equal (step.op, ZDS_RACE_START);
        zds_race_failed (&race, step.attempt, errors[i].error, 20);
        step = zds_race_next (&race, 20);
        assert_int_equal (step.op, ZDS_RACE_START);
        assert_int_equal (name_of_addr (&step.addr), '1');
        zds_race_failed (&race, step.attempt, ECONNREFUSED, 30);
        step = zds_race_next (&race, 30);
        assert_int_equal (step.op, ZDS_RACE_FAILED);
        assert_int_equal (step.error, errors[i].error);
    }
}

/*  The caller was busy: two starts are due, and only one comes.  */
static void test_rfc8305_5_late_wake_up (void **state_)
{
    zds_race_t race;
    zds_race_step_t step;
    (void) state_;

    begin (&race, "abc", "");
    assert_int_equal (zds_race_next (&race, 0).op, ZDS_RACE_START);
    assert_int_equal (zds_race_next (&race, 700).op, ZDS_RACE_START);
    step = zds_race_next (&race, 700);
    assert_int_equal (step.op, ZDS_RACE_WAIT);
    assert_int_equal (step.deadline, 950);
}

/*  Numbers of attempts are free again after their end, not before.  */
static void test_numbers_of_attempts (void **state_)
{
    zds_race_t race;
    zds_race_step_t first, second, third;
    (void) state_;

    begin (&race, "ab", "1");
    first = zds_race_next (&race, 0);
    second = zds_race_next (&race, 250);
    assert_int_equal (second.op, ZDS_RACE_START);
    assert_int_not_equal (first.attempt, second.attempt);
    zds_race_failed (&race, first.attempt, EIO, 300);
    third = zds_race_next (&race, 300);
    assert_int_equal (third.op, ZDS_RACE_START);
    assert_int_not_equal (third.attempt, second.attempt);
}

/*  Not a byte of the race changes.  */
static void test_ignored_numbers_out_of_range (void **state_)
{
    static const unsigned numbers[] = {6,   7,          8,          100,
                                       255, 0x80000000, 0xfffffffe, UINT32_MAX};
    zds_race_t race, before;
    size_t i;
    (void) state_;

    begin (&race, "ab", "1");
    assert_int_equal (zds_race_next (&race, 0).op, ZDS_RACE_START);
    assert_int_equal (zds_race_next (&race, 256).op, ZDS_RACE_START);
    memcpy (&before, &race, sizeof race);
    for (i = 0; i < COUNT (numbers); i++) {
        zds_race_failed (&race, numbers[i], ECONNREFUSED, 300);
        zds_race_connected (&race, numbers[i], 300);
        assert_memory_equal (&race, &before, sizeof race);
    }
}

/*  "2001:db8::1" ... and "192.0.2.1" ..., beginning with 'first_'.  */
static void
many (zds_candidate_t *list_, int family_, unsigned first_, size_t n_)
{
    size_t i;

    for (i = 0; i < n_; i++) {
        char text[40];
        memset (&list_[i], 0, sizeof list_[i]);
        snprintf (text, sizeof text,
                  family_ == AF_INET6 ? "2001:db8::%x" : "192.0.2.%u",
                  first_ + (unsigned) i);
        list_[i].addr = addr_of (text);
    }
}

/*  Starts all there is and fails it; the number of starts.  */
static unsigned refuse_all (zds_race_t *race_, uint64_t now_)
{
    unsigned starts = 0;

    for (;;) {
        const zds_race_step_t step = zds_race_next (race_, now_);
        if (step.op == ZDS_RACE_RETRY)
            continue;
        if (step.op != ZDS_RACE_START)
            return starts;
        zds_race_failed (race_, step.attempt, ECONNREFUSED, now_);
        starts++;
    }
}

static void test_more_addresses_than_are_taken (void **state_)
{
    zds_candidate_t list[100];
    zds_race_config_t config;
    zds_race_t race;
    (void) state_;

    zds_race_config_default (&config);
    assert_int_equal (zds_race_init (&race, &config, 3, 0), 0);
    many (list, AF_INET6, 1, 100);
    zds_race_answer (&race, AF_INET6, list, 100, 0);
    assert_int_equal (race.count, ZDS_MAX_CANDIDATES);
    many (list, AF_INET, 1, 100);
    zds_race_answer (&race, AF_INET, list, 100, 0);
    assert_int_equal (race.count, 2 * ZDS_MAX_CANDIDATES);
    assert_int_equal (refuse_all (&race, 0), 2 * ZDS_MAX_CANDIDATES);
    assert_int_equal (zds_race_next (&race, 0).op, ZDS_RACE_FAILED);
}

/*  Duplicates and other families do not count.  */
static void test_what_is_left_out_takes_no_room (void **state_)
{
    zds_candidate_t list[99];
    zds_race_config_t config;
    zds_race_t race;
    size_t i;
    (void) state_;

    zds_race_config_default (&config);
    assert_int_equal (zds_race_init (&race, &config, ZDS_ASK_IPV6, 0), 0);
    for (i = 0; i < COUNT (list); i += 3) {
        many (list + i, AF_INET6, 1 + (unsigned) i, 1);
        many (list + i + 1, AF_INET, 1 + (unsigned) i, 1);
        list[i + 2] = list[i];
    }
    zds_race_answer (&race, AF_INET6, list, COUNT (list), 0);
    assert_int_equal (race.count, ZDS_MAX_CANDIDATES);
    assert_true (zds_addr_equal (&race.candidate[31].addr, &list[93].addr));
    assert_int_equal (refuse_all (&race, 0), ZDS_MAX_CANDIDATES);
}

/*  Answers of full size, all of them new, while six attempts run.  */
static void test_rfc8305_6_answers_that_replace_everything (void **state_)
{
    zds_candidate_t list[ZDS_MAX_CANDIDATES];
    zds_race_config_t config;
    zds_race_t race;
    uint64_t now = 0;
    unsigned round, i;
    (void) state_;

    zds_race_config_default (&config);
    assert_int_equal (zds_race_init (&race, &config, 3, 0), 0);
    for (round = 0; round < 12; round++) {
        const int family = round % 2 == 0 ? AF_INET6 : AF_INET;
        many (list, family, 1 + round / 2 * ZDS_MAX_CANDIDATES, COUNT (list));
        zds_race_answer (&race, family, list, COUNT (list), now);
        assert_true (race.count <= ZDS_RACE_MAX_CANDIDATES);
        zds_race_again (&race, 3, now);

        for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
            zds_race_failed (&race, i, ECONNREFUSED, now);
        for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++) {
            const zds_race_step_t step = zds_race_next (&race, now);
            if (step.op == ZDS_RACE_START)
                now += 250;
        }
        zds_race_answer (&race, family, list + 20, 12, now);
        assert_true (race.count <= ZDS_RACE_MAX_CANDIDATES);
    }
}

/*  The same with the attempts of one family after the other's, which is when
    the most addresses are known.  */
static void test_rfc8305_6_the_most_that_is_withdrawn (void **state_)
{
    zds_candidate_t list[ZDS_MAX_CANDIDATES];
    zds_race_config_t config;
    zds_race_t race;
    uint64_t now = 0;
    unsigned i, round;
    int family = AF_INET6;
    (void) state_;

    zds_race_config_default (&config);
    assert_int_equal (zds_race_init (&race, &config, 3, 0), 0);
    for (round = 0; round < 4; round++) {
        /*  Six attempts to addresses of this family, then all new ones.  */
        many (list, family, 1, COUNT (list));
        zds_race_answer (&race, family, list, COUNT (list), now);
        for (i = 0; i < 500; i++, now += 250) {
            const zds_race_step_t step = zds_race_next (&race, now);
            unsigned n;

            if (step.op == ZDS_RACE_START
                && zds_addr_family (&step.addr) != family)
                zds_race_failed (&race, step.attempt, ECONNREFUSED, now);
            for (n = 0; n < ZDS_RACE_MAX_RUNNING; n++)
                if (race.slot[n].candidate < 0)
                    break;
            if (n == ZDS_RACE_MAX_RUNNING)
                break;
        }
        assert_int_not_equal (i, 500);
        many (list, family, 101, COUNT (list));
        zds_race_answer (&race, family, list, COUNT (list), now);
        if (race.count > ZDS_RACE_MAX_CANDIDATES)
            fail_msg ("round %u: %d candidates", round, (int) race.count);
        for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
            zds_race_failed (&race, i, ECONNREFUSED, now);
        family = family == AF_INET6 ? AF_INET : AF_INET6;
    }
}

/*  A race is its struct and its arguments: two of them do the same, and a copy
    goes on where it was.  */
static void test_rfc8305_4_the_same_twice (void **state_)
{
    zds_race_t a, b;
    uint64_t now;
    (void) state_;

    begin (&a, "abc", "12");
    begin (&b, "abc", "12");
    for (now = 0; now < 3000; now += 50) {
        const zds_race_step_t one = zds_race_next (&a, now);
        const zds_race_step_t other = zds_race_next (&b, now);
        assert_int_equal (one.op, other.op);
        assert_int_equal (one.attempt, other.attempt);
        assert_true (one.deadline == other.deadline);
        b = a;
    }
}

/*  Nothing of a race before is left.  */
static void test_init_after_a_race (void **state_)
{
    zds_race_t race;
    zds_race_step_t step;
    (void) state_;

    begin (&race, "ab", "1");
    step = zds_race_next (&race, 0);
    zds_race_failed (&race, step.attempt, EPERM, 0);
    step = zds_race_next (&race, 0);
    zds_race_connected (&race, step.attempt, 1);
    begin (&race, "", "");
    step = zds_race_next (&race, 0);
    assert_int_equal (step.op, ZDS_RACE_FAILED);
    assert_int_equal (step.error, EHOSTUNREACH);
}

/*  What is left besides the winner: three addresses, of which the IPv4 one wins
    after the first IPv6 one was refused.  */
static void test_rest (void **state_)
{
    static const struct
    {
        zds_record_t record; /* of the second IPv6 address */
        bool refused;        /* the first one was, else it is silent */
        bool has_second;
        zds_mode_t mode;
        unsigned expected;
    } rows[] = {
      {ZDS_RECORD_NONE, true, false, ZDS_MODE_AUTO, 0},
      {ZDS_RECORD_NONE, true, false, ZDS_MODE_V6, ZDS_REST_USUAL},
      {ZDS_RECORD_NONE, false, false, ZDS_MODE_V6, ZDS_REST_USUAL},
      {ZDS_RECORD_NONE, false, false, ZDS_MODE_AUTO, 0},
      {ZDS_RECORD_NONE, true, true, ZDS_MODE_AUTO, ZDS_REST_FRESH},
      {ZDS_RECORD_FAILED, true, true, ZDS_MODE_AUTO, 0},
      {ZDS_RECORD_FAILED, true, true, ZDS_MODE_V6, ZDS_REST_USUAL},
      {ZDS_RECORD_WRONG, true, true, ZDS_MODE_AUTO, 0},
      {ZDS_RECORD_WRONG, true, true, ZDS_MODE_V6, ZDS_REST_USUAL},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_race_config_t config;
        zds_race_t race;
        zds_candidate_t six[2], four;
        uint64_t now = 0;

        memset (six, 0, sizeof six);
        memset (&four, 0, sizeof four);
        six[0].addr = addr_of ("2001:db8::1");
        six[1].addr = addr_of ("2001:db8::2");
        six[1].record = rows[i].record;
        four.addr = addr_of ("192.0.2.1");
        zds_race_config_default (&config);
        config.mode = rows[i].mode;
        assert_int_equal (
          zds_race_init (&race, &config, ZDS_ASK_IPV6 | ZDS_ASK_IPV4, now), 0);
        zds_race_answer (&race, AF_INET6, six, rows[i].has_second ? 2 : 1, now);
        assert_int_equal (zds_race_next (&race, now).op, ZDS_RACE_START);
        zds_race_answer (&race, AF_INET, &four, 1, now);
        if (rows[i].refused)
            zds_race_failed (&race, 0, ECONNREFUSED, now);
        else
            now += 250;
        assert_int_equal (zds_race_next (&race, now).op, ZDS_RACE_START);
        zds_race_connected (&race, rows[i].refused ? 0 : 1, now);
        if (zds_race_rest (&race) != rows[i].expected)
            fail_msg ("row %zu: %u", i, zds_race_rest (&race));
    }
}

/*  An answer that is still to come counts for its family.  */
static void test_rest_to_come (void **state_)
{
    zds_race_config_t config;
    zds_race_t race;
    zds_candidate_t six;
    (void) state_;

    memset (&six, 0, sizeof six);
    six.addr = addr_of ("2001:db8::1");
    zds_race_config_default (&config);
    zds_race_init (&race, &config, ZDS_ASK_IPV6 | ZDS_ASK_IPV4, 0);
    assert_int_equal (zds_race_usual_family (&race), AF_INET);
    race.config.mode = ZDS_MODE_V6;
    assert_int_equal (zds_race_usual_family (&race), AF_INET6);
    zds_race_answer (&race, AF_INET6, &six, 1, 0);
    zds_race_next (&race, 0);
    zds_race_connected (&race, 0, 0);
    assert_int_equal (zds_race_rest (&race), 0);
    assert_int_equal (zds_race_usual_family (&race), AF_INET6);
    race.config.mode = ZDS_MODE_AUTO;
    assert_int_equal (zds_race_rest (&race), ZDS_REST_USUAL);
    race.config.mode = ZDS_MODE_V4;
    assert_int_equal (zds_race_usual_family (&race), AF_INET);
}

static void test_usual_family_without_ipv6 (void **state_)
{
    zds_race_config_t config;
    zds_race_t race;
    (void) state_;

    zds_race_config_default (&config);
    config.mode = ZDS_MODE_V6;
    zds_race_init (&race, &config, ZDS_ASK_IPV6 | ZDS_ASK_IPV4, 0);
    zds_race_answer (&race, AF_INET6, NULL, 0, 0);
    assert_int_equal (zds_race_usual_family (&race), AF_INET);
}

/*  Another family may be put first until the first attempt.  */
static void test_prefer (void **state_)
{
    zds_race_config_t config;
    zds_race_t race;
    zds_candidate_t four;
    (void) state_;

    memset (&four, 0, sizeof four);
    four.addr = addr_of ("192.0.2.1");
    zds_race_config_default (&config);
    zds_race_init (&race, &config, ZDS_ASK_IPV6 | ZDS_ASK_IPV4, 0);
    zds_race_prefer (&race, 77);
    assert_int_equal (race.config.first_family, AF_INET6);
    zds_race_prefer (&race, AF_INET);
    zds_race_answer (&race, AF_INET, &four, 1, 0);
    assert_int_equal (zds_race_next (&race, 0).op, ZDS_RACE_START);
    zds_race_prefer (&race, AF_INET6);
    assert_int_equal (race.config.first_family, AF_INET);
}

/*  What comes when the race is over changes nothing.  */
static void test_lost_when_it_is_over (void **state_)
{
    zds_race_config_t config;
    zds_race_t race;
    zds_candidate_t six;
    (void) state_;

    memset (&six, 0, sizeof six);
    six.addr = addr_of ("2001:db8::1");
    zds_race_config_default (&config);
    zds_race_init (&race, &config, ZDS_ASK_IPV6 | ZDS_ASK_IPV4, 0);
    zds_race_answer (&race, AF_INET6, &six, 1, 0);
    zds_race_next (&race, 0);
    zds_race_connected (&race, 0, 0);
    zds_race_lost (&race, AF_INET, 1);
    assert_int_equal (race.lost, 0);
    assert_int_equal (race.outstanding, ZDS_ASK_IPV4);
    assert_int_equal (zds_race_next (&race, 1).op, ZDS_RACE_WON);

    zds_race_init (&race, &config, ZDS_ASK_IPV4, 0);
    zds_race_answer (&race, AF_INET, NULL, 0, 0);
    assert_int_equal (zds_race_next (&race, 0).op, ZDS_RACE_FAILED);
    zds_race_lost (&race, AF_INET, 1);
    assert_int_equal (race.lost, 0);
}

/*  Why the step of that time is taken; NULL for the candidate's reason: it is not
    a start.  */
static void expect_why (zds_race_t *race_,
                        uint64_t now_,
                        zds_race_op_t op_,
                        const char *why_,
                        const char *candidates_why_)
{
    const zds_race_step_t step = zds_race_next (race_, now_);

    assert_int_equal (step.op, op_);
    assert_string_equal (step.why, why_);
    if (candidates_why_ != NULL)
        assert_string_equal (zds_race_why (race_, step.attempt),
                             candidates_why_);
}

static zds_race_t race_of (unsigned attempt_timeout_)
{
    zds_race_config_t config;
    zds_race_t race;

    zds_race_config_default (&config);
    config.attempt_timeout = attempt_timeout_;
    assert_int_equal (
      zds_race_init (&race, &config, ZDS_ASK_IPV6 | ZDS_ASK_IPV4, 0), 0);
    return race;
}

static void give (zds_race_t *race_, const char *names_, uint64_t now_)
{
    zds_candidate_t candidates[8];
    size_t n;

    for (n = 0; names_[n] != '\0'; n++)
        candidates[n] = candidate_of ((const char[]){names_[n], '\0'});
    zds_race_answer (race_, zds_addr_family (&candidates[0].addr), candidates,
                     n, now_);
}

static void test_every_step_has_its_reason (void **state_)
{
    zds_race_t race = race_of (0);
    (void) state_;

    expect_why (&race, 0, ZDS_RACE_WAIT, "for an answer", NULL);
    give (&race, "1", 5);
    expect_why (&race, 5, ZDS_RACE_WAIT, "for the other family's answer", NULL);
    expect_why (&race, 55, ZDS_RACE_START,
                "the other answer has not come within the resolution delay",
                "there is no better IPv6 address");
    give (&race, "abc", 60);
    expect_why (&race, 60, ZDS_RACE_WAIT, "for the next attempt's turn", NULL);
    expect_why (&race, 305, ZDS_RACE_START, "silence for the attempt delay",
                "IPv6 comes first");
    zds_race_failed (&race, 1, ECONNREFUSED, 306);
    expect_why (&race, 315, ZDS_RACE_START, "another one failed",
                "the families take turns");
    zds_race_failed (&race, 0, ECONNREFUSED, 316);
    zds_race_failed (&race, 1, ECONNREFUSED, 316);
    expect_why (&race, 316, ZDS_RACE_START, "the one before failed",
                "next of its family, in the resolver's order");
    expect_why (&race, 320, ZDS_RACE_WAIT, "for an attempt to end", NULL);
    expect_why (&race, 566, ZDS_RACE_RETRY,
                "something failed, and what is left is silent", NULL);
    zds_race_again (&race, 0, 600);
    expect_why (&race, 600, ZDS_RACE_START,
                "once more, the reconnect interval is over",
                "IPv6 comes first");
    zds_race_connected (&race, 1, 601);
    expect_why (&race, 601, ZDS_RACE_CANCEL, "another one won", NULL);
    expect_why (&race, 601, ZDS_RACE_WON, "it connected first", NULL);
    assert_string_equal (zds_race_why (&race, ZDS_RACE_MAX_RUNNING), "");
    assert_string_equal (zds_race_why (&race, 5), "");
}

static void test_every_end_has_its_reason (void **state_)
{
    zds_race_t race = race_of (100);
    zds_candidate_t winner = candidate_of ("1*");
    (void) state_;

    give (&race, "a", 0);
    expect_why (&race, 0, ZDS_RACE_START, "its family's answer is there",
                "IPv6 comes first");
    zds_race_answer (&race, AF_INET, NULL, 0, 0);
    expect_why (&race, 100, ZDS_RACE_CANCEL,
                "silent for as long as an attempt may take", NULL);
    expect_why (&race, 100, ZDS_RACE_FAILED, "every attempt failed", NULL);

    race = race_of (0);
    zds_race_answer (&race, AF_INET6, NULL, 0, 0);
    give (&race, "1", 0);
    expect_why (&race, 0, ZDS_RACE_START, "every answer is there",
                "there is no better IPv6 address");
    zds_race_failed (&race, 0, ECONNREFUSED, 0);
    expect_why (&race, 0, ZDS_RACE_FAILED, "every attempt was refused", NULL);

    race = race_of (0);
    zds_race_answer (&race, AF_INET6, NULL, 0, 0);
    zds_race_answer (&race, AF_INET, NULL, 0, 0);
    expect_why (&race, 0, ZDS_RACE_FAILED, "there is no address to try", NULL);

    race = race_of (0);
    zds_race_answer (&race, AF_INET, &winner, 1, 0);
    expect_why (&race, 0, ZDS_RACE_START, "at once", "it won the last time");
}

static void test_the_seventh_has_its_reason (void **state_)
{
    zds_race_t race = race_of (0);
    unsigned i;
    (void) state_;

    give (&race, "abcdefg", 0);
    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        assert_int_equal (zds_race_next (&race, 250 * i).op, ZDS_RACE_START);
    expect_why (&race, 1500, ZDS_RACE_WAIT, "for an attempt's place", NULL);
    expect_why (&race, 4000, ZDS_RACE_CANCEL,
                "silent for long, and the next one needs its place", NULL);
}

int main (void)
{
    const struct CMUnitTest others[] = {
      cmocka_unit_test (test_rfc8305_8_defaults),
      cmocka_unit_test (test_rfc8305_8_bounds),
      cmocka_unit_test (test_c5_every_error_starts_the_next),
      cmocka_unit_test (test_rfc8305_5_late_wake_up),
      cmocka_unit_test (test_numbers_of_attempts),
      cmocka_unit_test (test_ignored_numbers_out_of_range),
      cmocka_unit_test (test_more_addresses_than_are_taken),
      cmocka_unit_test (test_what_is_left_out_takes_no_room),
      cmocka_unit_test (test_rfc8305_6_answers_that_replace_everything),
      cmocka_unit_test (test_rfc8305_6_the_most_that_is_withdrawn),
      cmocka_unit_test (test_rfc8305_4_the_same_twice),
      cmocka_unit_test (test_rest),
      cmocka_unit_test (test_rest_to_come),
      cmocka_unit_test (test_usual_family_without_ipv6),
      cmocka_unit_test (test_prefer),
      cmocka_unit_test (test_lost_when_it_is_over),
      cmocka_unit_test (test_every_step_has_its_reason),
      cmocka_unit_test (test_every_end_has_its_reason),
      cmocka_unit_test (test_the_seventh_has_its_reason),
      cmocka_unit_test (test_init_after_a_race),
    };
    struct CMUnitTest tests[COUNT (cases) + COUNT (others)];
    size_t i;

    memcpy (tests, others, sizeof others);
    for (i = 0; i < COUNT (cases); i++) {
        const struct CMUnitTest test = {cases[i].name, test_case, NULL, NULL,
                                        (void *) &cases[i]};
        tests[COUNT (others) + i] = test;
    }
    return cmocka_run_group_tests_name ("race", tests, NULL, NULL);
}
