/** The part of the catalogue (refusal.ts) that is about rollouts and versions. */
export const rolloutRefusals = {
  'rollout-none': {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'Nothing waits or is under way; `shoal rollout status` shows how it stands, `undo` goes back.',
    operator: 'A caller promoted or aborted a rollout that is not there, or is over.',
  },
  'rollout-unready': {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: 'later',
    user: 'The canaries are not ready; wait with `shoal rollout status --wait`, or abort.',
    operator: 'A caller promoted a version before its canaries were ready. Nothing was changed.',
  },
  'revision-not-found': {
    http: 404,
    grpc: 'NOT_FOUND',
    retry: 'never',
    user: 'There is no such version to go back to; `shoal rollout history` lists those there are.',
    operator: 'A caller named a revision that never was, or is not kept any more.',
  },
} as const;
