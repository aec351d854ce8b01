/* SPDX-License-Identifier: MPL-2.0 */

/*  The rules of a race, one by one, under virtual time.  "rfc8305_5_..." is about RFC
    8305 section 5, "c6_..." about rule C-6 of docs/RULES.md.

    A case is a script.  Each row has a time in ms, what happens then, and what the
    race says to do: all its steps, the last of which says until when it waits.  A row
    without an event is a wake-up, which the race must have asked for.

    Addresses have names of one letter (IPv6) or digit (IPv4).  In an answer,
    marks may follow:  a*  won the last time, a!  failed, a?7  spoke no ZMTP at
    the time 7, a~100  was silent for 100 ms in races cut short.

    Events:  whole a 1 b       an answer; "whole" alone is a negative one
             six a, four 1 2   of a helper; its canonical name is x, with six:y
                               it is y, with six+ the name was asked as it is
             lost whole        a look-up failed for now
             runs              the whole look-up runs from now on (config: queued)
             ok a              TCP connected
             greet a           its peer sent the signature of a greeting
             unsigned a        its peer sent what may be ZMTP 1.0
             refuse a          it failed with ECONNREFUSED
             fail a E          it failed with E
             sync a E          from now on connecting to it fails at once
             again             the reconnect interval is over
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
            candidate.waited = (unsigned) strtoul (token_ + 2, NULL, 10);
            break;
        case '\0':
            break;
        default:
            fail_msg ("the test holds a bad mark: %s", token_);
    }
    return candidate;
}

/*  The state in which a case is played.  */
typedef struct
{
    const char *name;
    zds_race_t race;
    uint64_t base, now, deadline;
    char attempt[ZDS_RACE_MAX_RUNNING]; /* names; 0: none */
    int at_once[128];                   /* errno by name */
    zds_race_step_t last;
    bool is_queued;             /* the whole look-up does not run */
    zds_candidate_t known[128]; /* what is remembered, by name */
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

/*  Does one step, as the user of a race does; false when there is no further one.  */
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
        case ZDS_RACE_ASK:
            assert_int_not_equal (step.looks, 0);
            assert_true (*step.why != '\0');
            note (p_, "ask%s%s%s", (step.looks & 1) != 0 ? " whole" : "",
                  (step.looks & 2) != 0 ? " six" : "",
                  (step.looks & 4) != 0 ? " four" : "");
            if ((step.looks & 1) != 0 && !p_->is_queued)
                zds_ask_runs (&p_->race.ask, p_->now);
            return true;
        case ZDS_RACE_START:
            assert_true (step.attempt < ZDS_RACE_MAX_RUNNING);
            assert_int_equal (p_->attempt[step.attempt], 0);
            name = name_of_addr (&step.addr);
            note (p_, "start %c", name);
            if (p_->at_once[(int) name] != 0)
                zds_race_failed (&p_->race, step.attempt,
                                 p_->at_once[(int) name]);
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

    zds_race_failed (&p_->race, attempt, error_);
    /*  A literal number belongs to no attempt, or to one that the race no longer
        has.  */
    if (token_[0] != '#')
        p_->attempt[attempt] = 0;
}

/*  As zds_history_recall does.  */
static void recall (player_t *p_)
{
    size_t i;

    for (i = 0; i < p_->race.count; i++) {
        zds_candidate_t *const candidate = &p_->race.candidate[i];
        const zds_candidate_t *const known =
          &p_->known[(int) name_of_addr (&candidate->addr)];

        candidate->record = known->record;
        candidate->record_time = known->record_time;
        candidate->waited = known->waited;
    }
}

static zds_look_t look_of (const char *word_)
{
    if (strncmp (word_, "six", 3) == 0)
        return ZDS_LOOK_IPV6;
    if (strncmp (word_, "four", 4) == 0)
        return ZDS_LOOK_IPV4;
    assert_string_equal (word_, "whole");
    return ZDS_LOOK_WHOLE;
}

/*  "six:y+": the helper's answer, its canonical name, whether it is exact.  */
static void answer (player_t *p_, const char *word_, char **rest_)
{
    static zds_answer_t answer;
    const char *const colon = strchr (word_, ':');
    const char name[] = {colon == NULL ? 'x' : colon[1], '\0'};
    const char *token;

    memset (&answer, 0, sizeof answer);
    answer.host = zds_hash_name (name);
    answer.is_exact = strchr (word_, '+') != NULL;
    while ((token = strtok_r (NULL, " ", rest_)) != NULL) {
        const zds_candidate_t candidate = candidate_of (token);
        answer.addr[answer.count++] = candidate.addr;
        p_->known[(int) token[0]] = candidate;
    }
    zds_race_answer (&p_->race, look_of (word_), &answer);
    recall (p_);
}

static bool is_answer (const char *verb_)
{
    return strcmp (verb_, "whole") == 0 || strncmp (verb_, "six", 3) == 0
           || strncmp (verb_, "four", 4) == 0;
}

static void happens (player_t *p_, char *event_)
{
    char *rest;
    const char *const verb = strtok_r (event_, " ", &rest);
    const char *token;

    if (is_answer (verb))
        answer (p_, verb, &rest);
    else if (strcmp (verb, "lost") == 0) {
        token = strtok_r (NULL, " ", &rest);
        zds_race_answer (&p_->race, look_of (token), NULL);
    } else if (strcmp (verb, "runs") == 0)
        zds_ask_runs (&p_->race.ask, p_->now);
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
    } else if (strcmp (verb, "again") == 0)
        zds_race_again (&p_->race);
    else if (strcmp (verb, "look") != 0)
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
    if (getenv ("ZDS_SHOW") != NULL) {
        if (p_->base == 0)
            printf ("%s\t%u\t%s\t%s\n", p_->name, row_->time, row_->event,
                    p_->log);
        return;
    }
    if (strcmp (p_->log, row_->steps) != 0)
        fail_msg ("%s at %u: %s: \"%s\", not \"%s\"", p_->name, row_->time,
                  row_->event, p_->log, row_->steps);
}

static void read_config (const char *text_, zds_race_config_t *config_)
{
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
        else if (strcmp (key, "timeout") == 0)
            config_->attempt_timeout = value;
        else if (strcmp (key, "greets") == 0)
            config_->greets = value != 0;
        else if (strcmp (key, "greeting") == 0)
            config_->greeting_timeout = value;
        else if (strcmp (key, "look") == 0)
            config_->look = value == 4 ? ZDS_LOOK_IPV4 : ZDS_LOOK_WHOLE;
        else if (strcmp (key, "use") == 0)
            config_->families = value == 4 ? ZDS_FOR_IPV4 : ZDS_FOR_IPV6;
        else if (strcmp (key, "mode") == 0)
            config_->mode = value == 6 ? ZDS_MODE_V6 : ZDS_MODE_AUTO;
        else if (strcmp (key, "hurry") == 0)
            config_->hurry = true;
        else if (strcmp (key, "quick") == 0)
            config_->quick = true;
        else if (strcmp (key, "queued") != 0)
            fail_msg ("the test holds a bad word: %s", word);
    }
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
        if (strcmp (names[p_->race.candidate[i].fate], word + 2) != 0)
            fail_msg ("%s: %s is %s", p_->name, word,
                      names[p_->race.candidate[i].fate]);
    }
}

static void check_untested (const player_t *p_, const char *expected_)
{
    const zds_candidate_t *const untested = zds_race_untested (&p_->race);
    const char name = untested == NULL ? '\0' : name_of_addr (&untested->addr);

    if (name != expected_[0])
        fail_msg ("%s: untested is '%c'", p_->name, name);
}

/*  After a final step, no event changes anything.  */
static void check_end (player_t *p_)
{
    const zds_race_step_t last = p_->last;
    static const zds_answer_t late;
    unsigned i;

    if (last.op != ZDS_RACE_WON && last.op != ZDS_RACE_FAILED)
        return;
    for (i = 0; i < 10; i++) {
        zds_race_step_t again;
        p_->now += 1000;
        switch (i) {
            case 1:
                zds_race_failed (&p_->race, last.attempt, EIO);
                break;
            case 2:
                zds_race_answer (&p_->race, ZDS_LOOK_WHOLE, &late);
                break;
            case 3:
                zds_race_again (&p_->race);
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
    size_t i;

    read_config (case_->config, &config);
    memset (p_, 0, sizeof *p_);
    p_->name = case_->name;
    p_->base = p_->now = base_;
    p_->is_queued = strstr (case_->config, "queued") != NULL;
    assert_int_equal (zds_race_init (&p_->race, &config, base_), 0);
    do_steps (p_);
    assert_int_equal (
      strncmp (p_->log, config.look == ZDS_LOOK_IPV4 ? "ask four" : "ask whole",
               8),
      0);

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
   {{0, "whole a 1", "start a, wait 250"},
    {3, "ok a", "wait 253"},
    {4, "greet a", "won a"}},
   "a=won 1=untried",
   ""},
  {"c16_mute_the_timer_starts_anew_when_it_connected",
   "greets=1",
   {{0, "whole a 1", "start a, wait 250"},
    {100, "ok a", "wait 350"},
    {350, "", "start 1, wait 4350"},
    {351, "ok 1", "wait 601"},
    {352, "greet 1", "cancel a, won 1"}},
   "a=silent 1=won",
   NULL},
  {"c16_a_mute_one_may_still_greet_first",
   "greets=1",
   {{0, "whole a 1", "start a, wait 250"},
    {0, "ok a", "wait 250"},
    {250, "", "start 1, wait 4250"},
    {260, "ok 1; greet a", "cancel 1, won a"}},
   "a=won 1=cut",
   NULL},
  {"c16_closes_before_it_greets_the_next_at_once",
   "greets=1",
   {{0, "whole a 1", "start a, wait 250"},
    {2, "ok a", "wait 252"},
    {3, "fail a ECONNRESET", "start 1, wait 253"},
    {4, "ok 1", "won 1"}},
   "a=failed 1=won",
   NULL},
  {"c16_closes_the_next_not_within_the_gap",
   "greets=1",
   {{0, "whole a b 1", "start a, wait 250"},
    {0, "ok a", "wait 250"},
    {250, "", "start 1, wait 500"},
    {252, "fail a ECONNRESET", "wait 260"},
    {260, "", "start b, wait 510"}},
   NULL,
   NULL},
  {"c16_nothing_else_could_win_handed_over_at_once",
   "greets=1",
   {{0, "whole 1", "start 1, wait 4000"}, {1, "ok 1", "won 1"}},
   "1=won",
   NULL},
  {"c16_numeric_handed_over_at_once",
   "greets=1 use=6",
   {{0, "whole a", "start a, wait 4000"}, {1, "ok a", "won a"}},
   "a=won",
   NULL},
  {"c16_the_others_failed_handed_over_at_once",
   "greets=1",
   {{0, "whole a 1", "start a, wait 250"},
    {1, "refuse a", "start 1, wait 251"},
    {2, "ok 1", "won 1"}},
   "a=failed 1=won",
   NULL},
  {"c16_the_last_other_one_fails_handed_over_at_once",
   "greets=1",
   {{0, "whole 1 a", "start 1, wait 250"},
    {1, "ok 1", "wait 251"},
    {251, "", "start a, wait 501"},
    {252, "refuse a", "won 1"}},
   "a=failed 1=won",
   NULL},
  {"c16_an_answer_is_still_to_come",
   "greets=1",
   {{50, "", "ask six four, wait"},
    {50, "four 1", "start 1, wait"},
    {51, "ok 1", "wait 301"},
    {60, "whole 1", "won 1"}},
   "1=won",
   NULL},
  {"c16_mute_while_an_answer_is_still_to_come",
   "greets=1",
   {{50, "", "ask six four, wait"},
    {50, "four 1", "start 1, wait"},
    {51, "ok 1", "wait 301"},
    {301, "", "won 1"}},
   "1=won",
   NULL},
  {"c16_all_mute_the_one_of_one_family_is_handed_over",
   "greets=1",
   {{0, "whole a 1", "start a, wait 250"},
    {0, "ok a", "wait 250"},
    {250, "", "start 1, wait 4250"},
    {251, "ok 1", "wait 501"},
    {501, "", "cancel a, won 1"}},
   "a=silent 1=won",
   NULL},
  {"c16_all_mute_in_mode_v6",
   "greets=1 mode=6",
   {{0, "whole a 1", "start a, wait 250"},
    {0, "ok a", "wait 250"},
    {250, "", "start 1, wait 500"},
    {251, "ok 1", "wait 501"},
    {501, "", "cancel 1, won a"}},
   "a=won 1=silent",
   NULL},
  {"c16_all_mute_without_the_usual_family",
   "greets=1",
   {{0, "whole a b", "start a, wait 250"},
    {0, "ok a", "wait 250"},
    {250, "", "start b, wait 500"},
    {251, "ok b", "wait 501"},
    {501, "", "cancel b, won a"}},
   "a=won b=silent",
   NULL},
  {"c16_all_mute_but_one_silent",
   "greets=1",
   {{0, "whole a 1", "start a, wait 250"},
    {250, "", "start 1, wait 4250"},
    {251, "ok 1", "wait 501"},
    {501, "", "cancel a, won 1"}},
   "a=silent 1=won",
   NULL},
  {"c16_one_that_a_single_family_would_not_have_has_to_greet",
   "greets=1",
   {{0, "whole 1 a", "start 1, wait 250"},
    {1, "refuse 1", "start a, wait 251"},
    {2, "ok a", "wait 252"},
    {252, "", "retry, wait 4001"},
    {300, "greet a", "won a"}},
   "a=won 1=failed",
   NULL},
  {"c16_zmtp_1_0_loses_against_a_greeting",
   "greets=1",
   {{0, "whole a 1", "start a, wait 250"},
    {2, "ok a; unsigned a; unsigned a", "wait 10"},
    {10, "", "start 1, wait 4010"},
    {11, "ok 1; greet 1", "cancel a, won 1"}},
   "a=silent 1=won",
   NULL},
  {"c16_zmtp_1_0_wins_when_nobody_greets",
   "greets=1",
   {{0, "whole 1 a", "start 1, wait 250"},
    {2, "ok 1; unsigned 1", "wait 10"},
    {10, "", "start a, wait 260"},
    {11, "ok a", "wait 261"},
    {261, "", "cancel a, won 1"}},
   "a=silent 1=won",
   NULL},
  {"c16_before_it_connected_nothing_is_said",
   "greets=1",
   {{0, "whole a 1", "start a, wait 250"},
    {2, "unsigned a", "wait 250"},
    {3, "ok a; ok a", "wait 253"}},
   NULL,
   NULL},
  {"c7_a_mute_one_does_not_hold_up_what_failed",
   "greets=1",
   {{0, "whole a 1", "start a, wait 250"},
    {0, "ok a", "wait 250"},
    {250, "", "start 1, wait 4250"},
    {251, "refuse 1", "wait 500"},
    {500, "", "retry, wait 4250"},
    {600, "again", "ask whole, start 1, wait 650"},
    {600, "whole a 1", "wait 4600"},
    {601, "ok 1; greet 1", "cancel a, won 1"}},
   "a=silent 1=won",
   NULL},
  {"c16_a_mute_one_ends_with_the_handshake_interval",
   "greets=1 greeting=3000 timeout=100",
   {{0, "whole a 1", "start a, wait 100"},
    {50, "ok a", "wait 300"},
    {300, "", "start 1, wait 400"},
    {301, "refuse 1", "wait 550"},
    {550, "", "retry, wait 3050"},
    {3050, "", "cancel a ETIMEDOUT, failed ETIMEDOUT"}},
   "a=failed 1=failed",
   NULL},
  /*  Section 3: when the first attempt starts.  */
  {"rfc8305_3_the_whole_answer_starts_at_once",
   "",
   {{20, "whole a 1", "start a, wait 270"}, {270, "", "start 1, wait 4270"}},
   NULL,
   NULL},
  {"rfc8305_3_the_last_ms_of_the_resolution_delay",
   "",
   {{49, "whole a 1", "start a, wait 299"}},
   NULL,
   NULL},
  {"rfc8305_3_helpers_after_the_resolution_delay",
   "",
   {{50, "", "ask six four, wait"},
    {55, "four 1", "start 1, wait"},
    {56, "six a", "wait 305"},
    {305, "", "start a, wait"}},
   NULL,
   NULL},
  {"rfc8305_3_ipv4_helper_wins_before_the_whole_answer",
   "",
   {{50, "", "ask six four, wait"},
    {55, "four 1", "start 1, wait"},
    {60, "ok 1", "won 1"}},
   NULL,
   NULL},
  {"rfc8305_3_helpers_at_once_when_it_was_late_before",
   "hurry=1",
   {{2, "four 1", "start 1, wait 50"},
    {50, "", "ask six, wait"},
    {60, "ok 1", "won 1"}},
   NULL,
   NULL},
  {"rfc8305_3_no_resolution_delay",
   "resolution=0",
   {{0, "four 1", "start 1, wait"}},
   NULL,
   NULL},
  {"rfc8305_3_resolution_delay_is_configured",
   "resolution=2000",
   {{2000, "", "ask six four, wait"}},
   NULL,
   NULL},
  {"rfc8305_3_only_a_asked_starts_at_once",
   "look=4",
   {{20, "four 1 2", "start 1, wait 270"}, {270, "", "start 2, wait 4270"}},
   NULL,
   NULL},
  {"rfc8305_3_only_a_asked_has_no_helper",
   "look=4",
   {{5000, "look", "wait"}, {5001, "four 1", "start 1, wait 9001"}},
   NULL,
   NULL},
  {"rfc8305_3_negative_answer_fails",
   "",
   {{5, "whole", "failed EHOSTUNREACH"}},
   NULL,
   NULL},
  {"rfc8305_3_only_one_asked_and_negative_fails",
   "look=4",
   {{5, "four", "failed EHOSTUNREACH"}},
   NULL,
   NULL},
  {"rfc8305_3_lost_answer_fails",
   "",
   {{5, "lost whole", "ask six four, wait"},
    {6, "lost six; lost four", "failed EHOSTUNREACH"}},
   NULL,
   NULL},
  {"u1_a_lost_answer_and_what_libzmq_would_have_asked",
   "",
   {{5, "lost whole", "ask six four, wait"},
    {6, "four 1", "wait 50"},
    {7, "lost six", "start 1, wait 4007"}},
   NULL,
   NULL},
  {"rfc8305_3_negative_helpers_wait_for_the_whole",
   "",
   {{50, "", "ask six four, wait"},
    {51, "four; six", "wait"},
    {900, "whole", "failed EHOSTUNREACH"}},
   NULL,
   NULL},
  {"c2_a_queued_name_has_no_ipv6_helper",
   "queued=1",
   {{50, "", "ask four, wait 250"},
    {250, "", "wait 500"},
    {255, "four 1", "start 1, wait 500"},
    {256, "runs", "wait 306"},
    {306, "", "ask six, wait"},
    {310, "six a", "wait 505"}},
   NULL,
   NULL},
  {"c2_a_queued_name_with_ipv6_only",
   "queued=1",
   {{50, "", "ask four, wait 250"},
    {55, "four", "wait 250"},
    {60, "runs", "wait 110"},
    {110, "", "ask six, wait"},
    {111, "six a", "start a, wait"}},
   NULL,
   NULL},
  {"c2_a_look_up_of_others_was_late_already",
   "queued=1",
   {{20, "runs", "wait 50"},
    {50, "", "ask four, wait 70"},
    {60, "look", "wait 70"},
    {70, "", "ask six, wait"}},
   NULL,
   NULL},
  {"c2_ipv6_of_another_host_does_not_count",
   "",
   {{50, "", "ask six four, wait"},
    {55, "six:y a", "wait"},
    {60, "four 1", "start 1, wait"},
    {70, "refuse 1", "wait 310"},
    {310, "", "retry, wait"}},
   NULL,
   NULL},
  {"c2_ipv6_waits_for_proof",
   "",
   {{50, "", "ask six four, wait"},
    {55, "six a", "wait"},
    {60, "four 1", "start a, wait 310"},
    {70, "whole a 1", "wait 310"}},
   NULL,
   NULL},
  {"c2_ipv6_counts_when_there_is_no_a",
   "",
   {{50, "", "ask six four, wait"},
    {55, "six:y a", "wait"},
    {60, "four", "start a, wait"}},
   NULL,
   NULL},
  {"c2_ipv6_counts_when_it_was_asked_as_it_is",
   "",
   {{50, "", "ask six four, wait"},
    {55, "six:y+ a", "start a, wait"},
    {60, "four 1", "wait 305"}},
   NULL,
   NULL},
  {"c2_names_differ_in_case_only",
   "",
   {{50, "", "ask six four, wait"},
    {55, "six:X a", "wait"},
    {60, "four:x 1", "start a, wait 310"}},
   NULL,
   NULL},
  {"c2_no_proof_from_a_lost_look_up",
   "",
   {{50, "", "ask six four, wait"},
    {55, "six:y a", "wait"},
    {60, "lost four", "wait 250"},
    {70, "lost whole", "failed EHOSTUNREACH"}},
   NULL,
   NULL},
  {"c2_in_mode_v6_ipv6_needs_no_proof",
   "mode=6 queued=1",
   {{50, "", "ask six four, wait"},
    {55, "six:y a", "start a, wait"},
    {60, "four 1", "wait"}},
   NULL,
   NULL},
  {"c2_in_mode_v6_ipv4_of_another_host_does_not_count",
   "mode=6",
   {{50, "", "ask six four, wait"},
    {55, "four:y 1 2", "start 1, wait 305"},
    {60, "six a", "wait 305"},
    {305, "", "start a, wait"}},
   NULL,
   NULL},
  {"c2_the_whole_answer_has_the_last_word",
   "",
   {{50, "", "ask six four, wait"},
    {55, "four 1 2; six a b", "start a, wait 305"},
    {60, "whole 2", "wait 305"},
    {305, "", "start 2, wait 4305"}},
   NULL,
   NULL},
  {"c2_a_whole_answer_that_failed_takes_nothing_back",
   "",
   {{50, "", "ask six four, wait"},
    {55, "six:y+ a b", "start a, wait 305"},
    {60, "lost whole", "wait 305"},
    {305, "", "start b, wait"}},
   NULL,
   NULL},
  {"c2_answers_after_the_last_word_are_ignored",
   "use=6",
   {{50, "", "ask six four, wait"},
    {55, "whole a", "start a, wait 4055"},
    {60, "four 1; six b", "wait 4055"},
    {70, "refuse a", "failed ECONNREFUSED"}},
   NULL,
   NULL},
  {"c2_an_answer_that_was_not_asked_for_is_ignored",
   "use=6",
   {{5, "four 1; six a", "wait 50"}, {10, "whole b", "start b, wait 4010"}},
   NULL,
   NULL},
  {"c3_families_that_may_not_be_used_are_left_out",
   "use=6",
   {{0, "whole 1 a 2 b", "start a, wait 250"}, {250, "", "start b, wait 4250"}},
   NULL,
   NULL},
  {"c3_the_system_puts_ipv4_first",
   "delay=10",
   {{0, "whole 1 2 a b", "start 1, wait 10"},
    {10, "", "start a, wait 20"},
    {20, "", "start 2, wait 30"},
    {30, "", "start b, wait 4030"}},
   NULL,
   NULL},
  {"c3_the_first_address_says_which_family_is_first",
   "delay=10",
   {{0, "whole 1 a b 2", "start 1, wait 10"},
    {10, "", "start a, wait 20"},
    {20, "", "start 2, wait 30"},
    {30, "", "start b, wait 4030"}},
   NULL,
   NULL},
  {"c3_the_whole_answer_changes_the_order",
   "",
   {{50, "", "ask six four, wait"},
    {55, "four 1 2; six a b", "start a, wait 305"},
    {60, "whole 2 1 b a", "wait 305"},
    {305, "", "start 2, wait 555"},
    {555, "", "start b, wait 805"}},
   NULL,
   NULL},
  {"c8_a_remembered_winner_does_not_wait",
   "",
   {{50, "", "ask six four, wait"}, {51, "four 1*", "start 1, wait"}},
   NULL,
   NULL},
  {"c8_what_failed_waits_for_the_whole_answer",
   "resolution=200",
   {{200, "", "ask six four, wait"}, {210, "six+ a!", "start a, wait"}},
   NULL,
   NULL},
  {"c8_silence_of_races_cut_short_counts",
   "",
   {{0, "whole a~199 1", "start a, wait 51"}, {51, "", "start 1, wait 4051"}},
   NULL,
   NULL},
  {"c8_silence_of_races_cut_short_leaves_the_minimum_gap",
   "",
   {{0, "whole a~249 1", "start a, wait 10"},
    {10, "", "start 1, wait 4010"},
    {30, "ok 1", "cancel a, won 1"}},
   NULL,
   NULL},
  {"c8_silence_of_races_cut_short_is_the_attempts_own",
   "",
   {{0, "whole a 1~200 b", "start a, wait 250"},
    {250, "", "start 1, wait 300"},
    {300, "", "start b, wait 4300"}},
   NULL,
   NULL},
  {"c15_ipv6_is_silent_for_other_names",
   "quick=1",
   {{0, "whole a 1 b", "start a, wait 100"},
    {100, "", "start 1, wait 350"},
    {350, "", "start b, wait 4350"}},
   NULL,
   NULL},
  {"c15_ipv4_that_is_first_has_its_whole_delay",
   "quick=1",
   {{0, "whole 1 a", "start 1, wait 250"}, {250, "", "start a, wait 4250"}},
   NULL,
   NULL},
  {"c15_a_shorter_delay_stays",
   "quick=1 delay=50",
   {{0, "whole a 1", "start a, wait 50"}, {50, "", "start 1, wait 4050"}},
   NULL,
   NULL},
  {"c15_with_silence_of_races_cut_short",
   "quick=1",
   {{0, "whole a~60 1", "start a, wait 40"}, {40, "", "start 1, wait 4040"}},
   NULL,
   NULL},

  /*  Section 4: the order.  */
  {"rfc8305_4_families_take_turns",
   "delay=10",
   {{0, "whole a b c d 1 2", "start a, wait 10"},
    {10, "", "start 1, wait 20"},
    {20, "", "start b, wait 30"},
    {30, "", "start 2, wait 40"},
    {40, "", "start c, wait 50"},
    {50, "", "start d, wait 4050"}},
   NULL,
   NULL},
  {"rfc8305_4_more_of_ipv4",
   "delay=10",
   {{0, "whole a 3 2 1", "start a, wait 10"},
    {10, "", "start 3, wait 20"},
    {20, "", "start 2, wait 30"},
    {30, "", "start 1, wait 4030"}},
   NULL,
   NULL},
  {"rfc8305_4_the_resolvers_order_within_a_family",
   "delay=10 use=6",
   {{0, "whole c a b", "start c, wait 10"},
    {10, "", "start a, wait 20"},
    {20, "", "start b, wait 4020"}},
   NULL,
   NULL},
  {"c3_duplicates_are_removed",
   "delay=10",
   {{0, "whole a a b a b 1 1", "start a, wait 10"},
    {10, "", "start 1, wait 20"},
    {20, "", "start b, wait 4020"}},
   NULL,
   NULL},

  /*  The race waits only for an answer that could be better.  */
  {"c8_first_family_ipv4_order",
   "delay=10",
   {{0, "whole 1 2 a b", "start 1, wait 10"},
    {10, "", "start a, wait 20"},
    {20, "", "start 2, wait 30"},
    {30, "", "start b, wait 4030"}},
   NULL,
   NULL},
  {"c8_the_family_that_won_comes_first",
   "",
   {{10, "whole a 1 2*", "start 1, wait 260"},
    {260, "", "start a, wait 510"},
    {510, "", "start 2, wait 4510"}},
   NULL,
   NULL},
  {"c9_wrong_servers_go_last",
   "delay=10",
   {{0, "whole a?9 b! c?5 1 2?7", "start 1, wait 10"},
    {10, "", "start b, wait 20"},
    {20, "", "start c, wait 30"},
    {30, "", "start 2, wait 40"},
    {40, "", "start a, wait 4040"}},
   NULL,
   NULL},

  /*  Section 5: the attempts.  */
  {"rfc8305_5_one_at_a_time_after_the_delay",
   "",
   {{0, "whole a b 1", "start a, wait 250"},
    {100, "look", "wait 250"},
    {249, "look", "wait 250"},
    {250, "", "start 1, wait 500"},
    {500, "", "start b, wait 4500"},
    {4499, "look", "wait 4500"}},
   "a=running b=running 1=running",
   NULL},
  {"rfc8305_5_attempt_delay_is_configured",
   "delay=2000 use=6",
   {{0, "whole a b", "start a, wait 2000"}, {2000, "", "start b, wait 6000"}},
   NULL,
   NULL},
  {"rfc8305_5_a_late_wake_up_moves_what_follows",
   "use=6",
   {{0, "whole a b c", "start a, wait 250"},
    {250, "", "start b, wait 500"},
    {500, "", "start c, wait 4500"}},
   NULL,
   NULL},
  {"rfc8305_5_success_cancels_the_others",
   "",
   {{0, "whole a b 1 2", "start a, wait 250"},
    {250, "", "start 1, wait 500"},
    {500, "", "start b, wait 750"},
    {600, "ok 1", "cancel a, cancel b, won 1"}},
   "a=silent b=cut 1=won 2=untried",
   ""},
  {"rfc8305_5_success_of_the_first",
   "",
   {{0, "whole a 1", "start a, wait 250"}, {30, "ok a", "won a"}},
   "a=won 1=untried",
   ""},
  {"rfc8305_5_success_ignores_what_was_not_tried",
   "use=6",
   {{0, "whole a b c", "start a, wait 250"},
    {250, "", "start b, wait 500"},
    {499, "ok b", "cancel a, won b"},
    {500, "look", "won b"},
    {750, "look", "won b"}},
   "a=silent b=won c=untried",
   NULL},
  {"rfc8305_5_success_just_before_the_next_start",
   "",
   {{0, "whole a 1", "start a, wait 250"}, {250, "ok a", "won a"}},
   "1=untried",
   NULL},
  {"rfc8305_5_two_connect_and_the_first_wins",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {250, "", "start 1, wait 4250"},
    {260, "ok 1; ok a", "cancel a, won 1"}},
   "a=silent 1=won",
   NULL},
  {"rfc8305_5_silent_from_the_attempt_delay_on",
   "",
   {{0, "whole a b 1", "start a, wait 250"},
    {250, "", "start 1, wait 500"},
    {499, "ok a", "cancel 1, won a"}},
   "1=cut b=untried",
   NULL},
  {"rfc8305_5_silent_at_the_attempt_delay",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {250, "", "start 1, wait 4250"},
    {500, "ok a", "cancel 1, won a"}},
   "1=silent",
   NULL},
  {"rfc8305_5_min_gap_10ms",
   "",
   {{0, "whole a b 1", "start a, wait 250"},
    {250, "", "start 1, wait 500"},
    {252, "refuse 1", "wait 260"},
    {260, "", "start b, wait 510"}},
   "1=failed",
   NULL},
  {"rfc8305_5_min_gap_10ms_when_an_older_one_fails",
   "",
   {{0, "whole a b 1", "start a, wait 250"},
    {250, "", "start 1, wait 500"},
    {259, "refuse a", "wait 260"},
    {260, "", "start b, wait 510"}},
   NULL,
   NULL},
  {"rfc8305_5_min_gap_10ms_for_errors_at_once",
   "",
   {{0, "sync 1 ENETUNREACH; sync b EACCES", "wait 50"},
    {0, "whole a b c 1 2", "start a, wait 250"},
    {250, "", "start 1, wait 260"},
    {260, "", "start b, wait 270"},
    {270, "", "start 2, wait 520"},
    {520, "", "start c, wait 770"}},
   NULL,
   NULL},
  {"rfc8305_5_min_gap_is_the_least_attempt_delay",
   "delay=10",
   {{0, "whole a b 1", "start a, wait 10"},
    {9, "look", "wait 10"},
    {10, "", "start 1, wait 20"},
    {15, "refuse 1", "wait 20"},
    {20, "", "start b, wait 30"}},
   NULL,
   NULL},
  {"rfc8305_5_each_failure_brings_one_start_forward",
   "",
   {{0, "whole a b c d 1 2", "start a, wait 250"},
    {250, "", "start 1, wait 500"},
    {500, "", "start b, wait 750"},
    {505, "refuse a; refuse 1", "wait 510"},
    {510, "", "start 2, wait 520"},
    {520, "", "start c, wait 770"},
    {770, "", "start d, wait 1020"}},
   NULL,
   NULL},
  {"rfc8305_5_no_timer_at_the_end_of_the_list",
   "use=6",
   {{0, "whole a", "start a, wait 4000"}, {3999, "look", "wait 4000"}},
   NULL,
   NULL},

  /*  Section 6: answers that change.  */
  {"rfc8305_6_place_as_if_known_from_the_start",
   "",
   {{50, "", "ask six four, wait"},
    {55, "six+ a b c", "start a, wait 305"},
    {305, "", "start b, wait 555"},
    {320, "four 1 2 3", "wait 555"},
    {555, "", "start 1, wait 805"},
    {805, "", "start 2, wait 1055"}},
   NULL,
   NULL},
  {"rfc8305_6_an_answer_alone_does_not_move_the_timer",
   "",
   {{50, "", "ask six four, wait"},
    {55, "six+ a b", "start a, wait 305"},
    {290, "four 1", "wait 305"},
    {305, "", "start 1, wait 555"}},
   NULL,
   NULL},
  {"rfc8305_6_late_answer_when_the_delay_is_over",
   "",
   {{50, "", "ask six four, wait"},
    {55, "six+ a", "start a, wait"},
    {3000, "four 1", "start 1, wait"}},
   NULL,
   NULL},
  {"rfc8305_6_late_answer_when_all_failed",
   "",
   {{50, "", "ask six four, wait"},
    {55, "six+ a", "start a, wait"},
    {60, "refuse a", "wait 305"},
    {70, "four 1", "start 1, wait 320"}},
   NULL,
   NULL},
  {"rfc8305_6_late_negative_answer_when_all_failed",
   "",
   {{50, "", "ask six four, wait"},
    {55, "six+ a", "start a, wait"},
    {60, "refuse a", "wait 305"},
    {70, "whole", "failed ECONNREFUSED"}},
   NULL,
   NULL},
  {"rfc8305_6_late_whole_answer_joins",
   "",
   {{50, "", "ask six four, wait"},
    {55, "four 1", "start 1, wait"},
    {400, "whole a 1", "start a, wait 4400"}},
   NULL,
   NULL},
  {"rfc8305_6_withdrawn_and_running_goes_on",
   "",
   {{50, "", "ask six four, wait"},
    {55, "four 1", "start 1, wait"},
    {60, "whole a", "wait 305"},
    {305, "", "start a, wait 555"},
    {310, "ok 1", "cancel a, won 1"}},
   NULL,
   NULL},
  {"rfc8305_6_withdrawn_and_failed_is_not_retried",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {5, "refuse a", "start 1, wait 255"},
    {255, "", "retry, wait 4005"},
    {300, "again", "ask whole, start a, wait 350"},
    {305, "whole 1", "wait 4300"},
    {306, "refuse 1", "wait 550"}},
   NULL,
   NULL},
  {"rfc8305_6_withdrawn_and_back_while_it_runs",
   "use=6",
   {{0, "whole a", "start a, wait 4000"},
    {4000, "", "ask whole, wait 4050"},
    {4001, "whole b", "start b, wait 12001"},
    {12001, "", "ask whole, wait 12051"},
    {12002, "whole a", "wait 28001"}},
   NULL,
   NULL},
  {"rfc8305_6_an_empty_answer_withdraws_all",
   "",
   {{50, "", "ask six four, wait"},
    {55, "four 1 2", "start 1, wait 305"},
    {100, "whole", "wait 305"},
    {200, "refuse 1", "failed ECONNREFUSED"}},
   NULL,
   NULL},
  {"rfc8305_6_a_lost_answer_withdraws_nothing",
   "",
   {{50, "", "ask six four, wait"},
    {55, "four 1 2", "start 1, wait 305"},
    {100, "lost whole", "wait 305"},
    {200, "refuse 1", "start 2, wait 450"}},
   NULL,
   NULL},
  {"rfc8305_6_a_helper_withdraws_nothing",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {250, "", "start 1, wait 4250"},
    {4250, "", "ask whole, wait 4300"},
    {4300, "", "ask six four, wait"},
    {4310, "four 2", "start 2, wait"},
    {4320, "refuse 1", "wait 4560"},
    {4330, "refuse a", "wait 4560"},
    {4400, "again", "ask four, start a, wait 4650"}},
   NULL,
   NULL},
  {"rfc8305_6_added_first_of_all",
   "use=6",
   {{0, "whole a", "start a, wait 4000"},
    {4000, "", "ask whole, wait 4050"},
    {4010, "whole b a", "start b, wait 12010"}},
   NULL,
   NULL},

  /*  C-5: hard errors.  */
  {"c5_hard_error_next_starts_at_once",
   "",
   {{0, "whole a b 1", "start a, wait 250"},
    {20, "refuse a", "start 1, wait 270"},
    {30, "fail 1 EHOSTUNREACH", "start b, wait 280"},
    {40, "ok b", "won b"}},
   "a=failed 1=failed b=won",
   ""},
  {"c5_no_gap_when_nothing_runs",
   "",
   {{0, "whole a b 1", "start a, wait 250"},
    {1, "refuse a", "start 1, wait 251"},
    {2, "refuse 1", "start b, wait 252"}},
   NULL,
   NULL},
  {"c5_hard_error_while_another_runs",
   "",
   {{0, "whole a b 1", "start a, wait 250"},
    {250, "", "start 1, wait 500"},
    {300, "refuse a", "start b, wait 550"}},
   NULL,
   NULL},
  {"c5_all_fail_at_once",
   "",
   {{0, "sync a EHOSTUNREACH; sync b ENETUNREACH; sync 1 ECONNREFUSED",
     "wait 50"},
    {10, "whole a b 1", "start a, start 1, start b, failed ENETUNREACH"}},
   "a=failed b=failed 1=failed",
   NULL},
  {"c5_without_ipv6_route_ipv4_starts_at_once",
   "",
   {{0, "sync a ENETUNREACH", "wait 50"},
    {10, "whole a 1", "start a, start 1, wait 260"},
    {30, "ok 1", "won 1"}},
   "a=failed 1=won",
   NULL},
  {"c5_no_socket_left_is_a_failed_attempt",
   "",
   {{0, "sync a EMFILE; sync 1 EMFILE", "wait 50"},
    {10, "whole a 1", "start a, start 1, failed EMFILE"}},
   NULL,
   NULL},
  {"c6_the_last_descriptor_is_the_usual_family_s",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {250, "", "start 1, wait 4250"},
    {250, "fail 1 EMFILE", "cancel a ETIMEDOUT, start 1, wait 500"},
    {255, "ok 1", "won 1"}},
   "a=failed 1=won",
   ""},
  {"c6_a_young_attempt_keeps_its_descriptor",
   "",
   {{0, "whole a 1 b", "start a, wait 250"},
    {20, "refuse a", "start 1, wait 270"},
    {20, "fail 1 EMFILE", "start b, wait 270"}},
   NULL,
   NULL},
  {"c6_nobody_makes_way_for_the_other_family",
   "",
   {{0, "whole 1 a", "start 1, wait 250"},
    {250, "", "start a, wait 4250"},
    {250, "fail a EMFILE", "wait 500"}},
   NULL,
   NULL},

  /*  C-6: black holes.  */
  {"c6_black_hole_ipv6",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {250, "", "start 1, wait 4250"},
    {280, "ok 1", "cancel a, won 1"}},
   "a=silent 1=won",
   ""},
  {"c6_at_most_six",
   "",
   {{0, "whole a b c d e f g h", "start a, wait 250"},
    {250, "", "start b, wait 500"},
    {500, "", "start c, wait 750"},
    {750, "", "start d, wait 1000"},
    {1000, "", "start e, wait 1250"},
    {1250, "", "start f, wait 4000"},
    {3000, "look", "wait 4000"},
    {4000, "", "cancel a ETIMEDOUT, start g, wait 4250"},
    {4250, "", "cancel b ETIMEDOUT, start h, wait 4500"},
    {4500, "", "retry, wait 8250"},
    {8000, "look", "wait 8250"},
    {8001, "ok h", "cancel g, cancel c, cancel d, cancel e, cancel f, won h"}},
   "a=failed b=failed c=silent h=won",
   NULL},
  {"c6_a_place_that_becomes_free_is_taken",
   "",
   {{0, "whole a b c d e f g h", "start a, wait 250"},
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
   "use=6",
   {{0, "whole a b c d e f", "start a, wait 250"},
    {250, "", "start b, wait 500"},
    {500, "", "start c, wait 750"},
    {750, "", "start d, wait 1000"},
    {1000, "", "start e, wait 1250"},
    {1250, "", "start f, wait 5250"},
    {5000, "look", "wait 5250"}},
   NULL,
   NULL},
  /*  A slot is freed for a candidate when its turn has come, not before.  */
  {"c6_patience_keeps_to_the_attempt_delay",
   "delay=2000",
   {{0, "whole a b c d e f g h", "start a, wait 2000"},
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
   {{0, "whole a 1", "start a, wait 250"},
    {10, "refuse a", "start 1, wait 260"},
    {20, "refuse 1", "failed ECONNREFUSED"}},
   "a=failed 1=failed",
   ""},
  {"c7_one_was_not_refused",
   "",
   {{0, "whole a b 1", "start a, wait 250"},
    {10, "refuse a", "start 1, wait 260"},
    {20, "fail 1 EHOSTUNREACH", "start b, wait 270"},
    {30, "refuse b", "failed EHOSTUNREACH"}},
   NULL,
   NULL},
  {"c7_the_last_other_error",
   "",
   {{0, "whole a b 1", "start a, wait 250"},
    {10, "fail a ENETUNREACH", "start 1, wait 260"},
    {20, "fail 1 ENETDOWN", "start b, wait 270"},
    {30, "refuse b", "failed ENETDOWN"}},
   NULL,
   NULL},
  {"c7_refused_in_one_round_is_not_refused_in_all",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {10, "fail a ETIMEDOUT", "start 1, wait 260"},
    {260, "", "retry, wait 4010"},
    {300, "again", "ask whole, start a, wait 350"},
    {310, "refuse a", "wait 350"},
    {320, "refuse 1", "wait 350"}},
   NULL,
   NULL},
  {"c7_silence_does_not_hold_up_the_failed_ones",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {250, "", "start 1, wait 4250"},
    {251, "refuse 1", "wait 500"},
    {500, "", "retry, wait 4250"},
    {600, "again", "ask whole, start 1, wait 650"},
    {600, "whole a 1", "wait 4600"},
    {601, "refuse 1", "wait 850"},
    {850, "", "retry, wait 4600"},
    {950, "again", "ask whole, start 1, wait 1000"},
    {950, "whole a 1", "wait 4950"},
    {953, "ok 1", "cancel a, won 1"}},
   "a=silent 1=won",
   NULL},
  /*  The attempts that are left may still win in a moment.  */
  {"c7_retry_waits_for_the_attempt_delay",
   "",
   {{0, "whole a b", "start a, wait 250"},
    {20, "refuse a", "start b, wait 270"},
    {269, "look", "wait 270"},
    {270, "", "retry, wait 4020"},
    {271, "refuse b", "failed ECONNREFUSED"}},
   NULL,
   NULL},
  {"c7_retry_at_once_when_the_silence_is_long_enough",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {250, "", "start 1, wait 4250"},
    {3000, "refuse 1", "retry, wait 4250"}},
   NULL,
   NULL},
  {"c7_retry_is_said_once",
   "",
   {{0, "whole a b 1", "start a, wait 250"},
    {10, "refuse a", "start 1, wait 260"},
    {20, "refuse 1", "start b, wait 270"},
    {270, "", "retry, wait 4020"},
    {4000, "look", "wait 4020"}},
   NULL,
   NULL},
  /*  Failures in one round do not turn the next one into a burst.  */
  {"c7_retry_once_for_all_that_failed",
   "",
   {{0, "whole a b 1", "start a, wait 250"},
    {250, "", "start 1, wait 500"},
    {500, "", "start b, wait 4500"},
    {600, "refuse a", "wait 750"},
    {650, "refuse b", "wait 750"},
    {750, "", "retry, wait 4500"},
    {850, "again", "ask whole, start a, wait 900"},
    {850, "whole a 1 b", "wait 1100"},
    {1100, "", "start b, wait 5100"}},
   NULL,
   NULL},
  {"c7_retry_keeps_the_order_and_the_delay",
   "",
   {{0, "whole a b 1 2", "start a, wait 250"},
    {10, "refuse a", "start 1, wait 260"},
    {20, "refuse 1", "start b, wait 270"},
    {30, "refuse b", "start 2, wait 280"},
    {280, "", "retry, wait 4030"},
    {281, "again", "ask whole, start a, wait 331"},
    {281, "whole a 1 b 2", "wait 531"},
    {531, "", "start 1, wait 781"},
    {781, "", "start b, wait 4781"}},
   NULL,
   NULL},
  {"c7_no_retry_while_one_is_untried",
   "",
   {{0, "whole a b 1", "start a, wait 250"},
    {250, "", "start 1, wait 500"},
    {255, "refuse a", "wait 260"},
    {260, "", "start b, wait 510"}},
   NULL,
   NULL},
  {"c7_no_retry_when_nothing_failed",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {250, "", "start 1, wait 4250"},
    {900, "again", "ask whole, wait 950"},
    {910, "whole a 1", "wait 4900"},
    {1000, "refuse a", "retry, wait 4900"}},
   NULL,
   NULL},
  {"c7_no_retry_when_all_is_over",
   "",
   {{0, "whole a b", "start a, wait 250"},
    {5, "refuse a", "start b, wait 255"},
    {6, "refuse b", "failed ECONNREFUSED"},
    {7, "again", "failed ECONNREFUSED"}},
   NULL,
   NULL},

  /*  C-7: look-ups that fail, and silence.  */
  {"c7_a_lost_look_up_is_no_refusal",
   "",
   {{50, "", "ask six four, wait"},
    {55, "six+ a", "start a, wait"},
    {60, "refuse a", "wait 305"},
    {70, "lost four; lost whole", "failed EHOSTUNREACH"}},
   NULL,
   NULL},
  {"c7_refused_although_the_whole_answer_is_lost",
   "",
   {{50, "", "ask six four, wait"},
    {55, "four 1", "start 1, wait"},
    {60, "refuse 1", "wait 305"},
    {70, "lost whole; six", "failed ECONNREFUSED"}},
   NULL,
   NULL},
  {"c7_retry_of_a_look_up",
   "",
   {{50, "", "ask six four, wait"},
    {60, "lost four", "wait 250"},
    {250, "", "retry, wait"},
    {350, "again", "ask four, wait"},
    {360, "four 1", "start 1, wait"}},
   NULL,
   NULL},
  {"c7_asked_again_when_the_interval_is_over",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {250, "", "start 1, wait 4250"},
    {260, "refuse 1", "wait 500"},
    {500, "", "retry, wait 4250"},
    {600, "again", "ask whole, start 1, wait 650"},
    {610, "whole 2", "wait 850"}},
   NULL,
   NULL},
  {"c7_not_failed_before_the_answer",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {10, "refuse a", "start 1, wait 260"},
    {110, "again", "ask whole, wait 160"},
    {120, "refuse 1", "start a, wait 160"},
    {130, "refuse a", "wait 160"},
    {140, "whole 2", "start 2, wait 4140"}},
   NULL,
   NULL},
  {"c7_all_silent_asks_again",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {250, "", "start 1, wait 4250"},
    {4250, "", "ask whole, wait 4300"},
    {4251, "whole a 1", "wait 12250"},
    {12250, "", "ask whole, wait 12300"},
    {12251, "whole a 1", "wait 28250"},
    {28250, "", "ask whole, wait 28300"},
    {28251, "whole a 1", "wait 60250"},
    {60250, "", "ask whole, wait 60300"},
    {60251, "whole a 1", "wait 120250"},
    {120250, "", "ask whole, wait 120300"},
    {120251, "whole a 1", "wait 180250"},
    {180250, "", "ask whole, wait 180300"}},
   NULL,
   NULL},
  {"c7_a_server_that_moved",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {250, "", "start 1, wait 4250"},
    {4250, "", "ask whole, wait 4300"},
    {4251, "whole b 2", "start b, wait 4501"},
    {4300, "ok b", "cancel a, cancel 1, won b"}},
   NULL,
   NULL},
  {"c7_a_server_that_moved_and_dns_is_slow",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {250, "", "start 1, wait 4250"},
    {4250, "", "ask whole, wait 4300"},
    {4300, "", "ask six four, wait"},
    {4310, "four 2", "start 2, wait"},
    {4320, "ok 2", "cancel a, cancel 1, won 2"}},
   NULL,
   NULL},
  {"c7_asked_again_with_one_look_up",
   "look=4",
   {{0, "four 1", "start 1, wait 4000"},
    {4000, "", "ask four, wait"},
    {4001, "four 2", "start 2, wait 12001"}},
   NULL,
   NULL},
  {"c7_retry_while_the_whole_answer_is_late",
   "",
   {{50, "", "ask six four, wait"},
    {55, "four 1", "start 1, wait"},
    {60, "refuse 1", "wait 305"},
    {305, "", "retry, wait"},
    {405, "again", "ask four, start 1, wait"},
    {410, "four 1", "wait"},
    {420, "ok 1", "won 1"}},
   NULL,
   NULL},
  {"c7_stock_would_ask_again",
   "",
   {{0, "whole a", "start a, wait 250"},
    {250, "", "retry, wait 4000"},
    {350, "again", "ask whole, wait 400"},
    {351, "whole 1 a", "start 1, wait 4351"},
    {360, "ok 1", "cancel a, won 1"}},
   NULL,
   NULL},
  {"c7_stock_would_not_in_mode_v6",
   "mode=6",
   {{0, "whole a", "start a, wait 4000"}, {250, "look", "wait 4000"}},
   NULL,
   NULL},
  {"ignored_again_before_anything_happened",
   "",
   {{0, "again", "wait 50"}, {10, "whole a", "start a, wait 260"}},
   NULL,
   NULL},
  {"c5_failure_is_owed_to_an_answer_that_comes_late",
   "",
   {{50, "", "ask six four, wait"},
    {55, "six+ a b", "start a, wait 305"},
    {305, "", "start b, wait"},
    {350, "refuse b", "wait 555"},
    {360, "four 1", "start 1, wait 610"}},
   NULL,
   NULL},
  {"c6_patience_is_over_when_a_late_one_comes",
   "",
   {{50, "", "ask six four, wait"},
    {60, "six+ a b c d e f", "start a, wait 310"},
    {310, "", "start b, wait 560"},
    {560, "", "start c, wait 810"},
    {810, "", "start d, wait 1060"},
    {1060, "", "start e, wait 1310"},
    {1310, "", "start f, wait"},
    {5500, "four 1 2", "cancel a ETIMEDOUT, start 1, wait 5750"},
    {5750, "", "cancel b ETIMEDOUT, start 2, wait 6000"}},
   NULL,
   NULL},

  /*  C-11: ZMQ_CONNECT_TIMEOUT.  */
  {"c11_attempt_timeout",
   "timeout=1000 use=6",
   {{0, "whole a", "start a, wait 1000"},
    {999, "look", "wait 1000"},
    {1000, "", "cancel a ETIMEDOUT, failed ETIMEDOUT"}},
   "a=failed",
   NULL},
  {"c11_attempt_timeout_brings_the_next_start_forward",
   "timeout=300",
   {{0, "whole a b c", "start a, wait 250"},
    {250, "", "start b, wait 300"},
    {300, "", "cancel a ETIMEDOUT, start c, wait 550"},
    {550, "", "cancel b ETIMEDOUT, retry, wait 600"},
    {560, "ok c", "won c"}},
   "a=failed b=failed c=won",
   NULL},
  {"c11_attempt_timeout_and_min_gap",
   "timeout=255",
   {{0, "whole a b c", "start a, wait 250"},
    {250, "", "start b, wait 255"},
    {255, "", "cancel a ETIMEDOUT, wait 260"},
    {260, "", "start c, wait 505"}},
   NULL,
   NULL},
  {"c11_attempt_timeout_shorter_than_the_delay",
   "timeout=100",
   {{0, "whole a 1", "start a, wait 100"},
    {100, "", "cancel a ETIMEDOUT, start 1, wait 200"},
    {200, "", "cancel 1 ETIMEDOUT, failed ETIMEDOUT"}},
   NULL,
   NULL},
  {"c11_attempt_timeout_comes_before_patience",
   "timeout=2000",
   {{0, "whole a b c d e f g", "start a, wait 250"},
    {250, "", "start b, wait 500"},
    {500, "", "start c, wait 750"},
    {750, "", "start d, wait 1000"},
    {1000, "", "start e, wait 1250"},
    {1250, "", "start f, wait 2000"},
    {2000, "", "cancel a ETIMEDOUT, start g, wait 2250"}},
   NULL,
   NULL},
  {"c11_connected_at_the_time_out",
   "timeout=100",
   {{0, "whole a", "start a, wait 100"}, {100, "ok a", "won a"}},
   NULL,
   NULL},

  /*  Events that mean nothing.  */
  {"ignored_numbers_that_do_not_run",
   "",
   {{0, "ok #0; refuse #0; ok #5; refuse #6; ok #4000000000", "wait 50"},
    {10, "whole a 1", "start a, wait 260"},
    {11, "ok #1; refuse #5; ok #6; refuse #4294967295", "wait 260"},
    {12, "refuse a", "start 1, wait 262"},
    {13, "ok #1; refuse #1; ok #2", "wait 262"}},
   "a=failed 1=running",
   NULL},
  {"ignored_failure_and_success_of_a_failed_attempt",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {250, "", "start 1, wait 4250"},
    {260, "refuse a; refuse #0; ok #0", "wait 500"}},
   "a=failed 1=running",
   NULL},
  {"ignored_failure_of_the_winner",
   "",
   {{0, "whole a 1", "start a, wait 250"},
    {250, "", "start 1, wait 4250"},
    {260, "ok a; refuse #0; fail #0 EPERM", "cancel 1, won a"}},
   "a=won 1=cut",
   NULL},

  /*  C-8: what a race tells about an address that it did not try.  */
  {"c8_untested_is_what_failed_the_last_time",
   "",
   {{0, "whole a! 1*", "start 1, wait 250"}, {20, "ok 1", "won 1"}},
   "a=untried 1=won",
   "a"},
  {"c8_untested_is_the_first_of_those",
   "",
   {{0, "whole a! 1* b! 2", "start 1, wait 250"}, {20, "ok 1", "won 1"}},
   NULL,
   "a"},
  {"c8_untested_is_none_that_was_tried",
   "",
   {{0, "whole 1* a!", "start 1, wait 250"},
    {250, "", "start a, wait 4250"},
    {300, "ok 1", "cancel a, won 1"}},
   "a=cut 1=won",
   ""},
  {"c8_untested_is_none_behind_the_winner",
   "",
   {{0, "whole a* 1!", "start a, wait 250"}, {20, "ok a", "won a"}},
   NULL,
   ""},
  {"c8_untested_is_no_wrong_server",
   "",
   {{0, "whole a?5 1*", "start 1, wait 250"}, {20, "ok 1", "won 1"}},
   NULL,
   ""},
  {"c8_untested_without_memory",
   "",
   {{0, "whole a b 1", "start a, wait 250"},
    {10, "refuse a", "start 1, wait 260"},
    {20, "ok 1", "won 1"}},
   NULL,
   ""},
  {"c8_untested_before_the_end",
   "",
   {{0, "whole a! 1*", "start 1, wait 250"}},
   NULL,
   ""},
  {"c8_untested_when_all_failed",
   "",
   {{0, "sync 1 EPERM; sync a EPERM", "wait 50"},
    {0, "whole a! 1*", "start 1, start a, failed EPERM"}},
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
    assert_int_equal (config.look, ZDS_LOOK_WHOLE);
    assert_int_equal (config.families, ZDS_FOR_IPV6 | ZDS_FOR_IPV4);
    assert_int_equal (config.attempt_timeout, 0);
}

static void test_rfc8305_8_bounds (void **state_)
{
    static const struct
    {
        unsigned attempt_delay, resolution_delay, families;
        int expected;
    } rows[] = {
      {250, 50, 6, 0},        {10, 0, 6, 0},
      {2000, 2000, 2, 0},     {250, 50, 4, 0},
      {0, 50, 6, EINVAL},     {9, 50, 6, EINVAL},
      {2001, 50, 6, EINVAL},  {UINT32_MAX, 50, 6, EINVAL},
      {250, 2001, 6, EINVAL}, {250, UINT32_MAX, 6, EINVAL},
      {250, 50, 0, EINVAL},   {250, 50, 1, EINVAL},
      {250, 50, 7, EINVAL},
    };
    zds_race_t race;
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_race_config_t config;
        int rc;

        zds_race_config_default (&config);
        config.attempt_delay = rows[i].attempt_delay;
        config.resolution_delay = rows[i].resolution_delay;
        config.families = rows[i].families;
        rc = zds_race_init (&race, &config, 0);
        if (rc != rows[i].expected)
            fail_msg ("row %d: %d", (int) i, rc);
    }
}

static zds_answer_t whole;

/*  Begins a race, and does its first ASK.  */
static void ask (zds_race_t *race_)
{
    zds_race_config_t config;
    zds_race_step_t step;

    zds_race_config_default (&config);
    assert_int_equal (zds_race_init (race_, &config, 0), 0);
    step = zds_race_next (race_, 0);
    assert_int_equal (step.op, ZDS_RACE_ASK);
    assert_int_equal (step.looks, ZDS_LOOK_BIT (ZDS_LOOK_WHOLE));
    memset (&whole, 0, sizeof whole);
}

static void add_to_answer (zds_addr_t addr_)
{
    whole.addr[whole.count++] = addr_;
}

static void give (zds_race_t *race_, zds_look_t look_)
{
    zds_race_answer (race_, look_, &whole);
    whole.count = 0;
}

/*  A race with the whole answer given.  */
static void begin (zds_race_t *race_, const char *names_)
{
    ask (race_);
    for (; *names_ != '\0'; names_++)
        add_to_answer (addr_of_name (*names_));
    give (race_, ZDS_LOOK_WHOLE);
}

static void test_c5_every_error_starts_the_next (void **state_)
{
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (errors); i++) {
        zds_race_t race;
        zds_race_step_t step;

        begin (&race, "a1");
        step = zds_race_next (&race, 0);
        assert_int_equal (step.op, ZDS_RACE_START);
        zds_race_failed (&race, step.attempt, errors[i].error);
        step = zds_race_next (&race, 20);
        assert_int_equal (step.op, ZDS_RACE_START);
        assert_int_equal (name_of_addr (&step.addr), '1');
        zds_race_failed (&race, step.attempt, ECONNREFUSED);
        step = zds_race_next (&race, 30);
        assert_int_equal (step.op, ZDS_RACE_FAILED);
        assert_int_equal (step.error, errors[i].error);
    }
}

/*  The caller was busy, and two starts are due: only one comes.  */
static void test_rfc8305_5_late_wake_up (void **state_)
{
    zds_race_t race;
    zds_race_step_t step;
    (void) state_;

    begin (&race, "abc");
    assert_int_equal (zds_race_next (&race, 0).op, ZDS_RACE_START);
    assert_int_equal (zds_race_next (&race, 700).op, ZDS_RACE_START);
    step = zds_race_next (&race, 700);
    assert_int_equal (step.op, ZDS_RACE_WAIT);
    assert_int_equal (step.deadline, 950);
}

/*  The number of an attempt is free again after its end, not before.  */
static void test_numbers_of_attempts (void **state_)
{
    zds_race_t race;
    zds_race_step_t first, second, third;
    (void) state_;

    begin (&race, "ab1");
    first = zds_race_next (&race, 0);
    second = zds_race_next (&race, 250);
    assert_int_equal (second.op, ZDS_RACE_START);
    assert_int_not_equal (first.attempt, second.attempt);
    zds_race_failed (&race, first.attempt, EIO);
    third = zds_race_next (&race, 300);
    assert_int_equal (third.op, ZDS_RACE_START);
    assert_int_not_equal (third.attempt, second.attempt);
}

/*  Events with numbers that do not exist do not change a byte of the race.  */
static void test_ignored_numbers_out_of_range (void **state_)
{
    static const unsigned numbers[] = {6,   7,          8,          100,
                                       255, 0x80000000, 0xfffffffe, UINT32_MAX};
    zds_race_t race, before;
    size_t i;
    (void) state_;

    begin (&race, "ab1");
    assert_int_equal (zds_race_next (&race, 0).op, ZDS_RACE_START);
    assert_int_equal (zds_race_next (&race, 256).op, ZDS_RACE_START);
    memcpy (&before, &race, sizeof race);
    for (i = 0; i < COUNT (numbers); i++) {
        zds_race_failed (&race, numbers[i], ECONNREFUSED);
        zds_race_connected (&race, numbers[i], 300);
        assert_memory_equal (&race, &before,
                             offsetof (zds_race_t, candidate)
                               + race.count * sizeof race.candidate[0]);
    }
}

/*  "2001:db8::1" ... or "192.0.2.1" ..., beginning with 'first_'.  */
static void add_many (int family_, unsigned first_, size_t n_)
{
    size_t i;

    for (i = 0; i < n_; i++) {
        char text[40];
        snprintf (text, sizeof text,
                  family_ == AF_INET6 ? "2001:db8::%x" : "192.0.2.%u",
                  first_ + (unsigned) i);
        add_to_answer (addr_of (text));
    }
}

/*  Starts all candidates, and lets them fail; returns the number of starts.  */
static unsigned refuse_all (zds_race_t *race_, uint64_t now_)
{
    unsigned starts = 0;

    for (;;) {
        const zds_race_step_t step = zds_race_next (race_, now_);
        if (step.op == ZDS_RACE_RETRY || step.op == ZDS_RACE_ASK)
            continue;
        if (step.op != ZDS_RACE_START)
            return starts;
        zds_race_failed (race_, step.attempt, ECONNREFUSED);
        starts++;
    }
}

static void test_more_addresses_than_are_taken (void **state_)
{
    zds_race_t race;
    (void) state_;

    ask (&race);
    add_many (AF_INET6, 1, 40);
    add_many (AF_INET, 1, 24);
    give (&race, ZDS_LOOK_WHOLE);
    assert_int_equal (race.count, ZDS_MAX_CANDIDATES + 24);
    assert_int_equal (refuse_all (&race, 0), ZDS_MAX_CANDIDATES + 24);
    assert_int_equal (zds_race_next (&race, 0).op, ZDS_RACE_FAILED);
}

static void test_c3_duplicates_take_no_room (void **state_)
{
    zds_race_t race;
    unsigned i;
    (void) state_;

    ask (&race);
    for (i = 0; i < 32; i++) {
        add_many (AF_INET6, 1 + i, 1);
        add_many (AF_INET6, 1 + i, 1);
    }
    give (&race, ZDS_LOOK_WHOLE);
    assert_int_equal (race.count, ZDS_MAX_CANDIDATES);
}

/*  Port and zone are the endpoint's; where it has no zone, the answer's stays.  */
static void test_port_and_zone (void **state_)
{
    static const uint32_t zones[] = {0, 7};
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (zones); i++) {
        zds_race_config_t config;
        zds_race_t race;

        zds_race_config_default (&config);
        config.port = 5555;
        config.zone = zones[i];
        zds_race_init (&race, &config, 0);
        zds_race_next (&race, 0);
        add_to_answer (addr_of ("fe80::1%3"));
        add_to_answer (addr_of ("192.0.2.1"));
        give (&race, ZDS_LOOK_WHOLE);
        assert_int_equal (race.count, 2);
        assert_int_equal (race.candidate[0].addr.v6.sin6_scope_id,
                          zones[i] == 0 ? 3 : 7);
        assert_int_equal (zds_addr_port (&race.candidate[0].addr), 5555);
        assert_int_equal (zds_addr_port (&race.candidate[1].addr), 5555);
    }
}

/*  Nothing is asked for a numeric address, not even when it is silent.  */
static void test_literal (void **state_)
{
    const zds_addr_t addr = addr_of ("192.0.2.1");
    zds_race_config_t config;
    zds_race_step_t step;
    zds_race_t race;
    (void) state_;

    zds_race_config_default (&config);
    zds_race_init (&race, &config, 0);
    zds_race_literal (&race, &addr);
    step = zds_race_next (&race, 0);
    assert_int_equal (step.op, ZDS_RACE_START);
    assert_true (zds_addr_equal (&step.addr, &addr));
    step = zds_race_next (&race, 0);
    assert_int_equal (step.op, ZDS_RACE_WAIT);
    assert_true (step.deadline == ZDS_NEVER);
    zds_race_again (&race);
    assert_int_equal (zds_race_next (&race, 1000000).op, ZDS_RACE_WAIT);
    zds_race_failed (&race, 0, ECONNREFUSED);
    assert_int_equal (zds_race_next (&race, 1000000).error, ECONNREFUSED);
}

/*  Lets six attempts to addresses of the family run.  */
static void fill_slots (zds_race_t *race_, int family_, uint64_t *now_)
{
    unsigned i, n;

    for (i = 0; i < 500; i++, *now_ += 250) {
        const zds_race_step_t step = zds_race_next (race_, *now_);

        if (step.op == ZDS_RACE_START
            && zds_addr_family (&step.addr) != family_)
            zds_race_failed (race_, step.attempt, ECONNREFUSED);
        for (n = 0; n < ZDS_RACE_MAX_RUNNING; n++)
            if (race_->slot[n].candidate < 0)
                break;
        if (n == ZDS_RACE_MAX_RUNNING)
            return;
    }
    fail_msg ("no six attempts");
}

/*  Answers of full size, all of them new, while six attempts run: of the last word,
    and of helpers.  */
static void test_rfc8305_6_answers_that_replace_everything (void **state_)
{
    static const zds_look_t looks[] = {ZDS_LOOK_WHOLE, ZDS_LOOK_IPV6,
                                       ZDS_LOOK_IPV4};
    size_t i, round;
    (void) state_;

    for (i = 0; i < COUNT (looks); i++) {
        zds_race_t race;
        uint64_t now = 0;

        ask (&race);
        for (round = 0; round < 6; round++) {
            const unsigned first = 1 + (unsigned) round % 3 * 64;
            add_many (AF_INET6, first, ZDS_MAX_CANDIDATES);
            add_many (AF_INET, first, ZDS_MAX_CANDIDATES);
            race.ask.outstanding |= ZDS_LOOK_BIT (looks[i]);
            give (&race, looks[i]);
            assert_true (race.count <= ZDS_RACE_MAX_CANDIDATES);
            if (looks[i] != ZDS_LOOK_WHOLE) {
                add_many (AF_INET6, first + 40, ZDS_MAX_CANDIDATES);
                add_many (AF_INET, first + 40, ZDS_MAX_CANDIDATES);
                race.ask.outstanding |= 6;
                race.ask.is_exact[ZDS_LOOK_IPV6] = true;
                give (&race, round % 2 == 0 ? ZDS_LOOK_IPV6 : ZDS_LOOK_IPV4);
                assert_true (race.count <= ZDS_RACE_MAX_CANDIDATES);
            }
            zds_race_again (&race);
            now += 10000;
            if (looks[i] == ZDS_LOOK_WHOLE)
                fill_slots (&race, round % 2 == 0 ? AF_INET6 : AF_INET, &now);
            else
                zds_race_next (&race, now);
        }
    }
}

/*  A race has no state but its struct and its arguments: two of them do the same, and
    a copy goes on where the original was.  */
static void test_rfc8305_4_the_same_twice (void **state_)
{
    zds_race_t a, b;
    uint64_t now;
    (void) state_;

    begin (&a, "abc12");
    begin (&b, "abc12");
    for (now = 0; now < 3000; now += 50) {
        const zds_race_step_t one = zds_race_next (&a, now);
        const zds_race_step_t other = zds_race_next (&b, now);
        assert_int_equal (one.op, other.op);
        assert_int_equal (one.attempt, other.attempt);
        assert_true (one.deadline == other.deadline);
        b = a;
    }
}

/*  Nothing of an earlier race is left in the struct.  */
static void test_init_after_a_race (void **state_)
{
    zds_race_t race;
    zds_race_step_t step;
    (void) state_;

    begin (&race, "ab1");
    step = zds_race_next (&race, 0);
    zds_race_failed (&race, step.attempt, EPERM);
    step = zds_race_next (&race, 0);
    zds_race_connected (&race, step.attempt, 1);
    begin (&race, "");
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
        const char *names;
        zds_mode_t mode;
        unsigned expected;
    } rows[] = {
      {ZDS_RECORD_NONE, true, "a1", ZDS_MODE_AUTO, 0},
      {ZDS_RECORD_NONE, true, "a1", ZDS_MODE_V6, ZDS_REST_USUAL},
      {ZDS_RECORD_NONE, false, "a1", ZDS_MODE_V6, ZDS_REST_USUAL},
      {ZDS_RECORD_NONE, false, "a1", ZDS_MODE_AUTO, 0},
      {ZDS_RECORD_NONE, true, "a1b", ZDS_MODE_AUTO, ZDS_REST_FRESH},
      {ZDS_RECORD_FAILED, true, "a1b", ZDS_MODE_AUTO, 0},
      {ZDS_RECORD_DIED, true, "a1b", ZDS_MODE_AUTO, 0},
      {ZDS_RECORD_FAILED, true, "a1b", ZDS_MODE_V6, ZDS_REST_USUAL},
      {ZDS_RECORD_WRONG, true, "a1b", ZDS_MODE_AUTO, 0},
      {ZDS_RECORD_WRONG, true, "a1b", ZDS_MODE_V6, ZDS_REST_USUAL},
    };
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_race_t race;
        uint64_t now = 0;

        begin (&race, rows[i].names);
        race.config.mode = rows[i].mode;
        if (race.count == 3)
            race.candidate[2].record = rows[i].record;
        assert_int_equal (zds_race_next (&race, now).op, ZDS_RACE_START);
        if (rows[i].refused)
            zds_race_failed (&race, 0, ECONNREFUSED);
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
    zds_race_t race;
    (void) state_;

    ask (&race);
    zds_race_next (&race, 50);
    add_to_answer (addr_of ("192.0.2.1"));
    give (&race, ZDS_LOOK_IPV4);
    zds_race_next (&race, 50);
    zds_race_connected (&race, 0, 50);
    assert_int_equal (zds_race_rest (&race), ZDS_REST_USUAL);
    give (&race, ZDS_LOOK_WHOLE);
}

/*  The family that libzmq without dual stack would use, as answers come in.  */
static void test_usual_family (void **state_)
{
    zds_race_config_t config;
    zds_race_t race;
    (void) state_;

    ask (&race);
    assert_int_equal (zds_race_usual_family (&race), AF_INET);
    zds_race_config_default (&config);
    config.mode = ZDS_MODE_V6;
    zds_race_init (&race, &config, 0);
    zds_race_next (&race, 0);
    assert_int_equal (zds_race_usual_family (&race), AF_INET6);
    give (&race, ZDS_LOOK_WHOLE);
    assert_int_equal (zds_race_usual_family (&race), AF_INET);
}

/*  The reason of the step at that time; 'why_' is NULL if the step is not a start,
    and has no reason of a candidate.  */
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
        assert_string_equal (
          zds_race_why (race_, (size_t) race_->slot[step.attempt].candidate),
          candidates_why_);
}

static void give_names (zds_race_t *race_, zds_look_t look_, const char *names_)
{
    for (; *names_ != '\0'; names_++)
        add_to_answer (addr_of_name (*names_));
    give (race_, look_);
}

static void test_every_step_has_its_reason (void **state_)
{
    zds_race_config_t config;
    zds_race_t race;
    (void) state_;

    zds_race_config_default (&config);
    zds_race_init (&race, &config, 0);
    expect_why (&race, 0, ZDS_RACE_ASK, "what every program on this host gets",
                NULL);
    zds_ask_runs (&race.ask, 0);
    expect_why (&race, 0, ZDS_RACE_WAIT, "", NULL);
    expect_why (&race, 50, ZDS_RACE_ASK, "the whole answer is late", NULL);
    give_names (&race, ZDS_LOOK_IPV4, "12");
    expect_why (&race, 50, ZDS_RACE_START,
                "the whole answer has not come within the resolution delay",
                "there is no better IPv6 address");
    give_names (&race, ZDS_LOOK_WHOLE, "a1b2c");
    expect_why (&race, 60, ZDS_RACE_WAIT, "", NULL);
    expect_why (&race, 300, ZDS_RACE_START, "silence for the attempt delay",
                "IPv6 comes first, as the system orders");
    zds_race_failed (&race, 1, ECONNREFUSED);
    expect_why (&race, 310, ZDS_RACE_START, "another one failed",
                "the families take turns");
    zds_race_failed (&race, 0, ECONNREFUSED);
    zds_race_failed (&race, 1, ECONNREFUSED);
    expect_why (&race, 316, ZDS_RACE_START, "the one before failed",
                "the families take turns");
    zds_race_failed (&race, 0, ECONNREFUSED);
    expect_why (&race, 316, ZDS_RACE_START, "the one before failed",
                "the families take turns");
    expect_why (&race, 320, ZDS_RACE_WAIT, "", NULL);
    expect_why (&race, 566, ZDS_RACE_RETRY,
                "something failed, and what is left is silent", NULL);
    zds_race_again (&race);
    expect_why (&race, 600, ZDS_RACE_ASK,
                "once more, the reconnect interval is over", NULL);
    give_names (&race, ZDS_LOOK_WHOLE, "a1b2c");
    expect_why (&race, 600, ZDS_RACE_START,
                "once more, the reconnect interval is over",
                "IPv6 comes first, as the system orders");
    zds_race_connected (&race, 1, 601);
    expect_why (&race, 601, ZDS_RACE_CANCEL, "another one won", NULL);
    expect_why (&race, 601, ZDS_RACE_WON, "it connected first", NULL);
}

/*  A race of this configuration with this whole answer.  */
static zds_race_t race_of (const zds_race_config_t *config_, const char *names_)
{
    zds_race_t race;

    assert_int_equal (zds_race_init (&race, config_, 0), 0);
    assert_int_equal (zds_race_next (&race, 0).op, ZDS_RACE_ASK);
    give_names (&race, config_->look, names_);
    return race;
}

static void test_every_end_has_its_reason (void **state_)
{
    zds_race_config_t config;
    zds_race_t race;
    (void) state_;

    zds_race_config_default (&config);
    config.attempt_timeout = 100;
    race = race_of (&config, "a");
    expect_why (&race, 0, ZDS_RACE_START, "the answer is there",
                "IPv6 comes first, as the system orders");
    expect_why (&race, 100, ZDS_RACE_CANCEL,
                "silent for as long as an attempt may take", NULL);
    expect_why (&race, 100, ZDS_RACE_FAILED, "every attempt failed", NULL);

    race = race_of (&config, "1a");
    expect_why (&race, 0, ZDS_RACE_START, "the answer is there",
                "IPv4 comes first, as the system orders");
    zds_race_failed (&race, 0, ECONNREFUSED);
    expect_why (&race, 0, ZDS_RACE_START, "the one before failed",
                "the families take turns");
    zds_race_failed (&race, 0, ECONNREFUSED);
    expect_why (&race, 0, ZDS_RACE_FAILED, "every attempt was refused", NULL);

    race = race_of (&config, "");
    expect_why (&race, 0, ZDS_RACE_FAILED, "there is no address to try", NULL);
}

/*  Another race has asked before: the look-up that it waits for is late for this
    race, too.  */
static void test_c4_late_since_the_look_up_began (void **state_)
{
    zds_race_config_t config;
    zds_race_t race;
    (void) state_;

    zds_race_config_default (&config);
    zds_race_init (&race, &config, 1000);
    assert_int_equal (zds_race_next (&race, 1000).op, ZDS_RACE_ASK);
    zds_ask_runs (&race.ask, 900);
    while (zds_race_next (&race, 1000).op == ZDS_RACE_ASK)
        ;
    give_names (&race, ZDS_LOOK_IPV4, "1");
    assert_int_equal (zds_race_next (&race, 1001).op, ZDS_RACE_START);
}

static void test_what_is_remembered_is_told (void **state_)
{
    zds_race_config_t config;
    zds_race_t race;
    (void) state_;

    zds_race_config_default (&config);
    config.quick = config.hurry = true;
    zds_race_init (&race, &config, 0);
    zds_race_next (&race, 0);
    expect_why (&race, 0, ZDS_RACE_ASK,
                "the whole answer was late the last time", NULL);
    give_names (&race, ZDS_LOOK_IPV4, "1");
    expect_why (&race, 0, ZDS_RACE_START,
                "the whole answer was late the last time",
                "there is no better IPv6 address");

    race = race_of (&config, "a1b2");
    expect_why (&race, 0, ZDS_RACE_START, "the answer is there",
                "IPv6 comes first, as the system orders");
    race.candidate[1].waited = 240;
    expect_why (&race, 100, ZDS_RACE_START,
                "silence for 100 ms; IPv6 is silent for other names too",
                "the families take turns");
    expect_why (&race, 110, ZDS_RACE_START,
                "silence for the attempt delay, the races before included",
                "the families take turns");

    race = race_of (&config, "1a2b");
    race.candidate[2].record = ZDS_RECORD_DIED;
    race.candidate[3].record = ZDS_RECORD_WON;
    expect_why (&race, 0, ZDS_RACE_START, "the answer is there",
                "its family won the last time");
    zds_race_next (&race, 250);
    zds_race_next (&race, 500);
    expect_why (&race, 750, ZDS_RACE_START, "silence for the attempt delay",
                "its last connection died: last");
}

static void test_silence_asks_again (void **state_)
{
    zds_race_config_t config;
    zds_race_t race;
    (void) state_;

    zds_race_config_default (&config);
    race = race_of (&config, "a");
    zds_race_next (&race, 0);
    expect_why (&race, 4000, ZDS_RACE_ASK,
                "all is silent: the server may have moved", NULL);
}

static void test_the_seventh_has_its_reason (void **state_)
{
    zds_race_config_t config;
    zds_race_t race;
    unsigned i;
    (void) state_;

    zds_race_config_default (&config);
    race = race_of (&config, "abcdefg");
    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        assert_int_equal (zds_race_next (&race, 250 * i).op, ZDS_RACE_START);
    expect_why (&race, 1500, ZDS_RACE_WAIT, "", NULL);
    expect_why (&race, 4000, ZDS_RACE_CANCEL,
                "silent for long, and the next one needs its place", NULL);
}

/*  IPv6 was silent only if it did not connect for the delay.  */
static void test_c15_silent_ipv6 (void **state_)
{
    static const struct
    {
        const char *names;
        unsigned time;
        bool expected;
    } rows[] = {{"a1", 250, true},
                {"1a", 499, false},
                {"1a", 500, true},
                {"12", 500, false}};
    size_t i;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++) {
        zds_race_config_t config;
        zds_race_t race;

        zds_race_config_default (&config);
        race = race_of (&config, rows[i].names);
        zds_race_next (&race, 0);
        zds_race_next (&race, 250);
        zds_race_connected (&race, rows[i].names[0] == 'a', rows[i].time);
        assert_int_equal (race.ipv6_silent, rows[i].expected);
    }
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
      cmocka_unit_test (test_rfc8305_6_answers_that_replace_everything),
      cmocka_unit_test (test_rfc8305_4_the_same_twice),
      cmocka_unit_test (test_c3_duplicates_take_no_room),
      cmocka_unit_test (test_port_and_zone),
      cmocka_unit_test (test_literal),
      cmocka_unit_test (test_usual_family),
      cmocka_unit_test (test_rest),
      cmocka_unit_test (test_rest_to_come),
      cmocka_unit_test (test_c4_late_since_the_look_up_began),
      cmocka_unit_test (test_what_is_remembered_is_told),
      cmocka_unit_test (test_silence_asks_again),
      cmocka_unit_test (test_c15_silent_ipv6),
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
