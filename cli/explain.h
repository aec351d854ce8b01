/* SPDX-License-Identifier: MPL-2.0 */

/*  What the two halves of zmq-dualstack explain share.  */

#ifndef EXPLAIN_H_INCLUDED
#define EXPLAIN_H_INCLUDED

#include "cli.h"
#include "json.h"
#include "zds_endpoint.h"
#include "zds_settings.h"
#include "zds_trace.h"

/*  What was asked.  */
typedef struct
{
    const char *command; /* "bind" or "connect" */
    const char *endpoint;
    const char *address; /* behind the :// */
    zds_settings_t settings;
    zds_mode_t wanted; /* AUTO unless --mode says otherwise */
    zds_mode_t mode;   /* what comes of it */
    bool json, really;
    unsigned limit;           /* ms, for all of it */
    unsigned connect_timeout; /* ms, of one attempt; 0: none */
} question_t;

/*  Why it would fail.  */
typedef struct
{
    int error; /* errno; 0: it would not */
    char why[400];
} trouble_t;

/*  Sets the trouble, as printf does; returns 'error_'.  */
int trouble_set (trouble_t *trouble_, int error_, const char *why_, ...)
#if defined __GNUC__
  __attribute__ ((format (printf, 3, 4)))
#endif
  ;

/*  Takes HOST:PORT apart and finds its zone; what is wrong with it is put in
    words.  Returns 0 or an errno.  */
int explain_parse (zds_endpoint_t *endpoint_,
                   uint32_t *zone_index_,
                   const char *text_,
                   zds_port_rule_t port_rule_,
                   trouble_t *trouble_);

/*  "IPv6", "IPv4".  */
const char *family_name (int family_);

/*  "bind tcp://...".  */
void explain_print_head (const question_t *question_);

/*  "ENODEV (No such device): WHY" under the first line.  */
void explain_print_trouble (const trouble_t *trouble_);

/*  The members that every answer begins with, and the one it ends with.  */
void explain_json_head (json_t *json_, const question_t *question_);
void explain_json_trouble (json_t *json_, const trouble_t *trouble_);

/*  Each returns the exit status.  */
int explain_bind (const question_t *question_);
int explain_connect (const question_t *question_);

#endif
