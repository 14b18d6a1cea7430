/** The part of the catalogue (refusal.ts) that is about sessions with instances. */
export const sessionRefusals = {
  'instance-not-running': {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: 'later',
    user: 'The instance does not run at the moment; `shoal get instances` shows what it is up to.',
    operator: 'A session was asked for with an instance whose program does not run.',
  },
  'session-unsupported': {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'The node cannot do this; the detail says what it lacks.',
    operator: 'A session was asked for that the agent or its driver does not know how to carry.',
  },
  'session-not-begun': {
    http: 422,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'What was asked for could not be begun in the instance; the detail says why.',
    operator: 'The command of a session is not there, or nobody listens on its port.',
  },
  'sessions-at-limit': {
    http: 429,
    grpc: 'RESOURCE_EXHAUSTED',
    retry: 'later',
    user: 'Too many sessions are open there; end one, or try again later.',
    operator:
      'A node or a gateway carries as many sessions as it may. See docs/generated/limits.md.',
  },
  'session-lost': {
    http: 502,
    grpc: 'UNAVAILABLE',
    retry: 'later',
    user: 'The other side of the session fell silent, so it was ended; begin anew.',
    operator: 'An agent, a gateway or the bus between them went away during a session.',
  },
  'session-broken': {
    http: 502,
    grpc: 'UNAVAILABLE',
    retry: 'later',
    user: 'Part of the session was lost on the way, so it was ended; begin anew.',
    operator: 'A frame of a session did not arrive, or came too early.',
  },
  'session-over': {
    http: 409,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'The session is over; begin a new one.',
    operator: 'The instance ended, its agent was stopped, or the caller went away.',
  },
  'path-not-found': {
    http: 404,
    grpc: 'NOT_FOUND',
    retry: 'never',
    user: 'There is no such file or folder in the instance.',
    operator: 'Somebody wanted to copy from, or to, a path that is not there.',
  },
  'copy-refused': {
    http: 422,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'This cannot be copied; the detail names it. No file is there by half.',
    operator:
      'A path or an entry of an archive leads out of the instance, may not be read or written, or is damaged.',
  },
  'copy-no-room': {
    http: 507,
    grpc: 'RESOURCE_EXHAUSTED',
    retry: 'later',
    user: 'There is no space for the copy; no file is there by half.',
    operator: 'A disk of a node, or its limit, was full while files were copied to an instance.',
  },
  'upgrade-required': {
    http: 426,
    grpc: 'FAILED_PRECONDITION',
    retry: 'never',
    user: 'Ask for this as a WebSocket; `shoal exec`, `shoal attach` and `shoal port-forward` do.',
    operator: 'A caller asked for a session with plain HTTP, or with another subprotocol.',
  },
  'origin-foreign': {
    http: 403,
    grpc: 'PERMISSION_DENIED',
    retry: 'never',
    user: 'A page of another site may not open sessions here.',
    operator: 'A browser asked for a WebSocket in the name of a page the gateway did not serve.',
  },
} as const;
