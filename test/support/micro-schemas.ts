/**
 * The answers of the NATS services protocol as the `nats` command validates them (types
 * `io.nats.micro.v1.*`): one that does not fit makes `nats micro ls` fail for everybody.
 */
const name = { type: 'string', pattern: '^[A-Za-z0-9_-]+$' };
const id = { type: 'string', minLength: 1 };
const count = { type: 'integer', minimum: 0 };
/** semver.org's own expression. */
const version = {
  type: 'string',
  pattern:
    '^(0|[1-9]\\d*)\\.(0|[1-9]\\d*)\\.(0|[1-9]\\d*)(-((0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*)(\\.(0|[1-9]\\d*|\\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(\\+[0-9a-zA-Z-]+(\\.[0-9a-zA-Z-]+)*)?$',
};
const metadata = { type: ['object', 'null'], additionalProperties: { type: 'string' } };
const subject = { type: 'string', pattern: '^[^ \\t\\r\\n.]+(\\.[^ \\t\\r\\n.]+)*$' };

function object(properties: object): object {
  return {
    type: 'object',
    properties,
    required: Object.keys(properties),
    additionalProperties: false,
  };
}

function answer(type: string, more: object): object {
  return object({
    type: { const: `io.nats.micro.v1.${type}` },
    name,
    id,
    version,
    metadata,
    ...more,
  });
}

const endpoint = { name, subject, queue_group: { type: 'string' } };

export const pingSchema = answer('ping_response', {});

export const infoSchema = answer('info_response', {
  description: { type: 'string' },
  endpoints: { type: 'array', items: object({ ...endpoint, metadata }) },
});

export const statsSchema = answer('stats_response', {
  started: {
    type: 'string',
    pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(\\.\\d+)?(Z|[+-]\\d\\d:\\d\\d)$',
  },
  endpoints: {
    type: 'array',
    items: object({
      ...endpoint,
      num_requests: count,
      num_errors: count,
      last_error: { type: 'string' },
      processing_time: count,
      average_processing_time: count,
      data: { type: 'object' },
    }),
  },
});
