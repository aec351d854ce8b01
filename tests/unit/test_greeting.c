/* SPDX-License-Identifier: MPL-2.0 */

/*  What peers of every kind say first.  */

#include "text.h"
#include "zds_race.h"

typedef struct
{
    const char *name;
    const char *bytes;
    size_t size;
    size_t decided; /* after so many bytes; 0: never */
    zds_greeting_t greeting;
} row_t;

#define BYTES(text) text, sizeof text - 1

static const row_t rows[] = {
  {"zmtp 3.1", BYTES ("\xff\0\0\0\0\0\0\0\1\x7f\3\1NULL\0"), 10,
   ZDS_GREETING_SIGNED},
  {"zmtp 3.0", BYTES ("\xff\0\0\0\0\0\0\0\0\x7f\3\0CURVE"), 10,
   ZDS_GREETING_SIGNED},
  {"zmtp 2.0", BYTES ("\xff\0\0\0\0\0\0\0\6\x7f\1\5\0\5where"), 10,
   ZDS_GREETING_SIGNED},
  {"padding that is not 0",
   BYTES ("\xff"
          "12345678\x7f"),
   10, ZDS_GREETING_SIGNED},
  {"nine bytes of a signature", BYTES ("\xff\0\0\0\0\0\0\0\1"), 0,
   ZDS_GREETING_MORE},
  {"zmtp 1.0, no identity", BYTES ("\1\0"), 2, ZDS_GREETING_UNSIGNED},
  {"zmtp 1.0, identity", BYTES ("\6\0where"), 2, ZDS_GREETING_UNSIGNED},
  {"zmtp 1.0, one byte", BYTES ("\6"), 0, ZDS_GREETING_MORE},
  {"zmtp 1.0, long identity", BYTES ("\xff\0\0\0\0\0\0\1\1\0xx"), 10,
   ZDS_GREETING_UNSIGNED},
  {"an odd tenth byte", BYTES ("\xff\0\0\0\0\0\0\0\1\1"), 10,
   ZDS_GREETING_UNSIGNED},
  {"telnet", BYTES ("\xff\xfd\x18\xff\xfd\x20\xff\xfd\x23\xff\xfb\3"), 10,
   ZDS_GREETING_UNSIGNED},
  {"mysql", BYTES ("\x4a\0\0\0\n8.0.36"), 2, ZDS_GREETING_UNSIGNED},
  {"http", BYTES ("HTTP/1.1 400 Bad Request\r\n"), 2, ZDS_GREETING_FOREIGN},
  {"ssh", BYTES ("SSH-2.0-OpenSSH_9.2\r\n"), 2, ZDS_GREETING_FOREIGN},
  {"smtp", BYTES ("220 mail.example ESMTP\r\n"), 2, ZDS_GREETING_FOREIGN},
  {"tls alert", BYTES ("\x15\3\1\0\2\2\x46"), 2, ZDS_GREETING_FOREIGN},
  {"http/2 settings", BYTES ("\0\0\6\4\0\0\0\0\0"), 1, ZDS_GREETING_FOREIGN},
  {"nothing", BYTES (""), 0, ZDS_GREETING_MORE},
};

/*  A verdict comes with the first byte that allows it, and stays.  */
static void test_c16_first_bytes (void **state_)
{
    size_t i, n;
    (void) state_;

    for (i = 0; i < COUNT (rows); i++)
        for (n = 0; n <= rows[i].size; n++) {
            const zds_greeting_t expected =
              rows[i].decided > 0 && n >= rows[i].decided ? rows[i].greeting
                                                          : ZDS_GREETING_MORE;
            /*  A block of just that length, so that a sanitizer sees it if more is
                read.  */
            uint8_t *const bytes = malloc (n + 1);
            assert_non_null (bytes);
            memcpy (bytes, rows[i].bytes, n);
            if (zds_greeting_judge (bytes, n) != expected)
                fail_msg ("%s, %zu bytes", rows[i].name, n);
            free (bytes);
        }
}

static void test_c16_our_signature (void **state_)
{
    uint8_t signature[ZDS_SIGNATURE_SIZE];
    (void) state_;

    zds_greeting_sign (signature, 0);
    assert_memory_equal (signature, "\xff\0\0\0\0\0\0\0\1\x7f", 10);
    zds_greeting_sign (signature, 255);
    assert_memory_equal (signature, "\xff\0\0\0\0\0\0\1\0\x7f", 10);
    assert_int_equal (zds_greeting_judge (signature, sizeof signature),
                      ZDS_GREETING_SIGNED);
}

int main (void)
{
    const struct CMUnitTest tests[] = {
      cmocka_unit_test (test_c16_first_bytes),
      cmocka_unit_test (test_c16_our_signature),
    };
    return cmocka_run_group_tests_name ("greeting", tests, NULL, NULL);
}
