/* SPDX-License-Identifier: MPL-2.0 */

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "zds_stranger.h"

#include <string.h>

zds_prospects_t zds_stranger_prospects (const zds_race_t *race_,
                                        zds_mode_t mode_)
{
    const int usual = zds_race_single_family (race_, mode_);
    const unsigned rest = zds_race_rest (race_, usual);
    const zds_candidate_t *winner;
    zds_prospects_t prospects;

    memset (&prospects, 0, sizeof prospects);
    if (race_->winner < 0)
        return prospects;
    winner = &race_->candidate[race_->slot[race_->winner].candidate];
    prospects.was_wrong = winner->record == ZDS_RECORD_WRONG;
    prospects.is_unusual = zds_addr_family (&winner->addr) != usual;
    prospects.has_usual = (rest & ZDS_REST_OF_FAMILY) != 0;
    prospects.has_untried = (rest & ZDS_REST_UNTRIED) != 0;
    return prospects;
}

bool zds_stranger_go_on (const zds_prospects_t *prospects_,
                         bool has_interval_,
                         unsigned *times_)
{
    if (prospects_->has_usual && has_interval_)
        return true;
    if ((!prospects_->has_usual && !prospects_->has_untried)
        || *times_ == ZDS_STRANGER_TIMES)
        return false;
    ++*times_;
    return true;
}

bool zds_stranger_is_suspect (const zds_prospects_t *prospects_)
{
    return (prospects_->is_unusual && prospects_->has_usual)
           || (prospects_->has_untried && !prospects_->was_wrong);
}
