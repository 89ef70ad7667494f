// SPDX-License-Identifier: Apache-2.0
// The texts of every thread's last call, which go with the thread.
#include "unfoldnet.h"
#include "unfoldnet_state.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct texts {
  char *message;
  char *facts;
};

static pthread_key_t key;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void release(void *pointer) {
  struct texts *texts = pointer;
  free(texts->message);
  free(texts->facts);
  free(texts);
}

static void make_key(void) { pthread_key_create(&key, release); }

static struct texts *own(void) {
  pthread_once(&once, make_key);
  struct texts *texts = pthread_getspecific(key);
  if (!texts && (texts = calloc(1, sizeof *texts))) pthread_setspecific(key, texts);
  return texts;
}

void unfoldnet_keep(const char *message, const char *facts) {
  struct texts *texts = own();
  if (!texts) return;
  free(texts->message);
  free(texts->facts);
  texts->message = strdup(message);
  texts->facts = strdup(facts);
}

const char *unf_message(void) {
  struct texts *texts = own();
  return texts && texts->message ? texts->message : "";
}

const char *unf_facts(void) {
  struct texts *texts = own();
  return texts && texts->facts ? texts->facts : "{}";
}
