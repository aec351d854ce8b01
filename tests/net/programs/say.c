/* SPDX-License-Identifier: MPL-2.0 */
/* say STATUS [ARG...]: prints its arguments, one line each, and ends with STATUS, or
   by signal -STATUS if STATUS is negative. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

int main (int argc, char **argv)
{
    int status = argc > 1 ? atoi (argv[1]) : 99;
    for (int i = 0; i < argc; i++)
        printf ("[%s]\n", argv[i]);
    fflush (stdout);
    if (status < 0)
        raise (-status);
    return status;
}
