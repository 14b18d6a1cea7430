import { expect, test } from 'vitest';
import { keysAt, manifestJsonSchema } from '../../../manifests/json-schema.ts';

test('the published schema is strict, has an id, and describes what is written, not what is read', () => {
  const schema = manifestJsonSchema();
  expect(schema).toMatchObject({
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'https://shoal.dev/schemas/shoal/v1/manifest.json',
    title: 'Shoal manifest',
    oneOf: [
      { title: 'A service', additionalProperties: false },
      {
        title: 'A job',
        additionalProperties: false,
        properties: { spec: { required: ['command'], additionalProperties: false } },
      },
      { title: 'A schedule', additionalProperties: false },
      { title: 'A pool', additionalProperties: false },
    ],
  });
  expect(manifestJsonSchema()).toEqual(schema);
});

test('the keys that are known at a place', () => {
  expect(keysAt('service', ['spec', 'ports', 3])).toEqual([
    'name',
    'container',
    'host',
    'protocol',
  ]);
  expect(keysAt('job', ['spec'])).toContain('retries');
  expect(keysAt('service', ['spec'])).not.toContain('retries');
  expect(keysAt('job', ['spec', 'environment'])).toEqual([]);
  expect(keysAt('pod', [])).toEqual(['apiVersion', 'metadata', 'kind', 'spec']);
});
