/** The part of the catalogue (refusal.ts) that ends streams which had begun. */
export const streamRefusals = {
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
