/* SPDX-License-Identifier: MPL-2.0 */

/*  Random numbers that are the same on every machine.  They depend on a seed and the
    number of the case, so that any one of a million cases can be repeated alone.  */

#ifndef RANDOM_H_INCLUDED
#define RANDOM_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

/*  xorshift64*, seeded by splitmix64.  */
typedef struct
{
    uint64_t state;
} random_t;

static inline void seed (random_t *random_, uint64_t seed_, uint64_t number_)
{
    uint64_t z = seed_ * 0xd1342543de82ef95u + number_ * 0x9e3779b97f4a7c15u;

    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    random_->state = (z ^ (z >> 31)) | 1u;
}

/*  0 ... below_ - 1  */
static inline unsigned draw (random_t *random_, unsigned below_)
{
    random_->state ^= random_->state >> 12;
    random_->state ^= random_->state << 25;
    random_->state ^= random_->state >> 27;
    return (unsigned) ((((random_->state * 0x2545f4914f6cdd1du) >> 32) * below_)
                       >> 32);
}

static inline bool chance (random_t *random_, unsigned percent_)
{
    return draw (random_, 100) < percent_;
}

#endif
