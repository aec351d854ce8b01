/* SPDX-License-Identifier: MPL-2.0 */

/*  What the parts of zmq-dualstack explain share.  */

#ifndef EXPLAIN_H_INCLUDED
#define EXPLAIN_H_INCLUDED

#include "cli.h"

#include "zds_addr.h"
#include "zds_settings.h"

/*  What was asked.  */
extern struct question
{
    const char *command; /* "bind" or "connect" */
    const char *endpoint;
    const char *address; /* behind the :// */
    zds_settings_t settings;
    zds_mode_t wanted; /* AUTO unless --mode says otherwise */
    zds_mode_t mode;   /* what comes of it */
    bool binds;
    int json, really; /* as options are: 0 or 1 */
    unsigned limit;   /* ms, for all of it */
} question;

/*  Why it would fail.  */
extern struct trouble
{
    int error; /* errno; 0: it would not */
    char why[400];
} trouble;

/*  Sets 'trouble', with a text as printf makes it; returns 'error_'.  */
int trouble_set (int error_, const char *why_, ...) CLI_PRINTF (2, 3);

/*  Takes HOST:PORT apart and finds its zone; errors go into 'trouble'.  Returns 0 or
    an errno.  */
int explain_parse (zds_endpoint_t *endpoint_,
                   const char *text_,
                   zds_port_rule_t port_rule_);

/*  The parts that every answer begins with, and that it ends with in JSON, or in text
    if there is trouble.  */
void explain_head (void);
void explain_trouble (void);

/*  Microseconds since 1970, and a number of microseconds as "0.3 ms", "250 ms".  */
long explain_now (void);
const char *explain_time (long us_, char text_[32]);

/*  Each prints its answer, and leaves in 'trouble' why the call would not work.  */
void explain_bind (void);
void explain_connect (void);

/*  Calls zmq_bind or zmq_connect of the dual-stack libzmq, and reads its trace, for a
    connect until that ends or the question's time limit is over.  Returns whether the
    call itself was refused.  */
bool try_it (void);
void try_show (void);

#endif
