/** The part of the catalogue (refusal.ts) that is about pools and claims. */
export const poolRefusals = {
  'pool-not-found': {
    http: 404,
    grpc: 'NOT_FOUND',
    retry: 'never',
    user: 'There is no pool of this name; `shoal pool ls` lists them.',
    operator: 'A caller named a pool that does not exist or is gone.',
  },
  'pool-exists': {
    http: 409,
    grpc: 'ALREADY_EXISTS',
    retry: 'never',
    user: 'A pool of this name exists; change it with PUT, or choose another name.',
    operator: 'A create met a pool of the same name. Nothing was changed.',
  },
  'pool-deleting': {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: 'later',
    user: 'The pool of this name is being deleted; it goes with its last claim.',
    operator: 'An ask met a pool that is deleted and whose slots are still draining or claimed.',
  },
  'pool-empty': {
    http: 503,
    grpc: 'UNAVAILABLE',
    retry: 'later',
    user: 'No slot of this pool is ready at the moment; try again shortly.',
    operator:
      'Callers claim faster than slots warm, or slots do not become ready: see `shoal pool describe`.',
  },
  'wait-too-long': {
    http: 422,
    grpc: 'INVALID_ARGUMENT',
    retry: 'never',
    user: 'Nobody may wait for so long; ask for at most 10m, and again when that is over.',
    operator:
      'A caller wanted to wait for a slot for longer than ten minutes. Nothing was changed.',
  },
  'wait-over': {
    http: 503,
    grpc: 'UNAVAILABLE',
    retry: 'later',
    user: 'The wait is over before it was your turn; who asks again stands at the end of the line.',
    operator:
      'Slots warm, or come back, more slowly than callers are willing to wait: see `shoal pool describe`.',
  },
  'line-full': {
    http: 503,
    grpc: 'UNAVAILABLE',
    retry: 'later',
    user: 'A thousand callers wait for this pool already; try again later.',
    operator: 'The line before a pool is as long as it may be; nobody was taken out of it.',
  },
  'hand-off-failed': {
    http: 422,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'No slot could be given what is to be handed off; what failed last is told. Correct that, or try again.',
    operator:
      'Files could not be put into slots, or the command did not exit with 0 in time; each such slot was drained.',
  },
  'hand-off-unknown': {
    http: 500,
    grpc: 'INTERNAL',
    retry: 'later',
    user: 'Nobody knows how far a hand-off came; try again.',
    operator:
      'An agent that is gone had begun it, or it never came. The control plane drains the slot and takes another.',
  },
  'key-reused': {
    http: 422,
    grpc: 'INVALID_ARGUMENT',
    retry: 'never',
    user: 'This key was used with another body; take a new key for each claim.',
    operator:
      'A caller sent an idempotency key again with something else to claim. Nothing was changed.',
  },
  'claim-not-found': {
    http: 404,
    grpc: 'NOT_FOUND',
    retry: 'never',
    user: 'There is no claim of this id: it never was, or is over and its slot is gone.',
    operator: 'A caller named a claim that does not exist or is gone.',
  },
  'claim-over': {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'This claim is over; claim another slot.',
    operator: 'A caller wanted to extend a claim that was released or whose time was up.',
  },
  'ttl-too-long': {
    http: 422,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'The claim would end later than its pool allows (maximumTtl).',
    operator: 'A caller asked for more time than the pool gives. Nothing was changed.',
  },
  'workload-owned': {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'This workload runs a slot of a pool; change the pool, or release the claim.',
    operator: 'A caller wanted to change a workload that a pool owns. Nothing was changed.',
  },
  'quota-exceeded': {
    http: 429,
    grpc: 'RESOURCE_EXHAUSTED',
    retry: 'later',
    user: 'You have taken as many as you may for now; try again later.',
    operator: 'A caller asked for more than its quota allows. Nothing was counted.',
  },
} as const;
