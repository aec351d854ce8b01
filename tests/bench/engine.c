/* SPDX-License-Identifier: MPL-2.0 */

/*  engine MS: measures how fast the race engine is by itself: races without sockets,
    one after the other, for MS milliseconds of each kind.

    Prints "KIND.events N" and "KIND.races N", both per second of processor time,
    for each kind; an event is what the engine is told of (an answer, an attempt
    that ended, a deadline), together with all that it then says to do.  Then
    "race.bytes N" and "candidate.bytes N".  */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "zds_race.h"

enum
{
    MOST = ZDS_MAX_CANDIDATES
};

typedef enum
{
    GOOD,
    REFUSED,
    SILENT
} fate_t;

typedef struct
{
    const char *name;
    unsigned count; /* addresses of each family */
    fate_t fate;    /* of all IPv6 addresses */
    fate_t fate_of_ipv4;
} kind_t;

static const kind_t kinds[] = {{"good", 1, GOOD, GOOD},
                               {"refused", 1, REFUSED, GOOD},
                               {"silent", 1, SILENT, GOOD},
                               {"32+32-refused", MOST, REFUSED, REFUSED}};

static zds_answer_t answers[2]; /* with one address of each family, with most */

static void invent_addresses (zds_answer_t *answer_, unsigned count_)
{
    unsigned i;

    answer_->count = 2 * count_;
    for (i = 0; i < count_; i++) {
        zds_addr_t *const six = &answer_->addr[i];
        zds_addr_t *const four = &answer_->addr[count_ + i];
        six->v6.sin6_family = AF_INET6;
        six->v6.sin6_addr.s6_addr[0] = 0x20;
        six->v6.sin6_addr.s6_addr[15] = (uint8_t) (i + 1);
        four->v4.sin_family = AF_INET;
        four->v4.sin_addr.s_addr = htonl (0xc0000201u + i);
    }
}

static double processor_seconds (void)
{
    struct timespec now;

    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

/*  What happens once the engine has nothing more to do: an attempt of this race ends,
    or the deadline comes.  */
typedef struct
{
    bool running[ZDS_RACE_MAX_RUNNING];
    fate_t fate[ZDS_RACE_MAX_RUNNING];
    uint64_t now;
} world_t;

static void do_steps (zds_race_t *race_,
                      world_t *world_,
                      const kind_t *kind_,
                      zds_race_step_t *last_)
{
    for (;;) {
        *last_ = zds_race_next (race_, world_->now);
        if (last_->op == ZDS_RACE_START) {
            world_->running[last_->attempt] = true;
            world_->fate[last_->attempt] = last_->addr.sa.sa_family == AF_INET6
                                             ? kind_->fate
                                             : kind_->fate_of_ipv4;
        } else if (last_->op == ZDS_RACE_CANCEL)
            world_->running[last_->attempt] = false;
        else if (last_->op != ZDS_RACE_RETRY && last_->op != ZDS_RACE_ASK)
            return;
    }
}

static void let_happen (zds_race_t *race_, world_t *world_, uint64_t deadline_)
{
    unsigned i;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++) {
        if (!world_->running[i] || world_->fate[i] == SILENT)
            continue;
        world_->now++;
        if (world_->fate[i] == GOOD)
            zds_race_connected (race_, i, world_->now);
        else {
            world_->running[i] = false;
            zds_race_failed (race_, i, ECONNREFUSED);
        }
        return;
    }
    world_->now = deadline_;
}

/*  The number of events.  */
static unsigned run_race (const kind_t *kind_)
{
    zds_race_config_t config;
    zds_race_step_t step;
    zds_race_t race;
    world_t world;
    unsigned events;

    memset (&world, 0, sizeof world);
    world.now = 1000;
    zds_race_config_default (&config);
    if (zds_race_init (&race, &config, world.now) != 0)
        abort ();
    do_steps (&race, &world, kind_, &step);
    zds_race_answer (&race, ZDS_LOOK_WHOLE, &answers[kind_->count == MOST]);
    do_steps (&race, &world, kind_, &step);
    for (events = 1; step.op == ZDS_RACE_WAIT; events++) {
        let_happen (&race, &world, step.deadline);
        do_steps (&race, &world, kind_, &step);
    }
    return events;
}

static void measure (const kind_t *kind_, double seconds_)
{
    const double start = processor_seconds ();
    double events = 0, races = 0, took = 0;
    unsigned i;

    while (took < seconds_) {
        for (i = 0; i < 100; i++)
            events += run_race (kind_);
        races += 100;
        took = processor_seconds () - start;
    }
    printf ("%s.events %.0f\n%s.races %.0f\n", kind_->name, events / took,
            kind_->name, races / took);
}

int main (int argc, char **argv)
{
    size_t i;

    if (argc != 2)
        return 2;
    invent_addresses (&answers[0], 1);
    invent_addresses (&answers[1], MOST);
    for (i = 0; i < sizeof kinds / sizeof *kinds; i++)
        measure (&kinds[i], atof (argv[1]) / 1000);
    printf ("race.bytes %zu\ncandidate.bytes %zu\n", sizeof (zds_race_t),
            sizeof (zds_candidate_t));
    return 0;
}
