/* SPDX-License-Identifier: MPL-2.0 */

/*  zmq-dualstack explain --try: zmq_bind or zmq_connect of the dual-stack libzmq
    itself, and what its trace says meanwhile.  */

#ifndef TRY_H_INCLUDED
#define TRY_H_INCLUDED

#include "explain.h"

enum
{
    TRY_TEXT_SIZE = 1024,
    TRY_ADDR_SIZE = 80
};

/*  A line of the trace.  */
typedef struct
{
    long time; /* us since the call */
    char text[TRY_TEXT_SIZE];
} said_t;

typedef enum
{
    FATE_RUNS,
    FATE_WON,
    FATE_FAILED,
    FATE_CANCELLED
} fate_t;

typedef struct
{
    char addr[TRY_ADDR_SIZE];
    char why[TRY_TEXT_SIZE];     /* it was started then and there */
    char end_why[TRY_TEXT_SIZE]; /* an errno, or a reason; may be empty */
    long start, end;             /* us; -1: not ended */
    long connected;              /* us; -1: TCP did not connect */
    fate_t fate;
} attempt_t;

typedef struct
{
    char addr[TRY_ADDR_SIZE];
    const char *takes;
} listening_t;

typedef struct
{
    said_t *said;
    size_t said_count;
    attempt_t *attempt;
    size_t attempt_count;
    listening_t listening[4];
    unsigned listening_count;
    bool refused; /* the call itself failed */
    long end;     /* us */
    char last_endpoint[256];
    char from[TRY_ADDR_SIZE]; /* the winner's own address, or empty */
} tried_t;

/*  Does it, and waits for the end of a connect, as long as the question allows.
    Why it did not work, or not in time, is left in '*trouble_'.  Returns 0, or an
    errno when it could not be tried at all; 'tried_' is to be freed in any case.  */
int try_it (tried_t *tried_, const question_t *question_, trouble_t *trouble_);
void try_free (tried_t *tried_);

/*  What --try adds to the answer.  */
void try_print (const tried_t *tried_, const question_t *question_);
void try_json (const tried_t *tried_,
               const question_t *question_,
               json_t *json_);

#endif
