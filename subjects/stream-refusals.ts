/** The part of the catalogue (refusal.ts) about streams: that cannot begin, or which had begun. */
export const streamRefusals = {
  'sidecar-not-found': {
    http: 404,
    grpc: 'NOT_FOUND',
    retry: 'never',
    user: 'There is no sidecar of this name; the detail lists those there are.',
    operator: 'A caller asked for what a sidecar printed that no version of the workload has.',
  },
  'stream-overflow': {
    http: 429,
    grpc: 'RESOURCE_EXHAUSTED',
    retry: 'later',
    user: 'You read more slowly than things happen; go on after the last one you got.',
    operator: 'A caller that watches did not read; what waited for it came to its limit.',
  },
  'gateway-stopping': {
    http: 503,
    grpc: 'UNAVAILABLE',
    retry: 'later',
    user: 'The gateway is stopping; go on after the last one you got, here or at another one.',
    operator: 'A gateway was stopped while somebody watched.',
  },
} as const;
