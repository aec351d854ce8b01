/* SPDX-License-Identifier: MPL-2.0 */

/*  Whatever a peer sends first: the verdict does not depend on how the bytes are cut
    into pieces, is final once it is there, and agrees with what libzmq's engine
    would make of them.  */

#include "fuzz.h"

#include "zds_race.h"

/*  The test in zmtp_engine_t::receive_greeting: whether it goes on as ZMTP 2.0 or
    later.  */
static bool is_versioned (const uint8_t *data_, size_t size_)
{
    return size_ >= 10 && data_[0] == 0xff && (data_[9] & 1) != 0;
}

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size)
{
    zds_greeting_t verdict = ZDS_GREETING_MORE;
    size_t n;

    for (n = 0; n <= size && n <= 64; n++) {
        const zds_greeting_t now = zds_greeting_judge (data, n);
        MUST (verdict == ZDS_GREETING_MORE || now == verdict, "not final");
        MUST (now != ZDS_GREETING_MORE || n < ZDS_SIGNATURE_SIZE,
              "no verdict on a whole signature");
        MUST (now != ZDS_GREETING_SIGNED || is_versioned (data, n),
              "signed, and libzmq takes it for ZMTP 1.0");
        MUST (now != ZDS_GREETING_FOREIGN || !is_versioned (data, n),
              "foreign, and libzmq takes it for a greeting");
        verdict = now;
    }
    return 0;
}
