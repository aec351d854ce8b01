/* SPDX-License-Identifier: MPL-2.0 */

/*  simulate [NETWORKS [SEED]]: how long it takes to connect on random networks, in
    virtual time, with the race engine and with simpler clients.

    Prints JSON: the model of the networks, the distribution of the time to connect
    for each kind of client, and the results with other delays than RFC 8305's.  The
    same seed gives the same networks, and all clients meet the same ones.  */

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "zds_history.h"
#include "zds_race.h"

/*  The model.  The numbers are chosen, not measured, so that each way of failing
    happens often enough to show in the curves.  */

enum
{
    MAX_ADDRESSES = 3,       /* of one family */
    DNS_RETRY = 5000,        /* a resolver asks again after that */
    KERNEL_TIMEOUT = 127000, /* of connect (2), Linux: six SYNs more */
    SLOW_FACTOR = 8,         /* a slow path: so many times the RTT */
    RACE_START = 1000,       /* any moment */
    RECONNECT_AFTER = 60000, /* within the memory's span */
    CDF_POINTS = 120
};

static const double rtt_median = 30, rtt_sigma = 0.8; /* ms, of IPv4 */
static const double rtt_ratio_sigma = 0.15;           /* IPv6 to IPv4 */
static const double dns_median = 12, dns_sigma = 1.0; /* ms, each answer */
static const double syn_loss = 0.01;
static const double dns_loss[ZDS_FAMILIES] = {0.02, 0.005};

typedef enum
{
    PATH_WORKS,
    PATH_SLOW,
    PATH_SILENT,
    PATH_REFUSED,     /* after one RTT */
    PATH_UNREACHABLE, /* an error at once: no route */
    PATHS
} path_t;

static const char *const path_name[PATHS] = {"works", "slow", "silent",
                                             "refused", "no route"};
/*  Parts of 1000: IPv6, IPv4.  */
static const unsigned path_share[ZDS_FAMILIES][PATHS] = {{850, 40, 50, 30, 30},
                                                         {955, 15, 10, 10, 10}};
/*  The share of a host's addresses that are silent, on a path that works.  */
static const unsigned dead_address = 30;
/*  Parts of 1000: with one, two, three addresses of a family.  */
static const unsigned address_share[MAX_ADDRESSES] = {600, 300, 100};
/*  Parts of 1000: names with addresses of one family only.  */
static const unsigned only_share[ZDS_FAMILIES] = {50, 50};

typedef struct
{
    path_t path;
    double rtt;
    bool dead[MAX_ADDRESSES];
    unsigned count;
} family_path_t;

/*  What a client meets in one connect; times in ms.  */
typedef struct
{
    unsigned count[ZDS_FAMILIES];
    uint64_t answer[ZDS_FAMILIES];
    struct
    {
        bool connects;
        int error; /* 0: silent, if it does not connect */
        uint64_t after;
    } addr[ZDS_FAMILIES][MAX_ADDRESSES];
} network_t;

typedef struct
{
    uint64_t time; /* ZDS_NEVER */
    int family;    /* index */
    unsigned needless;
} outcome_t;

static zds_addr_t known_addr[ZDS_FAMILIES][MAX_ADDRESSES];

static const int family_at[ZDS_FAMILIES] = {AF_INET6, AF_INET};

static void invent_addresses (void)
{
    unsigned f, i;

    for (f = 0; f < ZDS_FAMILIES; f++)
        for (i = 0; i < MAX_ADDRESSES; i++) {
            zds_addr_t *const addr = &known_addr[f][i];
            memset (addr, 0, sizeof *addr);
            addr->sa.sa_family = (sa_family_t) family_at[f];
            if (f == 0) {
                addr->v6.sin6_addr.s6_addr[0] = 0x20;
                addr->v6.sin6_addr.s6_addr[15] = (uint8_t) (i + 1);
            } else
                addr->v4.sin_addr.s_addr = htonl (0xc0000201u + i);
        }
}

static unsigned index_of (const zds_addr_t *addr_)
{
    if (addr_->sa.sa_family == AF_INET6)
        return addr_->v6.sin6_addr.s6_addr[15] - 1u;
    return (ntohl (addr_->v4.sin_addr.s_addr) & 255) - 1u;
}

/*  Between 0 and 1, neither of them.  */
static double draw_unit (random_t *random_)
{
    return (draw (random_, 1u << 30) + 0.5) / (double) (1u << 30);
}

static double draw_lognormal (random_t *random_, double median_, double sigma_)
{
    const double radius = sqrt (-2 * log (draw_unit (random_)));
    const double normal = radius * cos (2 * acos (-1) * draw_unit (random_));

    return median_ * exp (sigma_ * normal);
}

/*  An index of 'share_', whose numbers are parts of 1000.  */
static unsigned
draw_share (random_t *random_, const unsigned *share_, unsigned count_)
{
    unsigned lot = draw (random_, 1000), i;

    for (i = 0; i + 1 < count_ && lot >= share_[i]; i++)
        lot -= share_[i];
    return i;
}

/*  Draws what lasts: the paths, the host's addresses.  */
static void draw_paths (random_t *random_, family_path_t *path_)
{
    const double rtt = draw_lognormal (random_, rtt_median, rtt_sigma);
    const unsigned lot = draw (random_, 1000);
    unsigned f, i;

    for (f = 0; f < ZDS_FAMILIES; f++) {
        family_path_t *const p = &path_[f];
        p->path = (path_t) draw_share (random_, path_share[f], PATHS);
        p->rtt =
          f == 0 ? rtt * draw_lognormal (random_, 1, rtt_ratio_sigma) : rtt;
        if (p->path == PATH_SLOW)
            p->rtt *= SLOW_FACTOR;
        p->count = 1 + draw_share (random_, address_share, MAX_ADDRESSES);
        for (i = 0; i < MAX_ADDRESSES; i++)
            p->dead[i] = draw (random_, 1000) < dead_address;
    }
    if (lot < only_share[0])
        path_[1].count = 0;
    else if (lot < only_share[0] + only_share[1])
        path_[0].count = 0;
}

static uint64_t draw_answer (random_t *random_, unsigned family_)
{
    double time = draw_lognormal (random_, dns_median, dns_sigma);

    if (draw_unit (random_) < dns_loss[family_])
        time += DNS_RETRY;
    return (uint64_t) (time + 0.5);
}

/*  A handshake takes one RTT; each lost SYN adds a second, then two, four ...  */
static uint64_t draw_handshake (random_t *random_, double rtt_)
{
    double time = rtt_, wait = 1000;

    while (draw_unit (random_) < syn_loss && wait < 64000) {
        time += wait;
        wait *= 2;
    }
    return (uint64_t) (time + 0.5);
}

/*  Draws what does not last: losses, the resolver's times.  */
static void draw_network (random_t *random_,
                          const family_path_t *path_,
                          network_t *network_)
{
    unsigned f, i;

    memset (network_, 0, sizeof *network_);
    for (f = 0; f < ZDS_FAMILIES; f++) {
        const family_path_t *const p = &path_[f];
        network_->count[f] = p->count;
        network_->answer[f] = draw_answer (random_, f);
        for (i = 0; i < MAX_ADDRESSES; i++) {
            const uint64_t handshake = draw_handshake (random_, p->rtt);
            network_->addr[f][i].connects = p->path <= PATH_SLOW && !p->dead[i];
            network_->addr[f][i].after =
              p->path == PATH_UNREACHABLE ? 0 : handshake;
            if (p->path == PATH_REFUSED)
                network_->addr[f][i].error = ECONNREFUSED;
            else if (p->path == PATH_UNREACHABLE)
                network_->addr[f][i].error = ENETUNREACH;
        }
    }
}

static bool is_reachable (const network_t *network_)
{
    unsigned f, i;

    for (f = 0; f < ZDS_FAMILIES; f++)
        for (i = 0; i < network_->count[f]; i++)
            if (network_->addr[f][i].connects)
                return true;
    return false;
}

/*  The engine.  */

typedef struct
{
    const network_t *network;
    zds_history_t *memory;
    zds_race_t race;
    uint64_t answer[ZDS_LOOKS]; /* when it comes; ZDS_NEVER: none is asked */
    uint64_t begun, now;
    struct
    {
        bool open, connects;
        int error;
        uint64_t ends;
    } attempt[ZDS_RACE_MAX_RUNNING];
    outcome_t outcome;
} run_t;

/*  Whether an attempt is under way that will connect.  */
static bool has_good_attempt (const run_t *run_)
{
    unsigned i;

    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        if (run_->attempt[i].open && run_->attempt[i].connects
            && run_->attempt[i].ends < run_->now + ZDS_RACE_PATIENCE)
            return true;
    return false;
}

static void start_attempt (run_t *run_, const zds_race_step_t *step_)
{
    const unsigned f = step_->addr.sa.sa_family == AF_INET6 ? 0 : 1;
    const unsigned i = index_of (&step_->addr);

    if (has_good_attempt (run_))
        run_->outcome.needless++;
    run_->attempt[step_->attempt].open = true;
    run_->attempt[step_->attempt].connects = run_->network->addr[f][i].connects;
    run_->attempt[step_->attempt].error = run_->network->addr[f][i].error;
    run_->attempt[step_->attempt].ends =
      run_->attempt[step_->attempt].connects
          || run_->attempt[step_->attempt].error != 0
        ? run_->now + run_->network->addr[f][i].after
        : ZDS_NEVER;
}

static void end_attempt (run_t *run_, unsigned attempt_)
{
    if (run_->attempt[attempt_].connects)
        zds_race_connected (&run_->race, attempt_, run_->now);
    else {
        run_->attempt[attempt_].open = false;
        zds_race_failed (&run_->race, attempt_, run_->attempt[attempt_].error);
    }
}

/*  The whole answer comes when the answers for both families have come.  */
static void make_look_ups (run_t *run_, unsigned looks_)
{
    const uint64_t *const took = run_->network->answer;
    const uint64_t time[ZDS_LOOKS] = {took[0] > took[1] ? took[0] : took[1],
                                      took[0], took[1]};
    unsigned i;

    for (i = 0; i < ZDS_LOOKS; i++)
        if ((looks_ & ZDS_LOOK_BIT (i)) != 0)
            run_->answer[i] = run_->now + time[i];
    if ((looks_ & ZDS_LOOK_BIT (ZDS_LOOK_WHOLE)) != 0)
        zds_ask_runs (&run_->race.ask, run_->now);
}

static void give_answer (run_t *run_, unsigned look_)
{
    static zds_answer_t answer;
    unsigned f, i;

    run_->answer[look_] = ZDS_NEVER;
    answer.count = 0;
    answer.host = 1;
    for (f = 0; f < ZDS_FAMILIES; f++)
        for (i = 0; i < run_->network->count[f]; i++)
            if (look_ == ZDS_LOOK_WHOLE || look_ == f + 1)
                answer.addr[answer.count++] = known_addr[f][i];
    zds_race_answer (&run_->race, (zds_look_t) look_, &answer);
    if (run_->memory != NULL)
        zds_history_recall (run_->memory, "host:1|", &run_->race, run_->now);
}

/*  False when the race is over.  RETRY is ignored, because what failed would fail
    again.  */
static bool do_steps (run_t *run_, uint64_t *deadline_)
{
    for (;;) {
        const zds_race_step_t step = zds_race_next (&run_->race, run_->now);

        switch (step.op) {
            case ZDS_RACE_ASK:
                make_look_ups (run_, step.looks);
                break;
            case ZDS_RACE_START:
                start_attempt (run_, &step);
                break;
            case ZDS_RACE_CANCEL:
                run_->attempt[step.attempt].open = false;
                break;
            case ZDS_RACE_RETRY:
                break;
            case ZDS_RACE_WAIT:
                *deadline_ = step.deadline;
                return true;
            case ZDS_RACE_WON:
                run_->outcome.time = run_->now - run_->begun;
                run_->outcome.family =
                  step.addr.sa.sa_family == AF_INET6 ? 0 : 1;
                return false;
            case ZDS_RACE_FAILED:
                return false;
        }
    }
}

/*  Goes on to the next event.  False when there is none.  */
static bool let_happen (run_t *run_, uint64_t deadline_)
{
    uint64_t next = deadline_;
    unsigned i;

    for (i = 0; i < ZDS_LOOKS; i++)
        if (run_->answer[i] < next)
            next = run_->answer[i];
    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        if (run_->attempt[i].open && run_->attempt[i].ends < next)
            next = run_->attempt[i].ends;
    /*  After that, the race only asks for the same name again.  */
    if (next == ZDS_NEVER || next > run_->begun + KERNEL_TIMEOUT)
        return false;
    run_->now = next;
    for (i = 0; i < ZDS_LOOKS; i++)
        if (run_->answer[i] == next) {
            give_answer (run_, i);
            return true;
        }
    for (i = 0; i < ZDS_RACE_MAX_RUNNING; i++)
        if (run_->attempt[i].open && run_->attempt[i].ends == next) {
            end_attempt (run_, i);
            return true;
        }
    return true;
}

static outcome_t race (const network_t *network_,
                       const zds_race_config_t *config_,
                       zds_history_t *memory_,
                       uint64_t now_)
{
    static run_t run;
    zds_race_config_t config = *config_;
    uint64_t deadline;
    unsigned i;

    memset (&run, 0, sizeof run);
    run.network = network_;
    run.memory = memory_;
    run.begun = run.now = now_;
    run.outcome.time = ZDS_NEVER;
    for (i = 0; i < ZDS_LOOKS; i++)
        run.answer[i] = ZDS_NEVER;
    if (memory_ != NULL)
        zds_history_prepare (memory_, "host:1|", &config, now_);
    if (zds_race_init (&run.race, &config, now_) != 0)
        abort ();
    while (do_steps (&run, &deadline) && let_happen (&run, deadline))
        ;
    if (memory_ != NULL && run.outcome.time != ZDS_NEVER)
        zds_history_learn (memory_, "host:1|", &run.race, run.now);
    return run.outcome;
}

/*  Simpler clients.  */

/*  Stock libzmq: one family, of which it tries the resolver's first address for
    ever.  With ZMQ_IPV6 it asks for A when there is no AAAA.  */
static uint64_t one_family (const network_t *network_, unsigned family_)
{
    uint64_t time = network_->answer[family_];

    if (network_->count[family_] == 0 && family_ == 0) {
        family_ = 1;
        time += network_->answer[family_];
    }
    if (network_->count[family_] == 0 || !network_->addr[family_][0].connects)
        return ZDS_NEVER;
    return time + network_->addr[family_][0].after;
}

/*  A loop around getaddrinfo and connect: both answers, then one address after the
    other, IPv6 first, each until the system gives up.  */
static uint64_t sequential (const network_t *network_)
{
    uint64_t time = network_->answer[0] > network_->answer[1]
                      ? network_->answer[0]
                      : network_->answer[1];
    unsigned f, i;

    for (f = 0; f < ZDS_FAMILIES; f++)
        for (i = 0; i < network_->count[f]; i++) {
            if (network_->addr[f][i].connects || network_->addr[f][i].error)
                time += network_->addr[f][i].after;
            else
                time += KERNEL_TIMEOUT;
            if (network_->addr[f][i].connects)
                return time;
        }
    return ZDS_NEVER;
}

/*  Distributions.  */

typedef struct
{
    uint64_t *time;
    size_t count;
    uint64_t needless, over_ipv4;
} sample_t;

static void make_sample (sample_t *sample_, size_t count_)
{
    memset (sample_, 0, sizeof *sample_);
    sample_->time = malloc (count_ * sizeof *sample_->time);
    if (sample_->time == NULL) {
        perror ("simulate");
        exit (1);
    }
}

static int compare_times (const void *one_, const void *other_)
{
    const uint64_t one = *(const uint64_t *) one_;
    const uint64_t other = *(const uint64_t *) other_;

    return (one > other) - (one < other);
}

static void sort_sample (sample_t *sample_)
{
    qsort (sample_->time, sample_->count, sizeof *sample_->time, compare_times);
}

static void print_time (uint64_t time_)
{
    if (time_ == ZDS_NEVER)
        printf ("null");
    else
        printf ("%llu", (unsigned long long) time_);
}

static void print_quantiles (const sample_t *sample_)
{
    static const double quantile[] = {0.1, 0.25, 0.5,  0.75,
                                      0.9, 0.95, 0.99, 0.999};
    size_t i;

    printf ("\"quantiles\": {");
    for (i = 0; i < sizeof quantile / sizeof *quantile; i++) {
        printf ("%s\"%g\": ", i == 0 ? "" : ", ", quantile[i] * 100);
        print_time (
          sample_->time[(size_t) (quantile[i] * (double) sample_->count)]);
    }
    printf ("}");
}

/*  The share of connects that were done after a number of ms.  */
static void print_cdf (const sample_t *sample_)
{
    size_t done = 0, i;

    printf ("\"cdf\": [");
    for (i = 0; i <= CDF_POINTS; i++) {
        const double time = pow (10, 5.6 * (double) i / CDF_POINTS);
        while (done < sample_->count && sample_->time[done] != ZDS_NEVER
               && (double) sample_->time[done] <= time)
            done++;
        printf ("%s[%.4g, %.6f]", i == 0 ? "" : ", ", time,
                (double) done / (double) sample_->count);
    }
    printf ("]");
}

static double percent_never (const sample_t *sample_)
{
    size_t never = 0, i;

    for (i = 0; i < sample_->count; i++)
        never += sample_->time[i] == ZDS_NEVER;
    return 100.0 * (double) never / (double) sample_->count;
}

static double percent (uint64_t part_, const sample_t *sample_)
{
    return 100.0 * (double) part_ / (double) sample_->count;
}

static void take (sample_t *sample_, const outcome_t *outcome_)
{
    sample_->time[sample_->count++] = outcome_->time;
    sample_->needless += outcome_->needless;
    sample_->over_ipv4 += outcome_->time != ZDS_NEVER && outcome_->family == 1;
}

static void take_time (sample_t *sample_, uint64_t time_)
{
    sample_->time[sample_->count++] = time_;
}

/*  The clients.  */

enum
{
    FIRST, /* the engine, the first connect of a context */
    LATER, /* the engine with the memory of it */
    SEQUENTIAL,
    STOCK4,
    STOCK6,
    CLIENTS
};

static const char *const client_name[CLIENTS] = {
  "ours, first connect", "ours, reconnect", "one after the other",
  "stock, IPv4 only", "stock, ZMQ_IPV6=1"};

/*  The two connects of one network; false if it has no address that works.  */
static bool draw_case (uint64_t seed_, size_t number_, network_t *network_)
{
    family_path_t path[ZDS_FAMILIES];
    random_t random;

    seed (&random, seed_, number_);
    draw_paths (&random, path);
    draw_network (&random, path, &network_[0]);
    draw_network (&random, path, &network_[1]);
    return is_reachable (&network_[0]);
}

static void compare_clients (size_t networks_, uint64_t seed_)
{
    static zds_history_t memory;
    zds_race_config_t config;
    sample_t sample[CLIENTS];
    network_t network[2];
    outcome_t outcome;
    size_t i, dead = 0;

    for (i = 0; i < CLIENTS; i++)
        make_sample (&sample[i], networks_);
    zds_race_config_default (&config);
    for (i = 0; i < networks_; i++) {
        if (!draw_case (seed_, i, network)) {
            dead++;
            continue;
        }
        memset (&memory, 0, sizeof memory);
        outcome = race (&network[0], &config, &memory, RACE_START);
        take (&sample[FIRST], &outcome);
        outcome =
          race (&network[1], &config, &memory, RACE_START + RECONNECT_AFTER);
        take (&sample[LATER], &outcome);
        take_time (&sample[SEQUENTIAL], sequential (&network[0]));
        take_time (&sample[STOCK4], one_family (&network[0], 1));
        take_time (&sample[STOCK6], one_family (&network[0], 0));
    }
    printf ("\"networks\": %zu, \"unreachable\": %zu,\n\"clients\": {",
            networks_, dead);
    for (i = 0; i < CLIENTS; i++) {
        sort_sample (&sample[i]);
        printf ("%s\n\"%s\": {", i == 0 ? "" : ",", client_name[i]);
        print_quantiles (&sample[i]);
        printf (", \"never_percent\": %.4f,\n", percent_never (&sample[i]));
        print_cdf (&sample[i]);
        printf ("}");
        free (sample[i].time);
    }
    printf ("}");
}

/*  Other delays than the default ones, first connects only.  */
static void sweep (const char *name_,
                   const unsigned *values_,
                   size_t count_,
                   size_t networks_,
                   uint64_t seed_)
{
    zds_race_config_t config;
    network_t network[2];
    size_t i, n;

    printf ("\"%s\": [", name_);
    for (i = 0; i < count_; i++) {
        sample_t sample;
        make_sample (&sample, networks_);
        zds_race_config_default (&config);
        if (strcmp (name_, "attempt_delay") == 0)
            config.attempt_delay = values_[i];
        else
            config.resolution_delay = values_[i];
        for (n = 0; n < networks_; n++)
            if (draw_case (seed_, n, network)) {
                const outcome_t outcome =
                  race (&network[0], &config, NULL, RACE_START);
                take (&sample, &outcome);
            }
        sort_sample (&sample);
        printf ("%s\n{\"ms\": %u, ", i == 0 ? "" : ",", values_[i]);
        print_quantiles (&sample);
        printf (", \"needless_per_100\": %.3f, \"over_ipv4_percent\": %.3f}",
                percent (sample.needless, &sample),
                percent (sample.over_ipv4, &sample));
        free (sample.time);
    }
    printf ("]");
}

static void print_model (void)
{
    unsigned f, p;

    printf ("\"model\": {\"rtt_median\": %g, \"rtt_sigma\": %g, "
            "\"rtt_ratio_sigma\": %g, \"dns_median\": %g, \"dns_sigma\": %g, "
            "\"slow_factor\": %d, \"syn_loss\": %g, \"dns_loss\": [%g, %g], "
            "\"dns_retry\": %d, \"kernel_timeout\": %d, "
            "\"reconnect_after\": %d,\n",
            rtt_median, rtt_sigma, rtt_ratio_sigma, dns_median, dns_sigma,
            SLOW_FACTOR, syn_loss, dns_loss[0], dns_loss[1], DNS_RETRY,
            KERNEL_TIMEOUT, RECONNECT_AFTER);
    printf ("\"dead_address\": %u, \"addresses\": [%u, %u, %u], "
            "\"one_family\": [%u, %u],\n\"paths\": {",
            dead_address, address_share[0], address_share[1], address_share[2],
            only_share[0], only_share[1]);
    for (p = 0; p < PATHS; p++) {
        printf ("%s\"%s\": [", p == 0 ? "" : ", ", path_name[p]);
        for (f = 0; f < ZDS_FAMILIES; f++)
            printf ("%s%u", f == 0 ? "" : ", ", path_share[f][p]);
        printf ("]");
    }
    printf ("}},\n");
}

int main (int argc, char **argv)
{
    static const unsigned attempt_delays[] = {50,  100, 150, 200, 250,
                                              300, 400, 500, 750, 1000};
    static const unsigned resolution_delays[] = {0, 10, 25, 50, 100, 200, 400};
    const size_t networks = argc > 1 ? strtoul (argv[1], NULL, 0) : 1000000;
    const uint64_t first_seed = argc > 2 ? strtoull (argv[2], NULL, 0) : 8305;
    const size_t fewer = networks / 5;

    if (argc > 3 || fewer == 0) {
        fprintf (stderr, "usage: simulate [NETWORKS [SEED]]\n");
        return 2;
    }
    invent_addresses ();
    printf ("{\"seed\": %llu,\n", (unsigned long long) first_seed);
    print_model ();
    compare_clients (networks, first_seed);
    printf (",\n\"sweep_networks\": %zu,\n", fewer);
    sweep ("attempt_delay", attempt_delays,
           sizeof attempt_delays / sizeof *attempt_delays, fewer, first_seed);
    printf (",\n");
    sweep ("resolution_delay", resolution_delays,
           sizeof resolution_delays / sizeof *resolution_delays, fewer,
           first_seed);
    printf ("}\n");
    return 0;
}
