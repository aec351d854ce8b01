/* SPDX-License-Identifier: MPL-2.0 */

/*  A main program for a fuzz target where there is no libFuzzer.

    PROGRAM FILE...      runs the target on the files
    PROGRAM [N [SEED]]   runs it on N random inputs, 200000 unless said otherwise  */

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum
{
    MAX_SIZE = 600
};

int LLVMFuzzerTestOneInput (const uint8_t *data, size_t size);

static int run_file (const char *name_)
{
    /*  Of the exact size, so that a sanitizer sees a read beyond it.  */
    uint8_t *data;
    FILE *const file = fopen (name_, "rb");
    long size;

    if (file == NULL || fseek (file, 0, SEEK_END) != 0
        || (size = ftell (file)) < 0) {
        fprintf (stderr, "%s: %s\n", name_, strerror (errno));
        if (file != NULL)
            fclose (file);
        return 1;
    }
    rewind (file);
    data = malloc (size > 0 ? (size_t) size : 1u);
    if (data == NULL || fread (data, 1, (size_t) size, file) != (size_t) size) {
        fprintf (stderr, "%s: cannot be read\n", name_);
        free (data);
        fclose (file);
        return 1;
    }
    fclose (file);
    LLVMFuzzerTestOneInput (data, (size_t) size);
    free (data);
    return 0;
}

static uint64_t next_random (uint64_t *state_)
{
    *state_ ^= *state_ << 13;
    *state_ ^= *state_ >> 7;
    *state_ ^= *state_ << 17;
    return *state_;
}

/*  The input on which the target stops, for PROGRAM FILE.  */
static void keep (const uint8_t *data_, size_t size_)
{
    const char *const name = getenv ("FUZZ_KEEP");
    FILE *file;

    if (name == NULL)
        return;
    file = fopen (name, "wb");
    if (file == NULL)
        return;
    fwrite (data_, 1, size_, file);
    fclose (file);
}

static void run_random (unsigned long count_, uint64_t seed_)
{
    uint64_t state = seed_ * 0x9e3779b97f4a7c15u | 1u;
    unsigned long i;

    for (i = 0; i < count_; i++) {
        const size_t size = next_random (&state) % MAX_SIZE;
        uint8_t *const data = malloc (size > 0 ? size : 1u);
        size_t n;

        if (data == NULL)
            abort ();
        for (n = 0; n < size; n++)
            data[n] = (uint8_t) (next_random (&state) >> 32);
        keep (data, size);
        LLVMFuzzerTestOneInput (data, size);
        free (data);
    }
    printf ("%lu inputs, seed %llu\n", count_, (unsigned long long) seed_);
}

/*  Whether the argument is a number from its first to its last character.  */
static int is_number (const char *text_)
{
    return *text_ != '\0' && text_[strspn (text_, "0123456789")] == '\0';
}

int main (int argc, char **argv)
{
    unsigned long count = 200000;
    uint64_t seed = 8305;
    int i, failed = 0;

    if (argc > 1 && !is_number (argv[1])) {
        for (i = 1; i < argc; i++)
            failed |= run_file (argv[i]);
        return failed;
    }
    if (argc > 1)
        count = strtoul (argv[1], NULL, 10);
    if (argc > 2)
        seed = strtoull (argv[2], NULL, 10);
    run_random (count, seed);
    return 0;
}
